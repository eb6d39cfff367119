"""Counter boxes that send a line of text for each piece, or their own total now and then.

A line for each piece has no number: one that is lost on the way is a piece lost, and a contact that
bounces cannot be told from a fast worker but by the time that a piece takes at least. A total can
lose lines without losing pieces; where the box can send one, use it.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from pydantic import Field, model_validator
from typing_extensions import override

from drivers.contract import Capability, DriverContext, Manifest, Mode
from drivers.serial_station import Heard, SerialStation, SerialStationConfig
from drivers.serial_station.config import Pattern
from drivers.serial_station.dropped import Dropped
from protocols.records import Count, Record

_Metric = Literal["pieces", "rejects"]

_MAX_DIGITS: Final = 18  # fits every store that we feed
_TOTAL: Final = r"(?P<pieces>\d+)"
_BOOT_OF_TOTALS: Final = "0"  # a box that sends totals does not say when it starts anew


class PulseCounterConfig(SerialStationConfig):
    sends: Literal["piece", "total"] = "piece"
    """"piece": a line for each piece. "total": lines with the box's own counter."""
    piece_pattern: Pattern = ""
    """Lines in which this is found are pieces; empty: all are. For totals, where in a line the
    numbers stand: groups `pieces` and `rejects`; empty: the first number is pieces."""
    reject_pattern: Pattern = ""
    """Pieces whose line has this are rejects too (a box that sends OK or NG: NG)."""
    min_cycle_s: float = Field(default=0.0, ge=0)
    """The least time that a piece takes here. A line sooner after the last piece is a bounce: not
    counted, but kept and told (`pulses_dropped`)."""
    max_silence_s: float = Field(default=900.0, gt=0)
    """An unchanged total is stored again after this time, to show that the box was alive."""

    @model_validator(mode="after")
    def _totals_have_their_group(self) -> "PulseCounterConfig":
        if self.sends == "total":
            groups = re.compile(self.piece_pattern or _TOTAL).groupindex
            if "pieces" not in groups:
                raise ValueError(
                    f"piece_pattern {self.piece_pattern!r} has no group (?P<pieces>\\d+): where "
                    "the total stands in a line"
                )
            if self.min_cycle_s or self.reject_pattern:
                raise ValueError('min_cycle_s and reject_pattern are for sends = "piece"')
        return self


class PulseCounterDriver(SerialStation):
    manifest: ClassVar[Manifest] = Manifest(
        kind="pulse-counter",
        title="Counter boxes that send lines of text on a serial port",
        makes=("any box with an ASCII output: pulse counters, scales, small PLCs, Arduino",),
        mode=Mode.TALKS,
        capabilities=frozenset({Capability.LIVE}),
        simulator="pulse-counter",
        config=PulseCounterConfig,
    )
    MAX_LINE_BYTES = 256

    def __init__(self, config: PulseCounterConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        self._config = config
        self._piece = re.compile(config.piece_pattern or (_TOTAL if self._totals else ""))
        self._reject = re.compile(config.reject_pattern) if config.reject_pattern else None
        self._boot = ""
        self._values: dict[_Metric, int] = {"pieces": 0}
        if self._reject is not None:
            self._values["rejects"] = 0
        self._last_piece: float | None = None
        self._told_at: datetime | None = None
        self.dropped = Dropped()

    @property
    def _totals(self) -> bool:
        return self._config.sends == "total"

    @override
    def opening(self, at: datetime) -> Iterable[Record]:
        """Pieces are counted from 0 in each life of the driver, which is a boot of its own; told
        before the first piece, so that it counts too.
        """
        if self._totals:
            return
        self._boot = at.strftime("%Y%m%dT%H%M%S.%fZ")
        self.next_seq(at)
        for metric in self._values:
            yield self._count(metric, 0, at, f"opened {self._config.port}".encode())

    @override
    def records_of(self, text: str, heard: Heard) -> Sequence[Record]:
        found = self._piece.search(text)
        if found is None:
            return (self._unknown(heard),)
        return self._total(found, heard) if self._totals else self._one_piece(text, heard)

    def _one_piece(self, text: str, heard: Heard) -> Sequence[Record]:
        last, raw = self._last_piece, heard.line.raw
        if last is not None and heard.monotonic - last < self._config.min_cycle_s:
            self.dropped.add(raw)
            return ()
        self._last_piece = heard.monotonic
        self.next_seq(heard.at)
        self._values["pieces"] += 1
        made: list[Record] = [self._count("pieces", self._values["pieces"], heard.at, raw)]
        if self._reject is not None and self._reject.search(text):
            self._values["rejects"] += 1
            made.append(self._count("rejects", self._values["rejects"], heard.at, raw))
        lines, kept = self.dropped.take()
        if lines:
            detail: dict[str, str | int] = {"lines": lines, "total": self.dropped.total}
            made.append(self.event("pulses_dropped", heard.at, detail, raw=kept))
        return made

    def _total(self, found: re.Match[str], heard: Heard) -> Sequence[Record]:
        values: dict[_Metric, int] = {}
        for metric in ("pieces", "rejects"):
            digits = found.groupdict().get(metric)
            if digits is None:
                continue
            if not digits.isdecimal() or len(digits) > _MAX_DIGITS:
                return (self._unknown(heard),)
            values[metric] = int(digits)
        told = self._told_at
        silence = timedelta(seconds=self._config.max_silence_s)
        if (
            told is not None
            and values == self._values
            and timedelta(0) <= heard.at - told < silence
        ):
            return ()
        self._boot, self._values, self._told_at = _BOOT_OF_TOTALS, values, heard.at
        self.next_seq(heard.at)
        return [
            self._count(metric, value, heard.at, heard.line.raw) for metric, value in values.items()
        ]

    def _unknown(self, heard: Heard) -> Record:
        return self.event("line_not_understood", heard.at, {}, raw=heard.line.raw)

    def _count(self, metric: _Metric, value: int, at: datetime, raw: bytes) -> Count:
        return self.reading(metric, value, at, raw=raw, boot_id=self._boot)

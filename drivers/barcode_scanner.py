"""Barcode scanners on a serial port (also USB scanners in their serial mode, VCP).

What a code means decides what becomes of it, and what the same code twice means:

- a badge is a punch, and from then on the operator of what is counted here;
- a work order is an event; twice within `repeat_s` is a double read;
- a product number is a piece, each time: all pieces of a product carry the same;
- a serialised code is one piece, however often it is read: it is counted once, and the event
  `piece_scanned` names it with the operator, which is the strongest evidence of who made it.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from drivers.contract import Capability, DriverContext, Manifest, Mode
from drivers.serial_station import Heard, SerialStation, SerialStationConfig
from drivers.serial_station.config import Pattern
from drivers.serial_station.dropped import Dropped
from protocols.barcodes import is_trade_item
from protocols.records import Channel, Count, Punch, Record

Meaning = Literal["badge", "work_order", "serialised", "product"]

STATE_NOT_ASKED: Final = 255
VERIFY_CARD: Final = 2  # a badge is a badge, however it is read
# A trigger that is held reads the same paper again within this time.
_USUAL_REPEAT_S: Final[dict[Meaning, float]] = {"badge": 5.0, "work_order": 5.0, "product": 0.0}
_REMEMBERED_PIECES: Final = 10_000  # more than a station makes in a day
_REMEMBERED_SECONDS: Final = 256


class CodeConfig(BaseModel):
    """One kind of code. The first whose pattern fits the whole code decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    means: Meaning
    """"badge", "work_order", "serialised" (each piece its own code) or "product" (one for all)."""
    pattern: Pattern = Field(min_length=1)
    """Regular expression for the whole code. A group `id` in it is the number without its prefix."""
    repeat_s: float | None = Field(default=None, ge=0, le=600)
    """The same code again within this time is a double read. Left out: 5 s for badges and work
    orders, 0 for products. A serialised code is one piece for ever."""


class BarcodeScannerConfig(SerialStationConfig):
    codes: tuple[CodeConfig, ...] = ()
    """What codes mean here. What fits none: a product number (EAN, UPC, GTIN with a right check
    digit) is a product, anything else is kept as an event and counts nothing."""
    counts: Literal["pieces", "rejects"] = "pieces"
    """What a scanned piece is: "rejects" at a station where only rejects are scanned."""
    badge_s: float = Field(default=43_200.0, gt=0)
    """So long a badge stands for the operator, unless another one is scanned."""


class BarcodeScannerDriver(SerialStation):
    manifest: ClassVar[Manifest] = Manifest(
        kind="barcode-scanner",
        title="Barcode and QR scanners on a serial port (or USB as a serial port)",
        makes=("Honeywell", "Zebra", "Datalogic", "Newland", "any scanner with a serial mode"),
        mode=Mode.TALKS,
        capabilities=frozenset({Capability.LIVE}),
        simulator="barcode-scanner",
        config=BarcodeScannerConfig,
    )
    MAX_LINE_BYTES = 4_400  # the largest QR code holds 4,296 characters

    def __init__(self, config: BarcodeScannerConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        self._config = config
        self._codes = [(re.compile(code.pattern), code) for code in config.codes]
        self._boot = ""
        self._value = 0
        self._badge: tuple[str, float] | None = None
        self._seen: dict[str, float] = {}
        self._pieces: OrderedDict[str, None] = OrderedDict()
        self._ordinals: OrderedDict[tuple[datetime, str], int] = OrderedDict()
        self.dropped = Dropped()

    @override
    def opening(self, at: datetime) -> Iterable[Record]:
        """Pieces are counted from 0 in each life of the driver, which is a boot of its own."""
        self._boot = at.strftime("%Y%m%dT%H%M%S.%fZ")
        yield self._count(at, None, f"opened {self._config.port}".encode())

    @override
    def records_of(self, text: str, heard: Heard) -> Sequence[Record]:
        means, code, repeat_s = self._meaning(text)
        if self._is_double(text, heard.monotonic, repeat_s):
            self.dropped.add(heard.line.raw)
            return ()
        records = [*self._records(means, code, heard)]
        lines, kept = self.dropped.take()
        if lines:
            detail: dict[str, str | int] = {"lines": lines, "total": self.dropped.total}
            records.append(self.event("scans_dropped", heard.at, detail, raw=kept))
        return records

    def _meaning(self, text: str) -> tuple[Meaning | None, str, float]:
        """What the code means, its number, and for how long it is a double read."""
        for pattern, code in self._codes:
            found = pattern.fullmatch(text)
            if found is not None:
                usual = _USUAL_REPEAT_S.get(code.means, 0.0)
                repeat_s = usual if code.repeat_s is None else code.repeat_s
                return code.means, found.groupdict().get("id") or text, repeat_s
        return ("product" if is_trade_item(text) else None), text, 0.0

    def _is_double(self, text: str, now: float, repeat_s: float) -> bool:
        before = self._seen.get(text)
        longest = max((code.repeat_s or 0.0 for code in self._config.codes), default=0.0)
        kept_s = max(longest, *_USUAL_REPEAT_S.values())
        self._seen = {code: at for code, at in self._seen.items() if now - at < kept_s}
        if before is not None and now - before < repeat_s:
            return True
        self._seen[text] = now
        return False

    def _records(self, means: Meaning | None, code: str, heard: Heard) -> Iterable[Record]:
        at, raw = heard.at, heard.line.raw
        match means:
            case "badge":
                yield self._punch(code, at, raw)
                self._badge = code, heard.monotonic
                # What was counted until now and what comes meet at this value, none in between.
                yield self._count(at, code, raw)
            case "work_order":
                yield self.event("work_order_scanned", at, {"code": code}, raw=raw)
            case "serialised":
                yield from self._serialised(code, heard)
            case "product":
                self._value += 1
                yield self._count(at, self._operator(heard.monotonic), raw)
            case None:
                yield self.event("code_not_understood", at, {"code": code}, raw=raw)

    def _serialised(self, code: str, heard: Heard) -> Iterable[Record]:
        badge = self._operator(heard.monotonic)
        detail: dict[str, str | int] = {"code": code, "badge": badge or ""}
        if code in self._pieces:
            self._pieces.move_to_end(code)
            yield self.event("piece_scanned_again", heard.at, detail, raw=heard.line.raw)
            return
        self._pieces[code] = None
        if len(self._pieces) > _REMEMBERED_PIECES:
            self._pieces.popitem(last=False)
        self._value += 1
        count = self._count(heard.at, badge, heard.line.raw)
        yield count
        detail |= {"metric": count.metric, "boot_id": count.boot_id, "seq": count.seq}
        yield self.event("piece_scanned", heard.at, detail, raw=heard.line.raw)

    def _operator(self, now: float) -> str | None:
        if self._badge is not None and now - self._badge[1] >= self._config.badge_s:
            self._badge = None
        return self._badge[0] if self._badge else None

    def _count(self, at: datetime, badge: str | None, raw: bytes) -> Count:
        self.next_seq(at)
        return self.reading(
            self._config.counts, self._value, at, raw=raw, boot_id=self._boot, badge=badge
        )

    def _punch(self, badge: str, at: datetime, raw: bytes) -> Punch:
        device_time = self.wall(at).replace(microsecond=0)
        return Punch(
            serial=self._serial,
            user_id=badge,
            device_time=device_time,
            state=STATE_NOT_ASKED,
            verify=VERIFY_CARD,
            method="card",
            card=badge,
            channel=Channel.LIVE,
            ordinal=self._ordinal(device_time, badge),
            raw=raw,
        )

    def _ordinal(self, device_time: datetime, badge: str) -> int:
        key = device_time, badge
        ordinal = self._ordinals.get(key, -1) + 1
        self._ordinals[key] = ordinal
        self._ordinals.move_to_end(key)
        if len(self._ordinals) > _REMEMBERED_SECONDS:
            self._ordinals.popitem(last=False)
        return ordinal

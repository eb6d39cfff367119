"""Messages become records: what the driver decides about time, identity and badness."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.line_json import (
    GW_V1_STATUS,
    MAX_TOPIC,
    Gap,
    GapWatch,
    LineMessage,
    RunningTotals,
    Sample,
    TopicMapping,
    read_message,
    read_status,
)
from protocols.records import Count, DeviceEvent, Flag, Quarantined, Record

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# A box that lost its battery is in 1970 or in the year of its firmware.
_CLOCK_WORKS_FROM: Final = datetime(2010, 1, 1, tzinfo=UTC)
_FUTURE: Final = timedelta(days=1)
# Of a message that cannot be read so much is kept; what was meant shows in the beginning.
_KEPT_BYTES: Final = 4 * 1024
_KEPT_A_MINUTE: Final = 600


class Arrival(Struct, frozen=True, kw_only=True):
    """A message of a broker. `topic` None: it was no UTF-8."""

    topic: str | None
    payload: bytes
    retain: bool
    at: datetime
    monotonic_s: float


class Translated(Struct, frozen=True, kw_only=True):
    records: tuple[Record, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


class Translator:
    """`counters` tells what was met, for the status page: words of ours."""

    def __init__(
        self,
        mappings: Sequence[TopicMapping],
        *,
        serial: str,
        zone: str,
        totals: RunningTotals,
    ) -> None:
        self._mappings = mappings
        self._serial = serial
        self._zone = ZoneInfo(zone)
        self._gaps = GapWatch()
        self._kept: list[float] = []
        self._matched: dict[str, tuple[TopicMapping, dict[str, str]] | None] = {}
        self.totals = totals
        self.counters: Counter[str] = Counter()

    @property
    def adds_up(self) -> bool:
        return any(mapping.counting == "delta" for mapping in self._mappings)

    def translate(self, arrival: Arrival) -> Translated:
        """What the message becomes; never nothing without a counter."""
        topic = arrival.topic
        if topic is None or len(topic) > MAX_TOPIC:
            return self._refuse(arrival, "a topic that is no text, or too long")
        try:
            found = self._mapping_of(topic)
            if found is not None:
                return self._counts(arrival, topic, *found)
            station = GW_V1_STATUS.match(topic)
            if station is not None:
                return Translated(records=(self._status(arrival, station),))
        except ProtocolError as exc:
            return self._refuse(arrival, str(exc))
        self.counters["not_mapped"] += 1
        return Translated()

    def due(self, at: datetime, monotonic_s: float) -> tuple[Record, ...]:
        """Gaps that nobody waits for any more."""
        return tuple(self._gap_event(gap, at) for gap in self._gaps.due(monotonic_s))

    def next_due_s(self) -> float | None:
        return self._gaps.next_due_s()

    def _mapping_of(self, topic: str) -> tuple[TopicMapping, dict[str, str]] | None:
        if topic in self._matched:
            return self._matched[topic]
        found = None
        for mapping in self._mappings:
            names = mapping.filter.match(topic)
            if names is not None:
                found = mapping, dict(names)
                break
        if len(self._matched) >= MAX_REMEMBERED_TOPICS:
            self._matched.clear()
        self._matched[topic] = found
        return found

    def _counts(
        self, arrival: Arrival, topic: str, mapping: TopicMapping, names: dict[str, str]
    ) -> Translated:
        message = read_message(mapping, names, arrival.payload)
        at, flags = self._time_of(message, arrival)
        if mapping.counting == "delta":
            return Translated(records=self._added_up(arrival, topic, message, at, flags))
        if message.seq is None:
            seq = (at - _EPOCH) // _MILLISECOND
        else:
            seq = message.seq
            gaps = self._gaps.note(message.source, message.boot, seq, arrival.monotonic_s)
            if gaps:
                events = tuple(self._gap_event(gap, arrival.at) for gap in gaps)
                return Translated(
                    records=(*events, *_records(message, seq, at, flags, arrival.payload))
                )
        return Translated(records=tuple(_records(message, seq, at, flags, arrival.payload)))

    def _time_of(self, message: LineMessage, arrival: Arrival) -> tuple[datetime, tuple[Flag, ...]]:
        """The box's own time, wrong or not: it makes a repeat the same reading. A box without one
        gets the gateway's.
        """
        at = message.at
        if at is None:
            self.counters["without_time"] += 1
            return arrival.at, ()
        if at < _CLOCK_WORKS_FROM:
            self.counters["clock_suspect"] += 1
            return at, (Flag.CLOCK_SUSPECT,)
        if at > arrival.at + _FUTURE:
            self.counters["future"] += 1
            return at, (Flag.FUTURE,)
        return at, ()

    def _added_up(
        self,
        arrival: Arrival,
        topic: str,
        message: LineMessage,
        at: datetime,
        flags: tuple[Flag, ...],
    ) -> tuple[Record, ...]:
        told_apart = message.at is not None or message.seq is not None
        if arrival.retain or (told_apart and self.totals.is_repeat(topic, arrival.payload)):
            self.counters["increment_repeated"] += 1
            return ()
        if not told_apart:
            self.counters["increment_without_identity"] += 1
        records: list[Record] = []
        for sample in message.samples:
            key = "\x1f".join(
                (message.source, message.tag, sample.metric, sample.reject_code or "")
            )
            for total in self.totals.add(key, sample.value):
                summed = Sample(sample.metric, total.value, sample.reject_code)
                records += _records(
                    message, total.seq, at, flags, arrival.payload,
                    samples=(summed,), boot=self.totals.epoch,
                )  # fmt: skip
        return tuple(records)

    def _status(self, arrival: Arrival, names: Mapping[str, str]) -> DeviceEvent:

        status = read_status(arrival.payload)
        source = "{site}/{line}/{station}".format_map(names)
        return self._event(
            source,
            "station_online" if status.online else "station_offline",
            arrival.at,
            {"boot": "" if status.boot is None else str(status.boot)[:200]},
            arrival.payload,
        )

    def _gap_event(self, gap: Gap, at: datetime) -> DeviceEvent:
        self.counters["gaps"] += 1
        missing = gap.last - gap.first + 1
        detail: dict[str, str | int] = {
            "boot": gap.boot,
            "from_seq": gap.first,
            "to_seq": gap.last,
            "missing": missing,
        }
        return self._event(gap.source, "count_gap", at, detail, repr(gap).encode())

    def _event(
        self, source: str, code: str, at: datetime, detail: dict[str, str | int], raw: bytes
    ) -> DeviceEvent:
        wall = at.astimezone(self._zone).replace(tzinfo=None)
        return DeviceEvent(serial=source, code=code, device_time=wall, detail=detail, raw=raw)

    def _refuse(self, arrival: Arrival, reason: str) -> Translated:
        """To quarantine, as long as the minute has room: noise must not fill the spool."""
        self.counters["refused"] += 1
        now = arrival.monotonic_s
        self._kept = [at for at in self._kept if now - at < 60]
        if len(self._kept) >= _KEPT_A_MINUTE:
            self.counters["refused_not_kept"] += 1
            return Translated()
        self._kept.append(now)
        topic = arrival.topic if arrival.topic is not None else "(no text)"
        size = len(arrival.payload)
        cut = f"; the first {_KEPT_BYTES} of {size} bytes are kept" if size > _KEPT_BYTES else ""
        bad = Quarantined(
            source=f"{self._serial} {topic[:MAX_TOPIC]}",
            offset=0,
            reason=f"{reason}{cut}",
            raw=arrival.payload[:_KEPT_BYTES],
        )
        return Translated(quarantined=(bad,))


def _records(  # noqa: PLR0913 - the facts of one message
    message: LineMessage,
    seq: int,
    at: datetime,
    flags: tuple[Flag, ...],
    raw: bytes,
    *,
    samples: Sequence[Sample] | None = None,
    boot: str | None = None,
) -> Iterator[Record]:
    for sample in message.samples if samples is None else samples:
        yield Count(
            source=message.source,
            tag=message.tag,
            metric=sample.metric,
            value=sample.value,
            boot_id=message.boot if boot is None else boot,
            seq=seq,
            source_time=at,
            reject_code=sample.reject_code,
            badge=message.badge,
            flags=flags,
            raw=raw,
        )


MAX_REMEMBERED_TOPICS: Final = 10_000

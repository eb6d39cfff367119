"""What the host has heard becomes counts and events."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from drivers.sparkplug_host.config import MetricConfig
from protocols.records import Count, DeviceEvent, Flag, Quarantined, Record
from protocols.sparkplug import (
    BD_SEQ,
    Deviation,
    Heard,
    Lost,
    MessageType,
    Payload,
    Reading,
    Topic,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_CLOCK_WORKS_FROM: Final = datetime(2010, 1, 1, tzinfo=UTC)
_FUTURE: Final = timedelta(days=1)
_LARGEST: Final = (1 << 63) - 1  # what the core's column holds
# Room for the readings of one millisecond; 2^53 is not reached before 2039.
_PER_MILLISECOND: Final = 4096
_STALE: Final = 500
_GOOD: Final = 192
_MAX_SOURCES: Final = 10_000
_KEPT_BYTES: Final = 4 * 1024


class _Station(Struct):
    """What a source says beside its counts, and keeps until it says otherwise."""

    badge: str | None = None
    boot: str = ""


class SparkplugTranslator:
    """`counters` tells what was met, for the status page.

    Sparkplug's seq counts messages up to 255 and bdSeq its connections, which say nothing about the
    counters in the box. So a reading has a number made of the time at which the gateway heard it
    (of its own time, when the box had kept it), and a boot only where a metric is mapped to it.
    """

    def __init__(self, metrics: Sequence[MetricConfig], *, zone: str) -> None:
        self._metrics = metrics
        self._zone = ZoneInfo(zone)
        self._stations: dict[str, _Station] = {}
        self._meanings: dict[tuple[str, str], MetricConfig | None] = {}
        self._last_seq = 0
        self.counters: Counter[str] = Counter()

    def translate(
        self, topic: Topic, payload: Payload, heard: Heard, at: datetime
    ) -> tuple[list[Record], list[Quarantined]]:
        records: list[Record] = []
        quarantined: list[Quarantined] = []
        if not topic.type.is_data:
            records.append(self._message_event(topic, heard, at))
        if topic.type.is_command or topic.type in {MessageType.NDEATH, MessageType.DDEATH}:
            return records, quarantined
        station = self._station_of(topic.source)
        readings = [(self._meaning_of(topic.source, r), r) for r in heard.readings]
        for mapped, reading in readings:
            if mapped is not None and mapped.meaning in {"badge", "boot"}:
                records += self._note(topic.source, station, mapped.meaning, reading, at)
        behind = _behind(payload, at)
        for mapped, reading in readings:
            if reading.tag is None:
                quarantined.append(_unread(topic.source, reading, "an alias that no birth defines"))
            elif mapped is not None and mapped.meaning in {"pieces", "rejects"}:
                self._count(
                    topic.source, station, mapped, reading, at, behind, records, quarantined
                )
        return records, quarantined

    def lost(self, lost: Lost, at: datetime) -> DeviceEvent:
        self.counters["messages_lost"] += lost.messages
        return self._event(
            lost.node_key, "count_gap", at, {"messages": lost.messages}, repr(lost).encode()
        )

    def _note(
        self, source: str, station: _Station, meaning: str, reading: Reading, at: datetime
    ) -> list[Record]:
        text = None if reading.value in (None, "") else str(reading.value)[:200]
        if meaning == "boot":
            station.boot = text or ""
            return []
        if station.badge == text or reading.metric.is_historical:
            return []
        station.badge = text
        detail: dict[str, str | int] = {"badge": text or ""}
        return [self._event(source, "badge_changed", at, detail, reading.metric.raw)]

    def _count(  # noqa: PLR0913 - the facts of one reading, and where it goes
        self,
        source: str,
        station: _Station,
        mapped: MetricConfig,
        reading: Reading,
        at: datetime,
        behind: timedelta,
        records: list[Record],
        quarantined: list[Quarantined],
    ) -> None:
        value = reading.value
        if value is None or reading.tag is None:
            return  # "no value now" is no reading
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
        if not whole or Deviation.OUT_OF_RANGE in reading.deviations:
            self.counters["refused"] += 1
            quarantined.append(_unread(source, reading, f"{reading.tag}: {value!r} is no count"))
            return
        assert isinstance(value, int)  # noqa: S101 - `whole` says so
        source_time, flags = self._time_of(reading, at)
        metric: Literal["pieces", "rejects"] = "pieces" if mapped.meaning == "pieces" else "rejects"
        records.append(
            Count(
                source=source,
                tag=reading.tag,
                metric=metric,
                value=value,
                boot_id=station.boot,
                seq=self._seq_of(reading, source_time, at, behind),
                source_time=source_time,
                reject_code=mapped.reject_code,
                badge=None if reading.metric.is_historical else station.badge,
                quality=_quality(reading.metric.quality),
                flags=flags,
                raw=reading.metric.raw,
            )
        )

    def _time_of(self, reading: Reading, at: datetime) -> tuple[datetime, tuple[Flag, ...]]:
        """The box's own time, wrong or not; the gateway's where it has none."""
        if reading.timestamp is None:
            self.counters["without_time"] += 1
            return at, ()
        try:
            told = _EPOCH + reading.timestamp * _MILLISECOND
        except OverflowError:
            self.counters["clock_suspect"] += 1
            return at, (Flag.CLOCK_SUSPECT,)
        if told < _CLOCK_WORKS_FROM:
            self.counters["clock_suspect"] += 1
            return told, (Flag.CLOCK_SUSPECT,)
        if told > at + _FUTURE:
            self.counters["future"] += 1
            return told, (Flag.FUTURE,)
        return told, ()

    def _seq_of(
        self, reading: Reading, source_time: datetime, at: datetime, behind: timedelta
    ) -> int:
        """Live readings count on; what the box had kept, or what came late, goes to its own time."""
        if reading.metric.is_historical or reading.late:
            return max(0, (source_time + behind - _EPOCH) // _MILLISECOND) * _PER_MILLISECOND
        self._last_seq = max(self._last_seq + 1, (at - _EPOCH) // _MILLISECOND * _PER_MILLISECOND)
        return self._last_seq

    def _message_event(self, topic: Topic, heard: Heard, at: datetime) -> DeviceEvent:
        detail: dict[str, str | int] = {"metrics": len(heard.readings)}
        if heard.bd_seq is not None:
            detail["bd_seq"] = heard.bd_seq
        if heard.lost:
            detail["messages_lost"] = heard.lost
        for deviation in heard.deviations:
            detail[deviation.value] = 1
        # Two births of one millisecond are told apart by their bytes.
        raw = b"".join(r.metric.raw for r in heard.readings)[:_KEPT_BYTES]
        code = f"sparkplug_{topic.type.value.lower()}"
        return self._event(topic.source, code, at, detail, raw)

    def _event(
        self, source: str, code: str, at: datetime, detail: dict[str, str | int], raw: bytes
    ) -> DeviceEvent:
        wall = at.astimezone(self._zone).replace(tzinfo=None)
        return DeviceEvent(serial=source, code=code, device_time=wall, detail=detail, raw=raw)

    def _meaning_of(self, source: str, reading: Reading) -> MetricConfig | None:
        tag = reading.tag
        if tag is None or tag == BD_SEQ:
            return None
        key = source, tag
        if key not in self._meanings:
            if len(self._meanings) >= _MAX_SOURCES:
                self._meanings.clear()
            found = next((one for one in self._metrics if one.fits(source, tag)), None)
            self._meanings[key] = found
        found = self._meanings[key]
        self.counters["mapped" if found is not None else "not_mapped"] += 1
        return found

    def _station_of(self, source: str) -> _Station:
        station = self._stations.get(source)
        if station is None:
            if len(self._stations) >= _MAX_SOURCES:
                self._stations.clear()  # births say all of it again
            station = self._stations[source] = _Station()
        return station


def _behind(payload: Payload, at: datetime) -> timedelta:
    """Gateway minus box, by the message's own time: where what the box had kept really belongs."""
    if payload.timestamp is None:
        return timedelta(0)
    try:
        return at - (_EPOCH + payload.timestamp * _MILLISECOND)
    except OverflowError:
        return timedelta(0)


def _quality(number: int | None) -> Literal["good", "uncertain", "bad"]:
    if number is None or number == _GOOD:
        return "good"
    return "uncertain" if number == _STALE else "bad"


def _unread(source: str, reading: Reading, reason: str) -> Quarantined:
    return Quarantined(source=source, offset=0, reason=reason, raw=reading.metric.raw[:_KEPT_BYTES])

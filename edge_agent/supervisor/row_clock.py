"""Deliveries cut where a device's clock was set, so that each part carries the offset of its rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from drivers.contract import Delivery
from edge_agent.spool.store import PastReading
from edge_agent.supervisor.row_offsets import Readings, RowOffset, RowOffsets
from protocols.records import ClockReading, Count, DeviceEvent, Record

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - device clocks are naive
_MILLISECOND = timedelta(milliseconds=1)
_UNKNOWN = RowOffset(None)


class Part(NamedTuple):
    delivery: Delivery
    offset: RowOffset


class RowClock:
    """Of one device, for one fetch: `past` is what was read before, `began` when this one did.

    steady  the gateway's own clock is trusted and was not set since the last fetch; without that a
            reading says nothing about the device, and no row is blamed
    """

    def __init__(
        self, zone: str, past: PastReading | None, began: datetime, *, steady: bool
    ) -> None:
        self._zone = ZoneInfo(zone)
        self._past = past
        self._began = began
        self._steady = steady
        self._sets: list[datetime] = []

    def parts(self, delivery: Delivery) -> Iterator[Part]:
        """The delivery, whole where all its rows have one offset; the last part has the cursor."""
        self._note_sets(delivery.records)
        if delivery.clock is None or not self._comparable(delivery.clock):
            yield Part(delivery, _UNKNOWN)
            return
        offsets = RowOffsets(self._readings(delivery.clock))
        times = _bounds(delivery)
        whole = offsets.of_all(times) if times else _UNKNOWN
        if whole is not None:
            yield Part(delivery, whole)
            return
        yield from _cut(delivery, offsets)

    def reading(self, delivery: Delivery) -> PastReading | None:
        """What the next fetch must know: only once the log was read whole, for it relies on that."""
        if delivery.clock is None or not delivery.last or delivery.on_device is None:
            return None
        offset_ms = clock_offset_ms(delivery.clock, self._zone.key)
        return PastReading(read_from=self._began, offset_ms=offset_ms)

    def _comparable(self, clock: ClockReading) -> bool:
        set_back = self._past is not None and self._past.read_from > clock.gateway_time
        return self._steady and not set_back

    def _readings(self, clock: ClockReading) -> Readings:
        past = self._past
        return Readings(
            now=self._wall(clock.gateway_time),
            present_ms=clock_offset_ms(clock, self._zone.key),
            read_from=None if past is None else self._wall(past.read_from),
            earlier_ms=None if past is None else past.offset_ms,
            sets=self._sets,
        )

    def _note_sets(self, records: Sequence[Record]) -> None:
        """The operation log comes before the punches (drivers.zk_pull.operations)."""
        self._sets += [
            record.device_time
            for record in records
            if isinstance(record, DeviceEvent) and record.code == "clock_set"
        ]

    def _wall(self, instant: datetime) -> datetime:
        return instant.astimezone(self._zone).replace(tzinfo=None)


def clock_offset_ms(reading: ClockReading, zone: str) -> int:
    """Device clock minus gateway clock, both as wall clocks of the site."""
    wall = reading.gateway_time.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return (reading.device_time - wall) // _MILLISECOND


def _bounds(delivery: Delivery) -> tuple[datetime, ...]:
    """The first and the last device time, () where no row has one."""
    if delivery.packed is not None:
        times = delivery.packed.times
        ends = (min(times), max(times)) if times else ()
        return tuple(_EPOCH + end * _MILLISECOND for end in ends)
    shown = [row.device_time for row in delivery.records if not isinstance(row, Count)]
    return (min(shown), max(shown)) if shown else ()


def _cut(delivery: Delivery, offsets: RowOffsets) -> Iterator[Part]:
    """A part for each offset, rows in their order. Only the last one may move the cursor."""
    rows: dict[RowOffset, list[Record]] = {}
    for record in delivery.every_record():
        offset = _UNKNOWN if isinstance(record, Count) else offsets.of(record.device_time)
        rows.setdefault(offset, []).append(record)
    *others, (last, rest) = rows.items()
    for offset, records in others:
        yield Part(
            Delivery(serial=delivery.serial, records=records, clock=delivery.clock, last=False),
            offset,
        )
    yield Part(replace(delivery, records=rest, packed=None), last)

"""Piece counters behind Modbus, TCP or RTU: polled, without memory, clock or identity of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from typing_extensions import override

from drivers.contract import (
    Delivery,
    Driver,
    DriverContext,
    Identity,
    LogCount,
    Manifest,
    Mode,
)
from drivers.modbus_counter.alarms import CounterAlarms
from drivers.modbus_counter.config import (
    CounterBoxConfig,
    CounterConfig,
    ModbusCounterConfig,
    ModbusRtuConfig,
)
from drivers.modbus_counter.memory import CursorUnreadableError, LastReading, Memory, recall
from drivers.modbus_counter.plausible import Quality, empties_itself, is_strange, judged
from drivers.modbus_counter.register_map import Metric
from drivers.modbus_counter.rounds import CounterReader, Failure, Reading, Round
from drivers.vitals import Vitals
from protocols.records import Count, DeviceEvent, Quarantined, Record

_ALL_GOOD: Final[Mapping[Metric, Quality]] = MappingProxyType({})


class _CounterDriver(Driver):
    """Reads and never writes. Readings go out as they were read: wraps and resets are the core's to
    judge, which sees the next reading too. One that a second look contradicts says so in `quality`.
    """

    def __init__(self, config: CounterBoxConfig, context: DriverContext) -> None:
        self._config = config
        self._serial = config.known_as
        self._zone = ZoneInfo(context.zone)
        self._reader = CounterReader(config, context.clock)
        self._max_silence = timedelta(seconds=config.max_silence_s)
        self._alarms = CounterAlarms(context.clock)
        self._one_at_a_time = asyncio.Lock()  # a hand-over may come in the middle of a poll

    @override
    async def identity(self) -> Identity:
        async with self._one_at_a_time:
            reading = await self._reader.read_any()
        facts = {"answered_unit": str(reading.counter.unit), "answered_tag": reading.counter.tag}
        return Identity(serial=self._serial, facts=facts)

    @override
    async def count(self) -> LogCount:
        return LogCount(records=None)

    @override
    async def fetch(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        """One round. A counter that shows what it showed is left out until `max_silence_s`."""
        yield await self._poll(cursor, forced=False)

    async def hand_over(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        """One round in which every counter speaks, changed or not.

        For the instant at which the operator changes: who made which piece splits at this value.
        """
        yield await self._poll(cursor, forced=True)

    @override
    async def live(self) -> AsyncIterator[Delivery]:
        """A polled box says nothing by itself."""
        nothing: tuple[Delivery, ...] = ()
        for delivery in nothing:
            yield delivery

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        """Nothing to tell the box: it keeps no log."""

    @override
    async def aclose(self) -> None:
        await self._reader.aclose()

    def vitals(self) -> Vitals:
        return Vitals(alarms=self._alarms.all())

    async def _poll(self, cursor: bytes | None, *, forced: bool) -> Delivery:
        quarantined: tuple[Quarantined, ...] = ()
        try:
            memory = recall(cursor)
        except CursorUnreadableError as exc:
            memory = Memory()
            reason = f"cursor not readable, counters start from their present values: {exc}"
            quarantined = (
                Quarantined(source=self._serial, offset=0, reason=reason, raw=cursor or b""),
            )
        async with self._one_at_a_time:
            done = await self._reader.read_round()
            again = await self._second_looks(memory, done)
        records = self._records(memory, done, again, forced=forced)
        return Delivery(
            serial=self._serial,
            records=records,
            quarantined=quarantined,
            cursor=memory.encode() if records else None,
        )

    async def _second_looks(self, memory: Memory, done: Round) -> dict[str, Reading | None]:
        """By tag: a reading that cannot simply follow the last one is taken once more."""
        looks: dict[str, Reading | None] = {}
        for reading in done.readings:
            last = memory.readings.get(reading.counter.tag)
            if last is None or last.boot != reading.values.boot:
                continue
            elapsed_s = (reading.at - last.at).total_seconds()
            if any(
                is_strange(reading.counter, before, value, elapsed_s)
                for before, value in _pairs(last, reading)
            ):
                looks[reading.counter.tag] = await self._reader.read_again(reading.counter)
        return looks

    def _records(
        self, memory: Memory, done: Round, again: dict[str, Reading | None], *, forced: bool
    ) -> list[Record]:
        records: list[Record] = []
        for failure in done.failures:
            tag, code = failure.counter.tag, failure.error.code
            if memory.down.get(tag) != code:
                memory.down[tag] = code
                records.append(self._unreadable(failure))
        for reading in done.readings:
            tag, values, at = reading.counter.tag, reading.values, reading.at
            was_down = memory.down.pop(tag, None) is not None
            if was_down:
                records.append(self._readable_again(reading))
            if tag in again:
                records += self._looked_twice(memory, reading, again[tag])
                continue
            news = memory.is_news(tag, values, at=at, max_silence=self._max_silence)
            if forced or was_down or news:
                records += self._counts(reading, memory.note(tag, values, at=at))
        return records

    def _looked_twice(self, memory: Memory, first: Reading, second: Reading | None) -> list[Record]:
        """A strange reading, and what the second look made of it. Its bytes are kept in any case."""
        counter = first.counter
        last = memory.readings[counter.tag]
        doubtful: dict[Metric, Quality] = dict.fromkeys(first.values.amounts, "uncertain")
        if second is None or second.values.boot != first.values.boot:
            seq = memory.note(counter.tag, first.values, at=first.at, believed=False)
            return list(self._counts(first, seq, doubtful))
        elapsed_s = (first.at - last.at).total_seconds()
        verdicts: dict[Metric, tuple[Quality, Quality]] = {}
        for metric, now in first.values.amounts.items():
            before, then = last.amounts.get(metric, now), second.values.amounts[metric]
            if is_strange(counter, before, now, elapsed_s):
                verdicts[metric] = judged(counter, before, now, then, elapsed_s)
            else:
                verdicts[metric] = "good", "good"
        records: list[Record] = []
        if empties_itself(last.pieces, first.values.pieces, second.values.pieces):
            records += self._emptied_by_reading(first)
        if all(verdict == ("good", "good") for verdict in verdicts.values()):
            if first.values.pieces < last.pieces:
                self._alarms.fell(counter.tag, last.pieces, first.values.pieces, first.at)
            return [*self._counts(first, memory.note(counter.tag, first.values, at=first.at))]
        seq = memory.note(counter.tag, first.values, at=first.at, believed=False)
        records += self._counts(first, seq, {metric: one for metric, (one, _) in verdicts.items()})
        seq = memory.note(counter.tag, second.values, at=second.at)
        records += self._counts(second, seq, {metric: two for metric, (_, two) in verdicts.items()})
        return records

    def _emptied_by_reading(self, reading: Reading) -> list[DeviceEvent]:
        if not self._alarms.empties_itself(reading.counter.tag):
            return []
        what = "it falls whenever it is read: pieces are lost with each lost answer"
        return [self._event("counter_empties_itself", reading.counter, reading.at, {"what": what})]

    def _counts(
        self, reading: Reading, seq: int, quality: Mapping[Metric, Quality] = _ALL_GOOD
    ) -> list[Count]:
        """Pieces and rejects of one instant share their sequence number."""
        return [
            Count(
                source=self._serial,
                tag=reading.counter.tag,
                metric=metric,
                value=value,
                boot_id=reading.values.boot,
                seq=seq,
                source_time=reading.at,
                badge=reading.values.badge,
                quality=quality.get(metric, "good"),
                raw=reading.raw,
            )
            for metric, value in reading.values.amounts.items()
        ]

    def _unreadable(self, failure: Failure) -> DeviceEvent:
        error = failure.error
        return self._event(
            "counter_unreadable",
            failure.counter,
            failure.at,
            {"error": error.code, "what": error.what},
        )

    def _readable_again(self, reading: Reading) -> DeviceEvent:
        return self._event("counter_readable", reading.counter, reading.at, {})

    def _event(
        self, code: str, counter: CounterConfig, at: datetime, facts: dict[str, str]
    ) -> DeviceEvent:
        """The box has no clock: its wall time is the gateway's, in the site's zone.

        `raw` is unit and tag: no device bytes, but it keeps the events of two counters apart.
        """
        return DeviceEvent(
            serial=self._serial,
            code=code,
            device_time=at.astimezone(self._zone).replace(tzinfo=None),
            detail={"tag": counter.tag, "unit": counter.unit, **facts},
            raw=bytes([counter.unit]) + counter.tag.encode(),
        )


class ModbusCounterDriver(_CounterDriver):
    manifest: ClassVar[Manifest] = Manifest(
        kind="modbus-counter",
        title="Piece counters over Modbus TCP",
        makes=("any PLC, counter or remote I/O with Modbus TCP, or RTU behind a converter",),
        mode=Mode.POLLED,
        capabilities=frozenset(),
        simulator="modbus-counter",
        config=ModbusCounterConfig,
    )


class ModbusRtuDriver(_CounterDriver):
    """Several devices may share the line: they take turns (rtu_session)."""

    manifest: ClassVar[Manifest] = Manifest(
        kind="modbus-rtu",
        title="Piece counters over Modbus RTU, on a serial line (RS-485, RS-232)",
        makes=("any PLC, counter or remote I/O with Modbus RTU",),
        mode=Mode.POLLED,
        capabilities=frozenset(),
        simulator="modbus-rtu",
        config=ModbusRtuConfig,
    )


def _pairs(last: LastReading, reading: Reading) -> Iterator[tuple[int, int]]:
    """What each number of the counter was, and is."""
    for metric, value in reading.values.amounts.items():
        if metric in last.amounts:
            yield last.amounts[metric], value

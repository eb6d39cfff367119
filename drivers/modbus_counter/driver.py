"""Piece counters behind Modbus TCP: polled, without memory, clock or identity of their own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import ClassVar, Literal
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
from drivers.modbus_counter.config import CounterConfig, ModbusCounterConfig
from drivers.modbus_counter.memory import CursorUnreadableError, Memory, recall
from drivers.modbus_counter.rounds import CounterReader, Failure, Reading, Round
from protocols.records import Count, DeviceEvent, Quarantined, Record


class ModbusCounterDriver(Driver):
    """Reads and never writes. Readings go out as they were read: wraps, resets and torn words are
    the core's to judge, which sees the next reading too.
    """

    manifest: ClassVar[Manifest] = Manifest(
        kind="modbus-counter",
        title="Piece counters over Modbus TCP",
        makes=("any PLC, counter or remote I/O with Modbus TCP, or RTU behind a gateway",),
        mode=Mode.POLLED,
        capabilities=frozenset(),
        simulator="modbus-counter",
        config=ModbusCounterConfig,
    )

    def __init__(self, config: ModbusCounterConfig, context: DriverContext) -> None:
        self._config = config
        self._serial = config.known_as
        self._zone = ZoneInfo(context.zone)
        self._reader = CounterReader(config, context.clock)
        self._max_silence = timedelta(seconds=config.max_silence_s)
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
        records = self._records(memory, done, forced=forced)
        return Delivery(
            serial=self._serial,
            records=records,
            quarantined=quarantined,
            cursor=memory.encode() if records else None,
        )

    def _records(self, memory: Memory, done: Round, *, forced: bool) -> list[Record]:
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
            news = memory.is_news(tag, values, at=at, max_silence=self._max_silence)
            if forced or was_down or news:
                records += self._counts(reading, memory.note(tag, values, at=at))
        return records

    def _counts(self, reading: Reading, seq: int) -> list[Count]:
        """Pieces and rejects of one instant share their sequence number."""
        values = reading.values
        metrics: list[tuple[Literal["pieces", "rejects"], int | None]] = [
            ("pieces", values.pieces),
            ("rejects", values.rejects),
        ]
        return [
            Count(
                source=self._serial,
                tag=reading.counter.tag,
                metric=metric,
                value=value,
                boot_id=values.boot,
                seq=seq,
                source_time=reading.at,
                badge=values.badge,
                raw=reading.raw,
            )
            for metric, value in metrics
            if value is not None
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

"""The spool: what the rest of the agent stores into and drains from.

Everything that changes the file runs on one writer thread and is durable when its call returns;
questions are answered beside it from what is committed.
"""

import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from typing import Literal, Self

import msgspec

from drivers.contract import Delivery
from drivers.ports import Clock
from edge_agent.spool import (
    chain,
    correction,
    drain,
    inspection,
    publishing,
    reading,
    schema,
    sinks,
    units,
)
from edge_agent.spool.chain import Rewound
from edge_agent.spool.checkpoint import Checkpointer
from edge_agent.spool.codec import Envelope, PastReading, instant, microseconds
from edge_agent.spool.errors import (
    SpoolClosedError,
    SpoolCorruptError,
    SpoolError,
    SpoolFullError,
    SpoolLockedError,
)
from edge_agent.spool.housekeeping import Housekeeping
from edge_agent.spool.intake import EventLog
from edge_agent.spool.lanes import Lane
from edge_agent.spool.lock import SpoolLock
from edge_agent.spool.reader import Reader
from edge_agent.spool.results import (
    Appended,
    Backlog,
    Corrected,
    DeadLetter,
    DeviceLedger,
    PendingBatch,
    Settled,
    SpoolStats,
    StoredEvent,
)
from edge_agent.spool.salvage import Salvaged, aside_name, finish_salvage, salvage
from edge_agent.spool.taking_up import take_up_acts
from edge_agent.spool.writer import Writer
from edge_agent.timekeeping import ClockStep, Stamp
from protocols.batch_chain import FIRST_PREVIOUS, ChainHead
from protocols.record_digest import BATCH_SALT_BYTES
from protocols.records import DeviceEvent, Flag
from protocols.uplink import Answer, Observation, Watermark

__all__ = [
    "Appended",
    "Backlog",
    "ChainHead",
    "Corrected",
    "DeadLetter",
    "DeviceLedger",
    "Lane",
    "PastReading",
    "PendingBatch",
    "Rewound",
    "Settled",
    "Spool",
    "SpoolClosedError",
    "SpoolCorruptError",
    "SpoolError",
    "SpoolFullError",
    "SpoolLockedError",
    "SpoolStats",
    "StoredEvent",
]


class Spool:
    """Build with `Spool.open`, end with `close`. Every method may raise SpoolError."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        lock: SpoolLock,
        boot_id: str,
        entropy: Callable[[int], bytes],
    ) -> None:
        """The file is prepared and `lock` is held. `entropy` gives that many random bytes."""
        self._path = path
        self._entropy = entropy
        self._clock = clock
        self._lock: SpoolLock | None = lock
        self.salvaged: Salvaged | None = None
        with schema.session(path) as connection:
            boot = connection.execute(
                """INSERT INTO boots (boot_id, first_opened_at) VALUES (?, ?)
                ON CONFLICT (boot_id) DO UPDATE SET boot_id = excluded.boot_id RETURNING boot""",
                (boot_id, microseconds(clock.now())),
            ).fetchone()[0]
            self._log = EventLog(connection, boot=boot)
            connection.execute("BEGIN IMMEDIATE")
            take_up_acts(connection, self._log, self._own_envelope("UTC"))
            connection.execute("COMMIT")
        self._checkpointer = Checkpointer(path)
        self._writer = Writer(path, clock, self._checkpointer)
        self._reader = Reader(path)
        self.housekeeping = Housekeeping(path, self._writer, self._reader, self._log)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        boot_id: str,
        entropy: Callable[[int], bytes] = token_bytes,
        heal: bool = False,
    ) -> Self:
        """Creates the file (0600; its folder must exist), checks it, brings its schema up to date.

        A damaged file is set aside with `heal`, and what can be read of it begins a new one:
        `salvaged` tells. Raises SpoolError: SpoolLockedError while another process writes it,
        SpoolCorruptError when its pages are damaged.
        """
        schema.require_folder(path)
        lock = SpoolLock(path)
        try:
            finish_salvage(path, aside_name(path, clock.now()))
            schema.create_file(path)
            salvaged = None
            try:
                schema.prepare(path)
            except SpoolCorruptError as error:
                if not heal:
                    raise
                monotonic_ms = int(clock.monotonic() * 1000)
                salvaged = salvage(path, error.what, clock.now(), boot_id, monotonic_ms)
                schema.prepare(path)
            spool = cls(path, clock=clock, lock=lock, boot_id=boot_id, entropy=entropy)
        except BaseException:
            lock.release()
            raise
        spool.salvaged = salvaged
        return spool

    async def append(  # noqa: PLR0913 - each is a fact of the arrival, all named at the call
        self,
        delivery: Delivery,
        *,
        device_name: str,
        zone: str,
        lane: Lane,
        received_at: datetime,
        clock_offset_ms: int | None,
        flags: tuple[Flag, ...] = (),
        past_reading: PastReading | None = None,
    ) -> Appended:
        """Returns when records, quarantine, counters and cursor are durable: all, or none.

        `past_reading` is kept for the next read (`last_reading`); None leaves the kept one.

        After a SpoolError, or when its caller was cancelled, a delivery may be stored all the
        same; delivering it again is always right.
        """
        envelope = Envelope(
            device_name=device_name,
            zone=zone,
            lane=lane,
            received_at=received_at,
            monotonic_ms=self._monotonic_ms(),
            clock_offset_ms=clock_offset_ms,
            flags=flags,
            reading=past_reading,
        )
        return await self._writer.run_jointly(self._log.append_all, (delivery, envelope))

    async def last_reading(self, serial: str) -> PastReading | None:
        """The device's clock at the last whole read of its log."""
        return await self._reader.run(
            lambda connection: inspection.last_reading_of(connection, serial)
        )

    async def unit_of(self, name: str) -> str | None:
        """The serial that this name of the site file means; None before its first read."""
        return await self._reader.run(lambda connection: units.unit_of(connection, name))

    async def take_up_unit(
        self,
        name: str,
        serial: str,
        *,
        names: Iterable[str],
        zone: str,
        received_at: datetime,
        flags: tuple[Flag, ...] = (),
    ) -> None:
        """Call before the first rows of a session: from now on `name` means `serial`.

        Where a person ordered the replacement, a `device_replaced` event tells the core. `names` are
        all of the site file. Writes nothing when all is as it was.
        """
        envelope = Envelope(
            device_name=name,
            zone=zone,
            lane=Lane.TELEMETRY,
            received_at=received_at,
            monotonic_ms=self._monotonic_ms(),
            flags=flags,
        )
        await self._writer.run(
            lambda connection: units.take_up(
                connection, self._log, serial=serial, names=names, envelope=envelope
            )
        )

    async def cursor(self, serial: str) -> bytes | None:
        """Where to go on reading this device. None: from the beginning."""
        return await self._reader.run(lambda connection: inspection.cursor_of(connection, serial))

    async def next_batch(self, sink: str, *, limit: int) -> PendingBatch | None:
        """The batch in flight, the same until `settle`; else a new one; None when nothing waits."""
        if limit < 1:
            raise ValueError(f"a batch of at most {limit} records")
        now = self._clock.now()
        salt = self._entropy(BATCH_SALT_BYTES)
        envelope = self._own_envelope("UTC")

        def begin(connection: sqlite3.Connection) -> None:
            take_up_acts(connection, self._log, envelope)
            drain.begin_batch(connection, sink, limit, now, salt=salt)

        await self._writer.run(begin)
        return await self._reader.run(lambda connection: drain.load_batch(connection, sink))

    async def settle(
        self, sink: str, answer: Answer, *, batch_hash: bytes = FIRST_PREVIOUS
    ) -> Settled:
        """Applies the core's verdicts to the batch in flight; `batch_hash` is what the next batch
        names as the one before (a sink without a chain leaves it out).

        Accepted and duplicate are done; rejected goes to the dead letters; keep is sent again
        later. Raises SpoolError unless the answer judges exactly the batch in flight.
        """
        now = self._clock.now()
        return await self._writer.run(
            lambda connection: drain.settle(connection, sink, answer, now, batch_hash=batch_hash)
        )

    async def chain_head(self, sink: str) -> ChainHead:
        """The last batch that `sink` has answered."""
        return await self._reader.run(lambda connection: chain.head_of(connection, sink))

    async def rewind(
        self,
        sink: str,
        head: ChainHead,
        *,
        announce: Callable[[Rewound], DeviceEvent] | None = None,
        zone: str = "UTC",
    ) -> Rewound:
        """Sends again what came after `head`, because the sink does not have it any more.

        What `announce` makes of it is stored as an event of the gateway, with the rewind or not at
        all. Raises SpoolError (`chain_unknown`) when `head` is not a batch of this spool.
        """
        envelope = self._own_envelope(zone)

        def go_back(connection: sqlite3.Connection) -> Rewound:
            rewound = chain.rewind(connection, sink, head)
            if announce is not None:
                self._log.store(connection, (announce(rewound),), envelope, device=None)
            return rewound

        return await self._writer.run(go_back)

    async def join(
        self, sink: str, head: ChainHead, *, announce: DeviceEvent | None = None, zone: str = "UTC"
    ) -> bool:
        """A new spool goes on behind `head`, the last batch of the lost one; True when it did.

        One that made a batch for `sink` already stays as it is. `announce`: see `rewind`.
        """
        now = self._clock.now()
        envelope = self._own_envelope(zone)

        def go_on(connection: sqlite3.Connection) -> bool:
            joined = chain.join(connection, sink, head, now)
            if joined and announce is not None:
                self._log.store(connection, (announce,), envelope, device=None)
            return joined

        return await self._writer.run(go_on)

    async def start_sink(self, sink: str, at: Literal["now", "all"]) -> None:
        """Where a new sink begins: behind all that is here, or before it. A known one goes on."""
        await self._writer.run(lambda connection: sinks.start(connection, sink, at))

    async def give_up(self, sink: str, *, before: datetime) -> int:
        """Lets `sink` pass over what arrived before and is not settled; returns how many records."""
        return await self._writer.run(lambda connection: sinks.give_up(connection, sink, before))

    async def device_names(self) -> dict[str, str]:
        """By serial, the name under which each was last read."""
        return await self._reader.run(sinks.names_of_devices)

    async def adopt_head(self, sink: str, head: ChainHead) -> None:
        """After a salvage, once: the chain goes on behind the last batch that the sink has.

        Raises SpoolError (`chain_unknown`) when this spool was not salvaged.
        """
        now = self._clock.now()
        await self._writer.run(lambda connection: chain.adopt(connection, sink, head, now))

    async def watermarks(self, sink: str) -> tuple[Watermark, ...]:
        """How complete each device's records are at `sink`, as it is now. (Batches to the core
        carry them by themselves.) They say nothing of a sink that began in the middle.
        """
        return await self._reader.run(lambda connection: publishing.watermarks_of(connection, sink))

    async def backlog(self, sink: str) -> Backlog:
        return await self._reader.run(lambda connection: inspection.backlog_of(connection, sink))

    async def stats(self) -> SpoolStats:
        counters = await self._reader.run(reading.ledger)
        counters["schema"] = reading.KNOWN_SCHEMA
        counters["file_bytes"] = reading.file_bytes(self._path)
        counters["checkpoint_failure"] = self._checkpointer.failure
        return msgspec.convert(counters, SpoolStats)

    async def find(self, event_id: bytes) -> StoredEvent | None:
        return await self._reader.run(
            lambda connection: inspection.find_event(connection, event_id)
        )

    async def peek(self, sink: str, *, limit: int = 20) -> tuple[Observation, ...]:
        """The first records that `sink` has not settled, in order of arrival."""
        return await self._reader.run(
            lambda connection: inspection.peek_at(connection, sink, limit)
        )

    async def dead_letters(self, sink: str, *, limit: int = 1_000) -> tuple[DeadLetter, ...]:
        """What `sink` rejected, the newest first."""
        return await self._reader.run(
            lambda connection: inspection.dead_letters_of(connection, sink, limit)
        )

    async def last_stored_at(self) -> datetime | None:
        """The latest receipt while the gateway's clock was trusted, for `Timekeeper`."""
        latest = await self._reader.run(inspection.last_trusted_at)
        return None if latest is None else instant(latest)

    async def correct_received_at(self, boot_id: str, step: ClockStep) -> Corrected:
        """Call when `step.regained`. Moves the suspect receipts of this boot by the step.

        Rows that a sink was sent stay as they are; a `gateway_clock_step` event tells the core.
        """
        envelope = self._own_envelope("UTC")
        return await self._writer.run(
            lambda connection: correction.correct_received_at(
                connection, self._log, boot_id=boot_id, step=step, envelope=envelope
            )
        )

    async def announce_step(
        self, boot_id: str, step: ClockStep, *, gateway: str, zone: str, stamp: Stamp
    ) -> None:
        """A `gateway_clock_step` event of the gateway itself, received as `stamp` says."""
        envelope = msgspec.structs.replace(
            self._own_envelope(zone), received_at=stamp.received_at, flags=stamp.flags
        )
        event = correction.step_event(gateway, boot_id, step, envelope)
        await self.tell(event, zone=zone, stamp=stamp)

    async def tell(self, event: DeviceEvent, *, zone: str, stamp: Stamp) -> None:
        """An event that a person or the gateway itself says, received as `stamp` says. One that is
        stored already is not stored again.
        """
        envelope = msgspec.structs.replace(
            self._own_envelope(zone), received_at=stamp.received_at, flags=stamp.flags
        )
        await self._writer.run(
            lambda connection: self._log.store(connection, (event,), envelope, device=None)
        )

    def progress(self) -> float:
        """The clock's monotonic time of the last commit or idle round; at most a second old while
        the writer lives. For the watchdog.
        """
        return self._writer.progress()

    def close(self) -> None:
        """Commits what is queued, ends the threads, frees the file. Safe to call twice."""
        self._writer.close()
        self._reader.close()
        self._checkpointer.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _own_envelope(self, zone: str) -> Envelope:
        """Of what the gateway says itself."""
        return Envelope(
            device_name="",
            zone=zone,
            lane=Lane.TELEMETRY,
            received_at=self._clock.now(),
            monotonic_ms=self._monotonic_ms(),
        )

    def _monotonic_ms(self) -> int:
        return int(self._clock.monotonic() * 1000)

"""The driver of ZK terminals that are asked over TCP or UDP ("pull", port 4370)."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from typing_extensions import override

from drivers.contract import (
    Capability,
    Delivery,
    Driver,
    DriverContext,
    Identity,
    LogCount,
    Manifest,
    Mode,
)
from drivers.errors import DriverError, LinkDownError
from drivers.stored_bytes import Redecoded, WireField
from drivers.vitals import Alarm, Memory, Observed, Vitals
from drivers.zk_pull.administration import Administration
from drivers.zk_pull.config import ZkPullConfig
from drivers.zk_pull.deliveries import LogRead, UnreadableLog
from drivers.zk_pull.discovery import find_serial
from drivers.zk_pull.end_reads import EndReads
from drivers.zk_pull.layout_pin import layout_of
from drivers.zk_pull.line_tally import LineTally
from drivers.zk_pull.log_cursor import LogCursor
from drivers.zk_pull.log_place import place_of
from drivers.zk_pull.memories import memories_of
from drivers.zk_pull.operations import OperationLog, Operations
from drivers.zk_pull.packed_log import PackedLog
from drivers.zk_pull.stored_bytes import decode_again, wire_fields
from drivers.zk_pull.terminal import Terminal, open_terminal
from drivers.zk_pull.translation import translated
from firmware_profiles import Quirk
from protocols.errors import ProtocolError
from protocols.records import ClockReading, Quarantined
from protocols.zk.attendance import LayoutChoice
from protocols.zk.events import parse_attlog_event
from protocols.zk.sizes import Sizes

# Silence after which the terminal is asked for its time: a dead connection looks like a quiet door.
KEEPALIVE_S = 30.0


class ZkPullDriver(Administration, Driver, Observed):
    """Keeps its connection between fetches while it is healthy; any error drops it."""

    manifest: ClassVar[Manifest] = Manifest(
        kind="zk-pull",
        title="ZKTeco terminal, asked over TCP or UDP",
        makes=("ZKTeco", "eSSL", "Granding", "Solution"),
        mode=Mode.ASKED,
        capabilities=frozenset(
            {
                Capability.COUNT,
                Capability.CLOCK,
                Capability.CLOCK_SET,
                Capability.USERS,
                Capability.PAUSE,
                Capability.CLEAR,
                Capability.DOOR,
                Capability.RESTART,
                Capability.LIVE,
            }
        ),
        simulator="zk-terminal",
        config=ZkPullConfig,
    )

    def __init__(self, config: ZkPullConfig, context: DriverContext) -> None:
        self._config = config
        self._clock = context.clock
        self._zone = ZoneInfo(context.zone)
        self._where = f"{config.name} ({config.address()})"
        self._terminal: Terminal | None = None
        self._held_back: UnreadableLog | None = None  # durable, so not handed over at every poll
        self._handing_over: UnreadableLog | None = None
        self._operations = OperationLog()
        self._ends = EndReads(context.clock)
        # Where it is another one now, the connection broke and punches were not announced.
        self._heard_since_fetch: Terminal | None = None
        self._line = LineTally()
        self._memories: tuple[Memory, ...] = ()
        self._alarms: tuple[Alarm, ...] = ()

    @classmethod
    async def find(
        cls, config: ZkPullConfig, serial: str, networks: Sequence[str], context: DriverContext
    ) -> ZkPullConfig | None:
        return await find_serial(config, serial, networks, context.clock)

    @staticmethod
    def address(config: ZkPullConfig) -> str:
        return f"{config.host}:{config.port}"

    @classmethod
    def decode_again(
        cls, row: Quarantined, *, serial: str, cursor: bytes | None, now: datetime
    ) -> Redecoded:
        return decode_again(row, serial=serial, cursor=cursor, now=now)

    @classmethod
    def wire_fields(cls, raw: bytes, *, cursor: bytes | None) -> tuple[WireField, ...]:
        return wire_fields(raw, cursor=cursor)

    @override
    async def identity(self) -> Identity:
        async with self._session() as terminal:
            return terminal.identity

    @override
    async def count(self) -> LogCount:
        async with self._session() as terminal:
            sizes = await terminal.read_sizes()
            self._memories = memories_of(sizes, terminal.profile, None)
            unknown = Quirk.COUNT_UNKNOWN in terminal.profile.quirks
            return LogCount(
                records=None if unknown else sizes.attendance,
                capacity=sizes.attendance_capacity or terminal.profile.capacity.records,
                users=sizes.users,
            )

    @override
    async def fetch(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        """The protocol has no "since" that every model knows: the end of the log is read, and all
        of it whenever that might not be enough (see `end_reads`).

        A log equal to the last one gives one empty delivery; one that has grown, its new rows;
        one that was cleared or rewritten, an event that says so (see `log_place`) and all of it
        again in a new epoch (identity makes that harmless). A log that no layout fits is
        quarantined whole, once, and the cursor stays.
        What is new in the operation log comes before the punches (see `operations`).
        """
        async for delivery in self._fetch(cursor, whole=False):
            yield delivery

    @override
    async def fetch_whole(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        async for delivery in self._fetch(cursor, whole=True):
            yield delivery

    async def _fetch(self, cursor: bytes | None, *, whole: bool) -> AsyncIterator[Delivery]:
        stored = LogCursor.decode(cursor)
        async with self._session() as terminal:
            if self._config.live:
                # Before the log is read: who punches from here on is in it, or announced.
                await terminal.listen()
                self._heard_since_fetch = terminal
            log, operations = await self._read(terminal, stored, whole=whole)
            if operations.broke_off:
                await self.aclose()
        for delivery in operations.deliveries(log.serial):
            yield replace(delivery, clock=log.clock)
        self._handing_over = log.unreadable()
        self._alarms = log.alarms()
        if self._handing_over is not None and self._handing_over == self._held_back:
            yield log.same_again()
            return
        if change := log.change(stored):
            yield change
        async for delivery in log.deliveries(stored):
            yield delivery

    @override
    async def live(self) -> AsyncIterator[Delivery]:
        """Hints: an empty delivery whenever somebody punches, and when the connection is not the
        one of the last fetch, so that somebody may have; the log is the only source.

        What an event says about a punch differs from its row by model (short forms carry half a
        state), so storing both could double it. A payload that nobody has seen is quarantined.
        Cancelling leaves the connection to the next fetch; a broken one is raised, and whatever
        was missed stands in the log.
        """
        try:
            terminal = self._terminal = await self._alive() or await self._open()
            await terminal.listen()
            heard = self._heard_since_fetch
            if heard is not None and heard is not terminal:
                self._heard_since_fetch = terminal
                yield Delivery(serial=terminal.identity.serial)
            while True:
                payloads = await terminal.next_punch_events(timeout_s=KEEPALIVE_S)
                if not payloads:
                    await terminal.read_clock()
                    continue
                serial = terminal.identity.serial
                if unknown := tuple(_unknown(payloads, serial)):
                    yield Delivery(serial=serial, quarantined=unknown)
                yield Delivery(serial=serial)
        except ProtocolError as exc:
            await self.aclose()
            raise translated(exc, where=self._where) from exc
        except DriverError as exc:
            self._line.losses += isinstance(exc, LinkDownError)
            await self.aclose()
            raise

    @override
    def vitals(self) -> Vitals:
        return Vitals(
            memories=self._memories,
            line=self._line.quality(stream=self._config.transport == "tcp"),
            alarms=self._alarms,
        )

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        """The terminal keeps its log; only what was held back whole need not be said again."""
        if delivery.last:
            self._held_back = self._handing_over

    @override
    async def aclose(self) -> None:
        if self._terminal is not None:
            terminal, self._terminal = self._terminal, None
            await terminal.aclose()

    async def _read(
        self, terminal: Terminal, stored: LogCursor | None, *, whole: bool
    ) -> tuple[LogRead, Operations]:
        before = await terminal.read_clock()
        sizes = await terminal.read_sizes()
        table = await self._table(terminal, stored, sizes, whole=whole)
        now = self._clock.now().astimezone(self._zone).replace(tzinfo=None)
        forced = self._config.record_layout
        vouched = stored is not None and (table.start or stored.proves_layout_of(table))
        if stored is not None and forced in {None, stored.layout} and vouched:
            choice = LayoutChoice(layout=stored.layout, score=1.0, trusted=True)
        else:
            choice = layout_of(
                table,
                stored,
                configured=forced,
                usual=terminal.profile.record_layout,
                count=sizes.attendance,
                now_year=now.year,
                shown_year=before.device_time.year if before else None,
            )
        rows_read = len(table) // choice.layout.width if choice.trusted else None
        self._memories = memories_of(sizes, terminal.profile, rows_read)
        # Read after the log, so that whoever punched is in it.
        anything_new = table.start < len(table)
        users = await terminal.read_user_ids() if choice.layout.holds_uid and anything_new else {}
        after = await terminal.read_clock()
        place = stored.operations_place if stored else None
        operations = Operations(place=place)
        if choice.trusted:
            operations = await self._operations.read(terminal, sizes.operations, place)
        if table.start and operations.clears_the_log() and not operations.broke_off:
            return await self._read(terminal, stored, whole=True)
        log = LogRead(
            serial=terminal.identity.serial,
            table=table,
            place=await place_of(stored, table, choice),
            choice=choice,
            profile=terminal.profile,
            users=users,
            clock=_sharper(before, after),
            now=now,
            operations=operations.place,
        )
        return log, operations

    async def _table(
        self, terminal: Terminal, stored: LogCursor | None, sizes: Sizes, *, whole: bool
    ) -> PackedLog:
        """The log, or what of it comes after the rows that `stored` knows."""
        table = None
        if not whole:
            capacity = sizes.attendance_capacity or terminal.profile.capacity.records
            table = await self._ends.read(terminal, stored, capacity=capacity)
        if table is None:
            table = await terminal.read_log()
        if not table.start:
            self._ends.whole_was_read(stored, table)
        return table

    @override
    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Terminal]:
        """A terminal that has just answered. Whatever goes wrong inside ends the connection."""
        try:
            terminal = self._terminal = await self._alive() or await self._open()
            yield terminal
        except ProtocolError as exc:
            await self.aclose()
            raise translated(exc, where=self._where) from exc
        except BaseException as exc:
            self._line.losses += isinstance(exc, LinkDownError)
            await self.aclose()
            raise

    async def _open(self) -> Terminal:
        return await open_terminal(self._config, self._clock, self._line)

    async def _alive(self) -> Terminal | None:
        """The kept connection if it still works. Terminals close idle ones without a word."""
        if self._terminal is None:
            return None
        try:
            await self._terminal.read_clock()
        except (ProtocolError, LinkDownError):
            await self.aclose()
            return None
        return self._terminal


def _unknown(payloads: Iterable[bytes], serial: str) -> Iterator[Quarantined]:
    """The payloads of a form that nobody has seen, for the next better decoder."""
    for payload in payloads:
        try:
            parse_attlog_event(payload)
        except ProtocolError as exc:
            yield Quarantined(source=serial, offset=0, reason=f"live event: {exc}", raw=payload)


def _sharper(first: ClockReading | None, second: ClockReading | None) -> ClockReading | None:
    """The reading with the shorter round trip says more exactly when the clock showed its time."""
    if first is None or second is None:
        return second or first
    return min(first, second, key=lambda reading: reading.round_trip_s)

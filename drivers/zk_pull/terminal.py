"""One open session with one terminal: what can be asked of it."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from drivers.contract import Identity
from drivers.errors import DriverError, LinkDownError
from drivers.links.tcp import open_tcp
from drivers.links.udp import open_udp
from drivers.ports import Clock, Link
from drivers.zk_pull.config import ZkPullConfig
from drivers.zk_pull.line_tally import LineTally
from drivers.zk_pull.packed_log import PackedLog
from drivers.zk_pull.recognition import pinned_profile, profile_of, proven_serial, read_facts
from drivers.zk_pull.runner import Runner
from drivers.zk_pull.wire import TcpWire, UdpWire
from firmware_profiles import Profile, Quirk
from protocols.errors import LimitExceededError, ProtocolError, RefusedError
from protocols.records import ClockReading
from protocols.zk.commands import Command
from protocols.zk.dialogue import (
    ATTENDANCE,
    USERS,
    Dialogue,
    Request,
    SilenceError,
    Table,
    end,
    login,
    read_sizes,
    read_time,
    register_events,
    stream_table,
)
from protocols.zk.events import EventFlag
from protocols.zk.sizes import Sizes
from protocols.zk.table_end import EndRequest, TableEnd, read_end
from protocols.zk.users import User, decode_users

# With every fifth packet lost on each way, one exchange in three fails, and a hundred thousand
# records take some thousand exchanges: twelve failures in a row are then one in two hundred thousand.
_UDP_ASKS = 12

_EXIT_S = 1.0  # EXIT is a courtesy: a hung terminal must not delay a stop


@dataclass(slots=True, kw_only=True)
class Terminal:
    """Its methods raise ProtocolError and LinkDownError; after either, close it."""

    link: Link
    runner: Runner
    config: ZkPullConfig
    clock: Clock
    identity: Identity
    profile: Profile
    listening: bool = False

    async def read_clock(self) -> ClockReading | None:
        """None while the terminal shows a date that no calendar has."""
        asked_at, started = self.clock.now(), self.clock.monotonic()
        time = await self.runner.run(read_time())
        round_trip_s = self.clock.monotonic() - started
        if time is None:
            return None
        return ClockReading(
            serial=self.identity.serial,
            device_time=time,
            gateway_time=asked_at + timedelta(seconds=round_trip_s / 2),
            round_trip_s=round_trip_s,
        )

    async def read_sizes(self) -> Sizes:
        return await self.runner.run(read_sizes())

    async def read_log(self) -> PackedLog:
        """The attendance records, without size word. Events until now speak of rows in it."""
        self.runner.take_events()
        log = PackedLog()
        await self._stream_table(ATTENDANCE, log.write)
        return log

    async def read_log_end(self, start: int, *, head_bytes: int) -> TableEnd:
        """The attendance records from byte `start` on, see `protocols.zk.table_end`."""
        self.runner.take_events()
        return await self.runner.run(
            read_end(
                EndRequest(
                    table=self._asked(ATTENDANCE),
                    start=start,
                    head_bytes=head_bytes,
                    chunk_bytes=self.config.bytes_of_a_chunk(),
                    datagrams=self._datagrams,
                )
            )
        )

    async def read_user_ids(self) -> Mapping[int, str]:
        """User id by uid, as the terminal has them now."""
        rows = decode_users(
            await self.read_table(USERS),
            encoding=self.config.code_page or self.profile.encoding,
            source=self.identity.serial,
        )
        return {row.uid: row.user_id for row in rows if isinstance(row, User)}

    async def read_table(self, table: Table) -> bytes:
        """The records of a table that fits in memory, without size word."""
        records = bytearray()
        await self._stream_table(table, records.extend)
        return bytes(records)

    async def read_head(self, table: Table, limit: int) -> bool:
        """Reads a table until `limit` bytes are exceeded; False when there is more. For captures."""
        arrived = 0

        def count(part: bytes) -> None:
            nonlocal arrived
            arrived += len(part)
            if arrived > limit:
                raise LimitExceededError("enough of this table", limit=limit)

        try:
            await self._stream_table(table, count)
        except LimitExceededError:
            if arrived <= limit:
                raise
            return False
        return True

    async def listen(self) -> None:
        """From now on the terminal says when somebody punches; one that will not is left alone."""
        if self.listening:
            return
        self.listening = True
        with contextlib.suppress(RefusedError, SilenceError):
            await self.runner.run(register_events(EventFlag.ATTLOG))

    async def next_punch_events(self, *, timeout_s: float) -> tuple[bytes, ...]:
        """Payloads of punch events, as soon as there are any; () after that long a silence."""
        while events := await self.runner.events(timeout_s=timeout_s):
            payloads = tuple(e.data for e in events if e.session & EventFlag.ATTLOG)
            if payloads:
                return payloads
        return ()

    async def _stream_table(self, table: Table, write: Callable[[bytes], object]) -> None:
        chunk_bytes = self.config.bytes_of_a_chunk()
        await self.runner.run(
            stream_table(
                self._asked(table), write, chunk_bytes=chunk_bytes, datagrams=self._datagrams
            )
        )

    @property
    def _datagrams(self) -> bool:
        return self.config.transport == "udp"

    def _asked(self, table: Table) -> Table:
        """`table` as this terminal must be asked for it."""
        if not self._datagrams:
            return table
        return replace(table, direct=Quirk.BARE_TABLE_COMMANDS in self.profile.quirks)

    async def aclose(self) -> None:
        """EXIT, so that the terminal does not keep the session, and close. Never raises."""
        await _leave(self.link, self.runner)


async def open_terminal(
    config: ZkPullConfig,
    clock: Clock,
    line: LineTally | None = None,
    *,
    through: Callable[[Link], Link] | None = None,
) -> Terminal:
    """Connects, logs in and proves who answers. Raises ProtocolError and DriverError.

    `through` may put a link of its own between, to record what is said.
    """
    pinned = pinned_profile(config)  # before all else: it may say that this transport is in vain
    link, runner = await _connect(config, line or LineTally(), through)
    try:
        await _log_in(runner, config)
        await runner.run(_forget_old_buffer())
        facts = await runner.run(read_facts())
        where = link.describe()
        serial = proven_serial(facts, config, where=where)
        profile = pinned or profile_of(facts, config, where=where)
    except BaseException:
        await _leave(link, runner)
        raise
    return Terminal(
        link=link,
        runner=runner,
        config=config,
        clock=clock,
        identity=Identity(serial=serial, facts=facts, profile=profile.key),
        profile=profile,
    )


async def _connect(
    config: ZkPullConfig, line: LineTally, through: Callable[[Link], Link] | None
) -> tuple[Link, Runner]:
    line.connections += 1
    link: Link
    if config.transport == "udp":
        link = await open_udp(config.host, config.port)
        link = link if through is None else through(link)
        return link, Runner(UdpWire(link), timeout_s=config.timeout_s, asks=_UDP_ASKS, line=line)
    link = await open_tcp(config.host, config.port, timeout_s=config.timeout_s)
    link = link if through is None else through(link)
    return link, Runner(TcpWire(link), timeout_s=config.timeout_s, line=line)


async def _log_in(runner: Runner, config: ZkPullConfig) -> None:
    try:
        await runner.run(login(config.comm_key_number()))
    except SilenceError as exc:
        if config.transport == "tcp":
            raise
        raise LinkDownError(
            str(exc),
            where=config.address(),
            remedy="Check that the device is powered, the cable, and the address in the site "
            'file; most terminals answer only TCP: then set `transport = "tcp"`',
            code="link_timeout",
        ) from exc


async def _leave(link: Link, runner: Runner) -> None:
    with contextlib.suppress(ProtocolError, DriverError, TimeoutError):
        async with asyncio.timeout(_EXIT_S):
            await runner.run(end())
    await link.aclose()


def _forget_old_buffer() -> Dialogue[None]:
    """A session that broke off in mid-download may have left its buffer: freed, nobody gets it."""
    try:
        yield Request(Command.FREE_DATA)
    except SilenceError:
        return

"""One open session with one terminal: what can be asked of it."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from drivers.contract import Identity
from drivers.errors import DriverError
from drivers.links.tcp import open_tcp
from drivers.ports import Clock, Link
from drivers.zk_pull.config import ZkPullConfig
from drivers.zk_pull.packed_log import PackedLog
from drivers.zk_pull.recognition import profile_of, proven_serial, read_facts
from drivers.zk_pull.runner import Runner
from firmware_profiles import Profile
from protocols.errors import ProtocolError
from protocols.records import ClockReading
from protocols.zk.commands import Command
from protocols.zk.dialogue import (
    ATTENDANCE,
    USERS,
    Dialogue,
    Request,
    SilenceError,
    end,
    login,
    read_sizes,
    read_table,
    read_time,
    stream_table,
)
from protocols.zk.sizes import Sizes
from protocols.zk.users import User, decode_users

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
        """The attendance records, without size word."""
        log = PackedLog()
        await self.runner.run(
            stream_table(ATTENDANCE, log.write, chunk_bytes=self.config.chunk_bytes)
        )
        return log

    async def read_user_ids(self) -> Mapping[int, str]:
        """User id by uid, as the terminal has them now."""
        table = await self.runner.run(read_table(USERS, chunk_bytes=self.config.chunk_bytes))
        rows = decode_users(
            table,
            encoding=self.config.code_page or self.profile.encoding,
            source=self.identity.serial,
        )
        return {row.uid: row.user_id for row in rows if isinstance(row, User)}

    async def aclose(self) -> None:
        """EXIT, so that the terminal does not keep the session, and close. Never raises."""
        await _leave(self.link, self.runner)


async def open_terminal(config: ZkPullConfig, clock: Clock) -> Terminal:
    """Connects, logs in and proves who answers. Raises ProtocolError and DriverError."""
    link = await open_tcp(config.host, config.port, timeout_s=config.timeout_s)
    runner = Runner(link, timeout_s=config.timeout_s)
    try:
        await runner.run(login(config.comm_key_number()))
        await runner.run(_forget_old_buffer())
        facts = await runner.run(read_facts())
        where = link.describe()
        serial = proven_serial(facts, config, where=where)
        profile = profile_of(facts, config, where=where)
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

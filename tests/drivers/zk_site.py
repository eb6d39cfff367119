"""A simulated terminal, a driver that asks it, and a clock that stands still."""

import asyncio
import contextlib
import struct
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from drivers.contract import Delivery, DriverContext
from drivers.errors import LinkDownError
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from protocols.records import Punch
from protocols.zk.attendance import AttendanceRow, Layout
from protocols.zk.commands import Command
from protocols.zk.layouts import pack_row
from protocols.zk.users import User
from simulators.zk_terminal import Faults, TerminalConfig, ZkTerminal
from simulators.zk_terminal.conversation import Conversation

UTC_NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
SITE_NOW = datetime(2026, 11, 22, 9, 0)  # the same instant in Shanghai
# Over UDP twelve asks fit in it: each silence costs 20 ms instead of nearly a second.
SHORT_S = 0.24
PEOPLE = 50
USERS = [User(uid=number, user_id=f"{number:03}") for number in range(1, PEOPLE + 1)]

PLATFORMS = {
    Layout.ATT40: "ZMM210_TFT",
    Layout.ATT16: "ZMM210_TFT",
    Layout.ATT49: "ZAM170_TFT",
    Layout.ATT36: "ZMM210_TFT",
    Layout.ATT8A: "ZEM500",
    Layout.ATT8B: "ZEM500",
}


class StandingClock:
    """Wall time stands; the counter runs, so that round trips are real."""

    def now(self) -> datetime:
        return UTC_NOW

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


CONTEXT = DriverContext(clock=StandingClock(), zone="Asia/Shanghai")


def rows(count: int, *, start: int = 0) -> list[AttendanceRow]:
    """Rows `start` to `start + count` of one endless log, every 41 seconds a punch."""
    return [
        AttendanceRow(
            uid=1 + number % PEOPLE,
            user_id=f"{1 + number % PEOPLE:03}",
            time=datetime(2026, 10, 1, 6) + timedelta(seconds=41 * number),
            state=number % 2,
            verify=1 + number % 3,
        )
        for number in range(start, start + count)
    ]


def terminal(
    log: list[AttendanceRow] | int = 5,
    faults: Faults | None = None,
    *,
    layout: Layout = Layout.ATT40,
    **config,
) -> ZkTerminal:
    log = rows(log) if isinstance(log, int) else log
    # 16-byte records and 28-byte users hold the id as a number: no leading zeros there.
    if layout not in {Layout.ATT36, Layout.ATT40, Layout.ATT49}:
        users = [User(uid=user.uid, user_id=str(int(user.user_id))) for user in USERS]
    else:
        users = list(USERS)
    settings = {"platform": PLATFORMS[layout], "clock": lambda: SITE_NOW} | config
    return ZkTerminal(TerminalConfig(layout=layout, **settings), log, users, faults)


def driver(device: ZkTerminal, **config) -> ZkPullDriver:
    host, port = device.address
    settings = {"name": "gate", "host": host, "port": port, "timeout_s": 2.0} | config
    return ZkPullDriver(ZkPullConfig(**settings), CONTEXT)


@asynccontextmanager
async def asking(device: ZkTerminal, **config) -> AsyncIterator[ZkPullDriver]:
    """`device` running, and a driver for it that is closed in the end."""
    async with device:
        asked = driver(device, **config)
        try:
            yield asked
        finally:
            await asked.aclose()


async def fetched(asked: ZkPullDriver, cursor: bytes | None = None) -> list[Delivery]:
    return [delivery async for delivery in asked.fetch(cursor)]


def punches(deliveries: list[Delivery]) -> list[Punch]:
    return [record for delivery in deliveries for record in delivery.every_record()]


def facts(deliveries: list[Delivery]) -> list[tuple]:
    read = [record for record in punches(deliveries) if isinstance(record, Punch)]
    return [(int(p.user_id), p.device_time, p.state, p.verify) for p in read]


def logged(log: list[AttendanceRow]) -> list[tuple]:
    return [(int(row.user_id), row.time, row.state, row.verify) for row in log]


def udp_terminal(
    log: list[AttendanceRow] | int = 5, faults: Faults | None = None, **config
) -> ZkTerminal:
    return terminal(log, faults, transport="udp", packet_bytes=1_024, **config)


def holding(table: bytes, *, size_word: int | None = None) -> ZkTerminal:
    """A terminal whose log is exactly these bytes; it may lie about how many."""
    device = terminal(len(table) // 40)
    own = device._memory.table
    sized = struct.pack("<I", len(table) if size_word is None else size_word) + table
    device._memory.table = lambda command: sized if command == Command.ATTLOG_RRQ else own(command)
    return device


def row40(packed_time: int, *, state: int = 0, verify: int = 1) -> bytes:
    return pack_row(Layout.ATT40, 7, "1007", (verify, packed_time, state, 0))


@asynccontextmanager
async def listening(
    gate: ZkPullDriver,
) -> AsyncIterator[tuple[asyncio.Queue[Delivery], asyncio.Task[None]]]:
    """Deliveries of live() as they come, and the task that listens; leaving cancels it."""
    heard: asyncio.Queue[Delivery] = asyncio.Queue()

    async def listen() -> None:
        async for delivery in gate.live():
            heard.put_nowait(delivery)

    task = asyncio.ensure_future(listen())
    await asyncio.sleep(0.1)
    try:
        yield heard, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, LinkDownError):
            await task


@asynccontextmanager
async def simulated_process(*options: str) -> AsyncIterator[tuple[str, int]]:
    """The address of a terminal that `edge-agent simulate` serves."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "edge_agent", "simulate", "zk", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        word, _, address = (await process.stdout.readline()).decode().strip().partition(" ")
        assert word == "listening"
        host, _, port = address.partition(":")
        yield host, int(port)
    finally:
        process.terminate()
        await process.wait()


@contextmanager
def chunks_asked() -> Iterator[list[tuple[int, int]]]:
    """(offset, bytes) of every chunk that terminals are asked for."""
    asked: list[tuple[int, int]] = []
    answers = Conversation.answers

    def noting(self, packet):
        if packet.command == Command.READ_CHUNK:
            asked.append(struct.unpack("<II", packet.data))
        return answers(self, packet)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Conversation, "answers", noting)
        yield asked

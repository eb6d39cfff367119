"""Live events of ZK terminals: hints that lead to a pull, on real sockets."""

import asyncio
import contextlib
from datetime import datetime, timedelta

import pytest

from drivers.contract import Capability, DriverContext
from drivers.errors import LinkDownError
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from drivers.zk_pull import driver as driver_module
from edge_agent.system_clock import SystemClock
from protocols.zk.attendance import AttendanceRow
from protocols.zk.commands import EVENT
from protocols.zk.events import EventFlag
from protocols.zk.framing import Packet
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal

START = datetime(2026, 11, 2, 8)


def row(minute, user_id="7"):
    return AttendanceRow(uid=7, user_id=user_id, time=START + timedelta(minutes=minute))


@pytest.fixture
async def terminal():
    async with ZkTerminal(TerminalConfig(clock=datetime.now), [row(0)], []) as zk:
        yield zk


@pytest.fixture
async def driver(terminal):
    host, port = terminal.address
    made = ZkPullDriver(
        ZkPullConfig(name="gate", host=host, port=port, timeout_s=1),
        DriverContext(clock=SystemClock(), zone="Asia/Shanghai"),
    )
    yield made
    await made.aclose()


async def fetched(driver, cursor=None):
    return [record async for page in driver.fetch(cursor) for record in page.records]


@contextlib.asynccontextmanager
async def listening(driver):
    """Deliveries as they come; leaving cancels the listener as the supervisor does."""
    heard = asyncio.Queue()

    async def listen():
        async for delivery in driver.live():
            heard.put_nowait(delivery)

    task = asyncio.ensure_future(listen())
    await asyncio.sleep(0.1)
    try:
        yield heard, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, LinkDownError):
            await task


async def soon(heard):
    return await asyncio.wait_for(heard.get(), 2)


def test_the_driver_says_that_it_can_be_listened_to():
    assert Capability.LIVE in ZkPullDriver.manifest.capabilities


async def test_a_punch_is_a_hint_that_holds_nothing_and_the_pull_has_it(driver, terminal):
    assert len(await fetched(driver)) == 1
    async with listening(driver) as (heard, _):
        await terminal.punch(row(1))
        hint = await soon(heard)
        assert (hint.records, hint.quarantined, hint.cursor) == ((), (), None)
    assert [punch.device_time.minute for punch in await fetched(driver)] == [0, 1]
    assert terminal.connections == 1, "listening must not cost the connection"


async def test_a_group_of_people_is_one_hint(driver, terminal):
    async with listening(driver) as (heard, task):
        task.cancel()
        for minute in range(1, 20):
            await terminal.punch(row(minute))
    await fetched(driver)
    async with listening(driver) as (heard, _):
        await asyncio.sleep(0.1)
        assert heard.empty(), "what was pulled is no news"


async def test_an_event_in_a_download_is_told_afterwards(driver, terminal):
    await driver.identity()
    async with listening(driver) as (_, task):
        task.cancel()
    pages = driver.fetch(None)
    first = await anext(pages)
    assert len(first.records) == 1
    await terminal.punch(row(1))
    await pages.aclose()
    async with listening(driver) as (heard, _):
        assert (await soon(heard)).records == ()


async def test_a_payload_that_nobody_has_seen_is_kept_and_still_a_hint(driver, terminal):
    async with listening(driver) as (heard, _):
        connection = next(iter(terminal._open.values()))
        strange = Packet(command=EVENT, session=EventFlag.ATTLOG, reply_id=0, data=b"\xee" * 11)
        await connection.send(strange)
        kept = await soon(heard)
        assert [bad.raw for bad in kept.quarantined] == [strange.data]
        assert (await soon(heard)).quarantined == ()


async def test_a_dead_connection_is_noticed_in_silence(driver, terminal, monkeypatch):
    monkeypatch.setattr(driver_module, "KEEPALIVE_S", 0.1)
    async with listening(driver) as (heard, task):
        await asyncio.sleep(0.3)
        assert not task.done(), "a quiet door is no fault"
        await terminal.stop()
        with pytest.raises(LinkDownError) as caught:
            await asyncio.wait_for(asyncio.shield(task), 2)
        assert caught.value.remedy
        assert heard.empty()


async def test_after_a_break_the_same_driver_listens_again(driver, terminal):
    async with listening(driver) as (_, task):
        await terminal.stop()
        with pytest.raises(LinkDownError):
            await asyncio.wait_for(asyncio.shield(task), 2)
    await terminal.start()
    async with listening(driver) as (heard, _):
        await terminal.punch(row(1))
        assert await soon(heard)


async def test_a_connection_that_broke_between_fetch_and_listening_is_a_hint(driver, terminal):
    first = [delivery async for delivery in driver.fetch(None)]
    await terminal.stop()
    terminal.log.append(row(1))  # nobody hears it
    await terminal.start()
    async with asyncio.timeout(2), contextlib.aclosing(driver.live()) as hints:
        assert (await anext(hints)).records == ()
    (grown,) = [delivery async for delivery in driver.fetch(first[-1].cursor)]
    assert len(grown.every_record()) == 1

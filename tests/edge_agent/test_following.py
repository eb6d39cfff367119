"""Every record once, none missed across a break, whatever kind of device it is."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from drivers.card_reader import CardReaderConfig, CardReaderDriver
from drivers.errors import LinkDownError
from edge_agent.following import Follower
from protocols.records import Punch
from protocols.zk.commands import EVENT
from protocols.zk.events import EventFlag
from protocols.zk.framing import Packet
from simulators.card_reader import CardReaderSim
from tests.drivers.zk_site import CONTEXT, SITE_NOW, asking, rows, terminal

POLL_S = 30.0  # no test waits so long: what is found, is found by hints


def punch_row(number):
    return rows(1, start=10_000 + number)[0]


@contextlib.asynccontextmanager
async def following(follower):
    """The news as they come."""
    told = asyncio.Queue()

    async def listen():
        async for delivery in follower.listen():
            for record in (*delivery.records, *delivery.quarantined):
                told.put_nowait(record)

    task = asyncio.ensure_future(listen())
    await asyncio.sleep(0.05)
    try:
        yield told, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, LinkDownError):
            await task


async def soon(told, count=1):
    return [await asyncio.wait_for(told.get(), 3) for _ in range(count)]


async def read(follower):
    return [record async for delivery in follower.read() for record in delivery.records]


async def test_what_was_there_is_no_news_and_a_punch_is_one():
    device = terminal(300)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=POLL_S)
        assert await follower.begin() == 300
        async with following(follower) as (told, _):
            await device.punch(punch_row(0))
            (punch,) = await soon(told)
            await asyncio.sleep(0.1)
            assert told.empty()
    assert isinstance(punch, Punch)
    assert punch.device_time == punch_row(0).time
    assert punch.raw, "the row of the log, not the event"


async def test_each_of_many_punches_once():
    device = terminal(10)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=POLL_S)
        await follower.begin()
        async with following(follower) as (told, _):
            for number in range(40):
                await device.punch(punch_row(number))
                await asyncio.sleep(0.005)
            found = await soon(told, 40)
            await asyncio.sleep(0.1)
            assert told.empty()
    assert [p.device_time for p in found] == [punch_row(n).time for n in range(40)]


async def test_two_equal_punches_are_two():
    device = terminal(0)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=POLL_S)
        await follower.begin()
        async with following(follower) as (told, _):
            await device.punch(punch_row(0))
            await soon(told)
            await device.punch(punch_row(0))
            (again,) = await soon(told)
    assert again.ordinal == 1


async def test_who_punches_while_the_line_is_broken_is_read_afterwards():
    device = terminal(5)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=POLL_S)
        await follower.begin()
        async with following(follower) as (told, task):
            await device.punch(punch_row(0))
            await soon(told)
            await device.stop()
            with pytest.raises(LinkDownError):
                await asyncio.wait_for(asyncio.shield(task), 3)
        device.log.extend(punch_row(number) for number in (1, 2))
        await device.start()
        assert [p.device_time for p in await read(follower)] == [punch_row(n).time for n in (1, 2)]
        async with following(follower) as (told, _):
            await device.punch(punch_row(3))
            assert [p.device_time for p in await soon(told)] == [punch_row(3).time]


async def test_a_log_that_lost_its_oldest_rows_is_not_told_again():
    device = terminal(20)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=POLL_S)
        await follower.begin()
        del device.log[:5]
        device.log.append(punch_row(0))
        told, new = await read(follower)
        assert (told.code, new.device_time) == ("log_wrapped", punch_row(0).time)


async def test_a_read_that_breaks_off_is_begun_again_and_tells_no_row_twice(monkeypatch):
    monkeypatch.setattr("drivers.zk_pull.log_pages.PAGE_ROWS", 10)
    device = terminal(0)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=POLL_S)
        await follower.begin()
        device.log.extend(rows(35))
        news = follower.read()
        first = (await anext(news)).records
        await news.aclose()
        rest = await read(follower)
        assert [p.device_time for p in (*first, *rest)] == [row.time for row in rows(35)]


async def test_a_terminal_that_gives_no_hints_is_asked_now_and_then():
    device = terminal(5)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=0.1)
        await follower.begin()
        async with following(follower) as (told, _):
            device.log.append(punch_row(0))  # without an event
            assert len(await soon(told)) == 1


async def test_a_row_that_comes_after_its_event_is_waited_for():
    device = terminal(5)
    async with asking(device) as driver:
        follower = Follower(driver, poll_s=POLL_S)
        await follower.begin()
        async with following(follower) as (told, _):
            early = Packet(command=EVENT, session=EventFlag.ATTLOG, reply_id=0, data=b"\xee" * 11)
            await next(iter(device._open.values())).send(early)
            await soon(told)  # the payload, which nobody knows
            await asyncio.sleep(0.2)
            device.log.append(punch_row(0))
            assert len(await soon(told)) == 1


async def test_a_reader_that_talks_is_told_as_it_talks_and_a_held_card_once():
    async with CardReaderSim() as reader:
        config = CardReaderConfig(name=reader.port, kind="rdm6300", port=reader.port, ack_byte="06")
        driver = CardReaderDriver(config, CONTEXT)
        follower = Follower(driver, poll_s=POLL_S)
        assert await follower.begin() == 0
        async with following(follower) as (told, _):
            await reader.present("0800ABCDEF", repeats=5, interval_s=0.01)
            await reader.present("0800ABCD00")
            found = await soon(told, 2)
            await asyncio.sleep(0.1)
            assert told.empty()
        await driver.aclose()
    assert len({punch.card for punch in found}) == 2
    assert not reader.heard, "its lamp says that a punch is stored, and nothing is"
    assert found[0].device_time - SITE_NOW < timedelta(seconds=5)

"""What the conformance suite cannot know: this clock's own lines and lies."""

import asyncio
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from protocols.records import Punch, Quarantined

from demo_clock import driver
from demo_clock.driver import DemoClockConfig, DemoClockDriver, DemoClockError
from demo_clock.simulator import DemoClock, made_up
from demo_clock.wire import decode_log

NOON = datetime(2026, 11, 22, 12)
ROW = b"1007|2026-11-22T08:00:00|0|15\n"


class Clock:
    def now(self):
        return datetime(2026, 11, 22, 1, tzinfo=UTC)

    def monotonic(self):
        return time.monotonic()


def asking(device, **config):
    host, port = device.address
    settings = DemoClockConfig(host=host, port=port, **{"timeout_s": 1} | config)
    return DemoClockDriver(settings, SimpleNamespace(clock=Clock()))


async def fetched(asked, cursor=None):
    return [page async for page in asked.fetch(cursor)]


def test_a_line_becomes_a_punch_with_its_bytes():
    (punch,) = decode_log([ROW], "DC-1")
    assert isinstance(punch, Punch)
    assert (punch.user_id, punch.device_time) == ("1007", datetime(2026, 11, 22, 8))
    assert (punch.direction, punch.method, punch.raw) == ("in", "face", ROW)


def test_twins_of_one_second_stay_two():
    assert [punch.ordinal for punch in decode_log([ROW, ROW], "DC-1")] == [0, 1]


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"1007\n",
        b"|2026-11-22T08:00:00|0|1\n",
        b"1007|2026-02-30T08:00:00|0|1\n",
        b"1007|2026-11-22T08:00:00+08:00|0|1\n",
        b"1007|2026-11-22T08:00:00|in|1\n",
        b"\xff1007|2026-11-22T08:00:00|0|1\n",
    ],
)
def test_a_bad_line_is_kept_and_costs_no_other(line):
    first, bad, last = decode_log([ROW, line, ROW], "DC-1")
    assert isinstance(bad, Quarantined)
    assert (bad.offset, bad.raw) == (len(ROW), line)
    assert bad.reason
    assert isinstance(first, Punch)
    assert isinstance(last, Punch)


async def test_a_long_log_comes_in_pages_and_grows():
    async with DemoClock(made_up(1_001, NOON)) as device:
        pages = await fetched(asking(device))
        assert [len(page.records) for page in pages] == [500, 500, 1]
        assert [page.last for page in pages] == [False, False, True]
        assert pages[-1].on_device == 1_001
        device.rows.append("7|2026-11-22T08:00:00|0|1")
        (page,) = await fetched(asking(device), pages[-1].cursor)
        assert [punch.user_id for punch in page.records] == ["7"]


async def test_a_cleared_log_that_grew_past_the_cursor_is_read_whole():
    async with DemoClock(made_up(5, NOON)) as device:
        (before,) = await fetched(asking(device))
        device.rows[:] = [f"{n}|2026-11-22T08:00:00|0|1" for n in range(1, 9)]
        (after,) = await fetched(asking(device), before.cursor)
    assert len(after.records) == 8


async def test_another_serial_is_refused():
    async with DemoClock(serial="DC-2") as device:
        with pytest.raises(DemoClockError, match="expected serial DC-1, found DC-2") as caught:
            await asking(device, serial="DC-1").identity()
    assert caught.value.blocked


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("HTTP/1.1 400 Bad Request\n", "not_a_demo_clock"),
        ("x" * 10_000, "not_a_demo_clock"),
        ("SERIAL\n", "not_a_demo_clock"),
    ],
)
async def test_another_protocol_is_named(monkeypatch, answer, code):
    monkeypatch.setattr(DemoClock, "answer", lambda self, command: answer)
    async with DemoClock() as device:
        with pytest.raises(DemoClockError) as caught:
            await asking(device).identity()
    assert caught.value.code == code


async def test_a_log_that_is_cut_is_not_taken_for_whole(monkeypatch):
    whole = DemoClock.answer
    cut = {"LOG": "7|2026-11-22T08:00:00|0|1\nEND 2\n"}
    monkeypatch.setattr(DemoClock, "answer", lambda self, word: cut.get(word) or whole(self, word))
    async with DemoClock() as device:
        with pytest.raises(DemoClockError) as caught:
            await fetched(asking(device))
    assert caught.value.code == "incomplete"


async def test_a_log_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(driver, "MAX_ROWS", 10)
    async with DemoClock(made_up(11, NOON)) as device:
        with pytest.raises(DemoClockError, match="more than 10 rows"):
            await fetched(asking(device))


async def test_silence_costs_a_bounded_time(monkeypatch):
    monkeypatch.setattr(DemoClock, "answer", lambda self, command: "")
    async with DemoClock() as device, asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await asking(device, timeout_s=0.1).identity()

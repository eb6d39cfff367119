"""The hand-moved clock wakes what is due, in order, and notices what is stuck."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.demo import stepped_clock
from edge_agent.demo.stepped_clock import SteppedClock, StuckSceneError

START = datetime(2026, 10, 1, tzinfo=UTC)


async def test_loops_wake_when_due_and_are_waited_for():
    clock = SteppedClock(START)
    seen = []

    async def loop(name, interval):
        while True:
            await clock.sleep(interval)
            await asyncio.sleep(0.01)  # real work between two waits
            seen.append((name, clock.now() - START))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop("slow", 60)), group.create_task(loop("fast", 20))]
        await clock.settled(2)
        for second in range(20, 61, 20):
            await clock.advance_to(START + timedelta(seconds=second), loops=2)
        for task in tasks:
            task.cancel()
    expected = [("fast", 20), ("fast", 40), ("fast", 60), ("slow", 60)]
    assert sorted(seen) == sorted((name, timedelta(seconds=after)) for name, after in expected)
    assert clock.monotonic() == 60


async def test_a_cancelled_sleep_is_forgotten():
    clock = SteppedClock(START)
    task = asyncio.ensure_future(clock.sleep(5))
    await clock.settled(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await clock.advance_to(START + timedelta(seconds=5), loops=0)


async def test_a_loop_that_never_comes_back_is_named_an_error(monkeypatch):
    monkeypatch.setattr(stepped_clock, "STEP_LIMIT_S", 0.05)
    with pytest.raises(StuckSceneError, match="1 of 1 loops"):
        await SteppedClock(START).settled(1)

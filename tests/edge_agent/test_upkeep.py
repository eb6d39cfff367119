"""Which bug costs what: a task of one device or sink is started anew, the pulse ends the agent."""

import asyncio
import contextlib
import itertools
import random

import pytest

from edge_agent.app import Agent
from edge_agent.config.loading import load_config
from edge_agent.core_link import CoreLink
from edge_agent.doctor.findings import Code
from edge_agent.doctor.running import check_running
from edge_agent.footsteps import Footsteps
from edge_agent.notify import Notifier
from edge_agent.pulse import Pulse
from edge_agent.status.agent import Agent as Seen
from edge_agent.supervisor import retry
from edge_agent.supervisor import upkeep as upkeep_module
from edge_agent.supervisor.upkeep import Upkeep
from edge_agent.supervisor.worker import DeviceWorker
from edge_agent.system_clock import SystemClock
from tests.edge_agent.agents import running, site_text, until


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.1)


@contextlib.asynccontextmanager
async def kept():
    upkeep = Upkeep(SystemClock(), random.Random(1))
    task = asyncio.ensure_future(upkeep.run())
    try:
        yield upkeep
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_bug_starts_the_task_anew_later_each_time_and_is_told():
    lives = []

    async def work():
        lives.append(asyncio.get_running_loop().time())
        if len(lives) < 4:
            raise ValueError("one and one is three")
        await asyncio.Event().wait()

    async with kept() as upkeep:
        upkeep.start("device gate", work)
        await until(lambda: len(lives) == 4, what="not started again")
        (failure,) = upkeep.failures()
        assert (failure.task, failure.in_a_row) == ("device gate", 3)
        assert failure.what == "ValueError: one and one is three"
        gaps = [later - earlier for earlier, later in itertools.pairwise(lives)]
        assert gaps[2] >= 0.2  # half of four times the first, at least
        await upkeep.stop(["device gate"])
        assert upkeep.failures() == ()


async def test_a_task_that_ran_long_has_failed_for_the_first_time(monkeypatch):
    monkeypatch.setattr(upkeep_module, "SOUND_S", 0.0)
    lives = []

    async def work():
        lives.append(1)
        await asyncio.sleep(0.01)
        raise ValueError

    async with kept() as upkeep:
        upkeep.start("uplink", work)
        await until(lambda: len(lives) > 3, what="not started again")
        assert upkeep.failures()[0].in_a_row == 1


async def test_what_is_fatal_ends_all_of_them():
    upkeep = Upkeep(SystemClock(), random.Random(1), fatal=KeyError)
    other = asyncio.Event()

    async def damaged():
        raise KeyError("spool")

    async def sound():
        try:
            await asyncio.Event().wait()
        finally:
            other.set()

    upkeep.start("sound", sound)
    upkeep.start("damaged", damaged)
    with pytest.raises(KeyError):
        await asyncio.wait_for(upkeep.run(), 5)
    assert other.is_set()


async def test_a_task_that_does_not_stop_delays_nobody_for_long(monkeypatch):
    monkeypatch.setattr(upkeep_module, "STOP_LIMIT_S", 0.1)
    let_go = asyncio.Event()

    async def stubborn():
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()

    async with kept() as upkeep:
        upkeep.start("stubborn", stubborn)
        await asyncio.sleep(0.01)
        async with asyncio.timeout(1):
            await upkeep.stop(["stubborn"])
    let_go.set()
    await asyncio.sleep(0.01)


async def test_a_bug_of_a_worker_costs_that_device_and_heals(tmp_path, monkeypatch):
    real, failing = DeviceWorker.run, [True]

    async def run(self):
        if failing:
            raise RuntimeError("a bug of ours")
        await real(self)

    monkeypatch.setattr(DeviceWorker, "run", run)
    async with running(tmp_path, site_text(1)) as agent:
        first = agent.workers[0]
        await until(agent._upkeep.failures, what="the bug was not seen")
        snapshot = {"failed_tasks": [{"task": "t", "what": "w", "at": "2026", "in_a_row": 1}]}
        found = {finding.code for finding in check_running(Seen(None, snapshot))}
        assert Code.TASK_FAILED in found
        failing.clear()
        await until(lambda: agent.workers[0].report().problem, what="the device is not tried")
        assert agent.workers[0] is not first, "its state was not to be trusted"


async def test_a_bug_of_the_uplink_starts_it_anew(tmp_path, monkeypatch):
    uplinks, real = [], CoreLink.run

    async def run(self):
        if len(uplinks) < 2:
            uplinks.append(self)
            raise RuntimeError("a bug of ours")
        uplinks.append(self)
        await real(self)

    monkeypatch.setattr(CoreLink, "run", run)
    async with running(tmp_path, site_text(1, url="http://127.0.0.1:9")) as agent:
        await until(lambda: len(uplinks) == 3, what="not started again")
        assert agent.workers, "and nothing else with it"


async def test_a_bug_of_the_pulse_ends_the_agent(tmp_path, monkeypatch):
    def broken(self):
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(Pulse, "sentence", broken)
    (tmp_path / "site.toml").write_text(site_text(1))
    agent = await Agent.open(
        load_config(tmp_path / "site.toml"),
        clock=SystemClock(),
        randomness=random.Random(1),
        notifier=Notifier({}),
    )
    try:
        with pytest.raises(ExceptionGroup) as told:
            async with asyncio.timeout(5):
                await agent.run()
        assert told.group_contains(RuntimeError, match="a bug of ours")
    finally:
        agent.close()


class HandClock(SystemClock):
    seconds = 0.0

    def monotonic(self):
        return self.seconds


async def test_a_loop_that_goes_on_is_never_overdue_and_one_that_stands_is():
    clock = HandClock()
    steps = Footsteps(clock, limit_s=100)
    clock.seconds = 1_000
    assert not steps.overdue(), "it has not begun"
    steps.begin()
    for _ in range(50):  # a long drain never sleeps, but notes each success
        clock.seconds += 90
        assert not steps.overdue()
        steps.now()
    clock.seconds += 101
    assert steps.overdue()
    sleeping = asyncio.ensure_future(steps.sleep(3_600))
    await asyncio.sleep(0)
    clock.seconds += 3_650
    assert not steps.overdue(), "it rightly waits"
    clock.seconds += 100
    assert steps.overdue()
    sleeping.cancel()
    steps.end()
    assert not steps.overdue()

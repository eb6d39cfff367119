"""A driver in a process of its own: it is asked as any other, and whatever it does ends there."""

import asyncio
import contextlib
import os
import signal
import time

import pytest

from drivers.catalog import load_driver
from drivers.contract import DriverContext
from drivers.errors import BlockedError, DeviceMisbehavedError, LinkDownError
from edge_agent.isolation import process as process_module
from edge_agent.isolation.driver import DriverBugError, is_isolated, isolated
from edge_agent.isolation.output import LINES_A_MINUTE
from edge_agent.system_clock import SystemClock
from tests.edge_agent.isolation.naughty import install


@pytest.fixture
def naughty(tmp_path, monkeypatch, repository):
    """Builds the isolated driver; closes what was built."""
    install(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{repository}")
    kind = load_driver("naughty")

    def make(mischief="none", **more):
        config = kind.manifest.config(name="gate", kind="naughty", mischief=mischief, **more)
        return isolated(kind)(config, DriverContext(clock=SystemClock(), zone="UTC"))

    return make


async def pages(driver, cursor=None):
    async with contextlib.aclosing(driver.fetch(cursor)) as stream:
        return [page async for page in stream]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_what_it_delivers_arrives_as_ours_page_by_page(naughty):
    driver = naughty(pin="4711")
    try:
        identity = await driver.identity()
        assert (identity.serial, identity.facts["pin"]) == ("N1", "4711")
        assert int(identity.facts["pid"]) != os.getpid()
        seen = []
        async for page in driver.fetch(b"1"):
            seen.append(page)
            await driver.acknowledge(page)
        assert [page.cursor for page in seen] == [b"2", b"3"]
        assert seen[0].records[0].raw == b"x"
        assert seen[-1].last
        assert (await driver.count()).records == 2
    finally:
        await driver.aclose()
    assert gone(int(identity.facts["pid"]))


@pytest.mark.parametrize(
    ("mischief", "error", "says"),
    [
        ("exit", DeviceMisbehavedError, "exit code 3"),
        ("crash", DeviceMisbehavedError, "SIGSEGV"),
        ("memory", DeviceMisbehavedError, "used up its memory"),
        ("bug", DriverBugError, "one and one is three"),
        ("blocked", BlockedError, "the lamp is red"),
        ("down", LinkDownError, "the lamp is red"),
    ],
)
async def test_how_it_fails_is_told(naughty, mischief, error, says):
    driver = naughty(mischief)
    try:
        with pytest.raises(error, match=says):
            await pages(driver)
    finally:
        await driver.aclose()


async def test_a_page_that_is_too_large_ends_the_call_not_the_process(naughty):
    driver = naughty("big")
    try:
        with pytest.raises(DriverBugError, match="OversizedError"):
            async with asyncio.timeout(10):
                await pages(driver)
        assert (await driver.identity()).serial == "N1"
    finally:
        await driver.aclose()


@pytest.mark.parametrize("mischief", ["sleep", "loop"])
async def test_one_that_hangs_is_killed_and_delays_nobody(naughty, mischief):
    driver = naughty(mischief)
    pid = int((await driver.identity()).facts["pid"])
    longest_s = 0.0
    hung = asyncio.ensure_future(pages(driver))
    for _ in range(50):
        began_s = time.monotonic()
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, time.monotonic() - began_s)
    assert not hung.done()
    hung.cancel()
    await asyncio.gather(hung, return_exceptions=True)
    began_s = time.monotonic()
    await driver.aclose()
    assert time.monotonic() - began_s < 2
    assert gone(pid)
    assert longest_s < 0.2


async def test_no_sign_of_life_for_too_long_is_a_hang(naughty, monkeypatch):
    monkeypatch.setattr(process_module, "SILENT_LIMIT_S", 1.5)
    driver = naughty("sleep")
    try:
        with pytest.raises(DeviceMisbehavedError, match="no sign of life") as told:
            async with asyncio.timeout(10):
                await pages(driver)
        assert told.value.code == "driver_hung"
    finally:
        await driver.aclose()


async def test_waiting_for_an_event_is_no_hang_and_can_be_given_up(naughty, monkeypatch):
    monkeypatch.setattr(process_module, "SILENT_LIMIT_S", 1.5)
    driver = naughty()
    try:
        stream = driver.live()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):
                await anext(stream)
        await stream.aclose()
        assert len(await pages(driver)) == 3, "it is usable afterwards"
    finally:
        await driver.aclose()


async def test_what_it_prints_is_logged_but_never_floods(naughty, capsys):
    driver = naughty("chatter")
    assert len(await pages(driver)) == 3
    await driver.aclose()
    told = [line for line in capsys.readouterr().out.splitlines() if "driver_said" in line]
    assert len(told) == LINES_A_MINUTE + 1
    assert "driver_said_more" in told[-1]


async def test_it_does_not_outlive_the_agent(naughty):
    driver = naughty("loop")
    pid = int((await driver.identity()).facts["pid"])
    hung = asyncio.ensure_future(pages(driver))
    await asyncio.sleep(0.2)
    driver._process._link.close()  # what the kernel does when the agent is killed
    for _ in range(200):
        if gone(pid):
            break
        await asyncio.sleep(0.02)
    hung.cancel()
    await asyncio.gather(hung, return_exceptions=True)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await driver.aclose()


def test_who_is_isolated(naughty):
    config = naughty()._config
    assert is_isolated(config)
    assert not is_isolated(config.model_copy(update={"isolation": "none"}))
    ours = load_driver("zk-pull").manifest.config(name="a", kind="zk-pull", host="127.0.0.1")
    assert not is_isolated(ours)
    assert is_isolated(ours.model_copy(update={"isolation": "process"}))

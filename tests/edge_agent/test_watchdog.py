"""The watchdog, as systemd sees it: a real process, a real socket, parts that are frozen for real."""

import asyncio
import contextlib
import os
import socket
import sys
from datetime import datetime

import pytest

from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import rows, site_text

WATCHDOG_S = 2.0

# Runs the agent with one part that stops when the file FREEZE appears. Shipped code knows no hook.
_FREEZABLE = """
import os, runpy, sys, time
FREEZE, PART = sys.argv[1:3]

def frozen(*_):
    while os.path.exists(FREEZE):
        time.sleep(0.05)

if PART == "writer":
    from edge_agent.spool.writer import Writer
    real_group = Writer._next_group
    def next_group(self):
        frozen()
        return real_group(self)
    Writer._next_group = next_group
if PART == "loop":
    from edge_agent.supervisor.worker import DeviceWorker
    real_vitals = DeviceWorker._look_at_vitals
    def look(self, driver):
        frozen()
        real_vitals(self, driver)
    DeviceWorker._look_at_vitals = look
if PART == "worker":
    import asyncio
    from edge_agent.supervisor import worker
    worker.PAGE_DEADLINE_S = worker.BLOCKED_DELAY_S = 0.5
    real_next = worker.DeviceWorker._until_next_fetch
    async def until_next_fetch(self, driver):
        await real_next(self, driver)
        while os.path.exists(FREEZE):
            await asyncio.sleep(0.05)
    worker.DeviceWorker._until_next_fetch = until_next_fetch
sys.argv = ["edge_agent", *sys.argv[3:]]
runpy.run_module("edge_agent", run_name="__main__", alter_sys=True)
"""


@contextlib.asynccontextmanager
async def watched(folder, part):
    """An agent whose `part` can be frozen, and the socket that systemd listens at."""
    zk = ZkTerminal(TerminalConfig(clock=datetime.now, serial="W1"), rows(20), [])
    async with zk:
        (folder / "site.toml").write_text(site_text(zk.address[1]))
        with (
            (folder / "log").open("wb") as log,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
        ):
            listener.bind(str(folder / "notify"))
            listener.setblocking(False)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _FREEZABLE, str(folder / "freeze"), part),
                *("run", "-c", str(folder / "site.toml")),
                stderr=log,
                env=os.environ
                | {
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
                },
            )
            try:
                yield listener
            finally:
                (folder / "freeze").unlink(missing_ok=True)
                process.kill()
                await process.communicate()


async def pings(listener, seconds):
    """How many came within `seconds`."""
    count, loop = 0, asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                count += b"WATCHDOG=1" in await loop.sock_recv(listener, 1000)
    return count


async def ping(listener, seconds=15):
    async with asyncio.timeout(seconds):
        while b"WATCHDOG=1" not in await asyncio.get_running_loop().sock_recv(listener, 1000):
            pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("writer", "watchdog_withheld"),
        ("worker", "watchdog_withheld"),
        ("loop", "most recent call first"),
    ],
)
async def test_what_is_stuck_is_not_fed_and_shows_where_it_stands(tmp_path, part, says):
    async with watched(tmp_path, part) as listener:
        await ping(listener)
        assert await pings(listener, WATCHDOG_S) >= 2, "it is well"
        (tmp_path / "freeze").touch()
        await pings(listener, 2 * WATCHDOG_S)  # those of before it was noticed
        assert await pings(listener, 1.5 * WATCHDOG_S) == 0
        log = (tmp_path / "log").read_text()
        assert says in log
        assert "Stack for" in log or "Thread 0x" in log
        (tmp_path / "freeze").unlink()
        await ping(listener)

"""`edge-agent run` as systemd starts it: a process of its own, a notify socket, signals, kills."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from datetime import datetime, timedelta

import pytest

from edge_agent.spool.errors import SpoolError
from edge_agent.spool.reading import read_ledger
from protocols.zk.attendance import AttendanceRow
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal

ROWS = 3_000
KILLS = 5


@pytest.fixture
async def terminal():
    start = datetime(2026, 10, 1)
    rows = [
        AttendanceRow(uid=1, user_id=str(n % 50), time=start + timedelta(seconds=n // 2), state=0)
        for n in range(ROWS)
    ]
    async with ZkTerminal(TerminalConfig(clock=datetime.now), rows, []) as zk:
        yield zk


@pytest.fixture
def site(tmp_path, terminal):
    path = tmp_path / "site.toml"
    path.write_text(f"""
[site]
name = "s"
zone = "Asia/Shanghai"
[gateway]
name = "g"
state_dir = "."
[[device]]
name = "gate"
kind = "zk-pull"
host = "127.0.0.1"
port = {terminal.address[1]}
poll_s = 1
""")
    return path


@contextlib.asynccontextmanager
async def running(site, **environment):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", "run", "-c", site,
        stderr=asyncio.subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def gate(site):
    """The device's counters in the spool, {} before there are any."""
    try:
        devices = read_ledger(site.with_name("spool.db"))["devices"]
    except SpoolError:
        return {}
    return devices[0] if devices else {}


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_it_tells_systemd_when_it_is_ready_alive_and_stopping(site, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        async with (
            asyncio.timeout(20),
            running(
                site, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="60000000"
            ) as process,
        ):
            assert (await loop.sock_recv(listener, 1000)).startswith(b"READY=1\nSTATUS=")
            while not (await loop.sock_recv(listener, 1000)).startswith(b"WATCHDOG=1"):
                pass
            process.terminate()
            began = loop.time()
            assert await process.wait() == 0
            assert loop.time() - began < 5
            said = listener.recv(1000)
            while said.startswith(b"WATCHDOG=1"):
                said = listener.recv(1000)
            assert said == b"STOPPING=1"


@contextlib.asynccontextmanager
async def silent_device():
    """Accepts connections and never says a word; yields its port."""
    done = asyncio.Event()

    async def listen(_, writer):
        await done.wait()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        done.set()
        server.close()
        await server.wait_closed()


async def test_a_stop_amid_work_takes_seconds_and_keeps_what_was_read(site, terminal):
    async with silent_device() as port:
        site.write_text(
            f"""{site.read_text()}
[[device]]
name = "silent"
kind = "zk-pull"
host = "127.0.0.1"
port = {port}
timeout_s = 60
[uplink]
url = "http://127.0.0.1:{port}"
timeout_s = 60
"""
        )
        loop = asyncio.get_running_loop()
        async with running(site) as process:
            await until(lambda: gate(site).get("on_device") == ROWS)
            await asyncio.sleep(0.3)  # the last page is acknowledged; silence goes on
            began = loop.time()
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 20) == 0
            assert loop.time() - began < 5
            log = (await process.stderr.read()).decode()
    assert "event=agent_stopped" in log
    assert log.count("event=device_ready") == 1
    assert f"rows_on_device={ROWS}" in log
    assert "profile=" in log
    assert not site.with_name("status.json").exists()
    assert gate(site)["stored"] == gate(site)["fetched"] == ROWS


async def test_hangup_is_a_reload(site):
    async with running(site) as process:
        await until(lambda: gate(site).get("stored") == ROWS)
        site.write_text(site.read_text().replace("poll_s = 1", "poll_s = 2"))
        process.send_signal(signal.SIGHUP)
        told = b""
        async with asyncio.timeout(20):
            while b"config_reloaded" not in told:
                told = await process.stderr.readline()
        assert b"device gate: is restarted (poll_s changed)" in told
        assert process.returncode is None


async def test_a_second_agent_on_the_same_spool_is_refused_and_says_why(site):
    async with running(site):
        await until(lambda: gate(site).get("stored") == ROWS)
        async with running(site) as second:
            _, told = await asyncio.wait_for(second.communicate(), 20)
            assert second.returncode == 2
            assert b"try:" in told
            assert b"Traceback" not in told


@pytest.mark.slow
async def test_kill_9_at_any_moment_loses_and_doubles_nothing(site):
    seed = int(os.environ.get("CLOCKLINE_SEED", "7"))
    print(f"seed {seed}")
    moments = random.Random(seed)
    for _ in range(KILLS):
        async with running(site) as process:
            await asyncio.sleep(moments.uniform(0.25, 0.9))
            process.send_signal(signal.SIGKILL)
    async with running(site):
        await until(lambda: gate(site).get("fetched") == ROWS)
    device = gate(site)
    assert device["on_device"] == device["fetched"] == device["stored"] == ROWS
    assert device["quarantined"] == 0

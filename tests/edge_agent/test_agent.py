"""The agent as a whole on real sockets: whatever its peers do, it lives on and loses nothing."""

import asyncio
import contextlib
import json
import random
from datetime import datetime, timedelta
from hashlib import blake2b

import pytest

from drivers.zk_pull import ZkPullDriver
from edge_agent.supervisor import retry, worker
from edge_agent.supervisor.states import DeviceState
from protocols.zk.oplog import Operation
from simulators.zk_terminal.config import Faults, TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import Core, rows, running, until

ROWS = 500


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Retries within a test's patience; what is retried and what is not stays as it is."""
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(retry, "LONGEST_DELAY_S", 0.2)
    monkeypatch.setattr(worker, "BLOCKED_DELAY_S", 0.2)


@pytest.fixture
def serial(request):
    """Of this test alone, so that tests can share one core."""
    return blake2b(request.node.name.encode(), digest_size=6).hexdigest()


@pytest.fixture
async def terminal(serial):
    zk = ZkTerminal(TerminalConfig(clock=datetime.now, serial=serial), rows(ROWS), [])
    async with zk:
        yield zk


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    with Core(tmp_path_factory.mktemp("core")).served() as served:
        yield served


def site_text(port, serial, *, url=None, poll_s=0.2, more="", host="127.0.0.1"):
    uplink = f'[uplink]\nurl = "{url}"\ntimeout_s = 2\n' if url else ""
    return f"""
[site]
name = "site-1"
zone = "Asia/Shanghai"
networks = ["127.0.0.64/28"]
[gateway]
name = "gw-test"
state_dir = "."
{uplink}
[[device]]
name = "gate"
kind = "zk-pull"
host = "{host}"
port = {port}
serial = "{serial}"
timeout_s = 1
poll_s = {poll_s}
{more}
"""


async def stored(agent, *, at_least=ROWS):
    return sum(device.stored for device in (await agent.spool.stats()).devices) >= at_least


async def test_from_terminal_to_core_exactly_once(tmp_path, serial, terminal, core):
    core.enrol(tmp_path, "gw-test")
    async with running(tmp_path, site_text(terminal.address[1], serial, url=core.url)) as agent:
        await until(lambda: core.punches().get(serial, 0) >= ROWS, what="not all at the core")
        terminal.log.extend(rows(7, start=datetime(2026, 11, 1, 8)))
        await until(lambda: core.punches().get(serial, 0) >= ROWS + 7, what="growth not at core")
        await asyncio.sleep(0.6)  # several more polls and uplink rounds must add nothing
        (device,) = (await agent.spool.stats()).devices
        assert device.on_device == device.fetched == device.stored == device.acked == ROWS + 7
    assert core.punches().get(serial, 0) == ROWS + 7


async def test_the_operation_log_is_counted_apart_from_the_punches(tmp_path, serial, terminal):
    """What happened to a terminal is no punch: the counts that prove completeness stay equal."""
    terminal.operations.append(Operation(operation=0, time=datetime(2026, 10, 1, 7)))
    terminal.operations.append(Operation(operation=21, time=datetime(2026, 10, 1, 9)))
    async with running(tmp_path, site_text(terminal.address[1], serial)) as agent:
        await until(lambda: stored(agent, at_least=ROWS + 2), what="not all stored")
        ledgers = {device.serial: device for device in (await agent.spool.stats()).devices}
        assert ledgers[serial].on_device == ledgers[serial].stored == ROWS
        assert ledgers[f"{serial}/operations"].stored == 2


async def test_a_terminal_that_closes_mid_frame_is_read_again(tmp_path, serial, terminal):
    terminal.faults = Faults(close_after=3_000)
    async with running(tmp_path, site_text(terminal.address[1], serial)) as agent:
        (gate,) = agent.workers
        await until(lambda: gate.report().problem, what="the cut was not noticed")
        assert gate.report().problem.remedy
        assert not await stored(agent, at_least=1)
        terminal.faults = Faults()
        await until(lambda: stored(agent), what="not read after the cut")
        await until(lambda: gate.report().problem is None, what="the problem stays shown")


async def test_a_log_that_no_layout_fits_is_stored_once_not_at_every_poll(
    tmp_path, serial, terminal
):
    table = bytes(range(256)) * 20
    terminal._memory.table = lambda _command: len(table).to_bytes(4, "little") + table
    polls = set()

    async def polled(agent):
        for device in (await agent.spool.stats()).devices:
            polls.add(device.last_fetch_at)
        return len(polls) > 3

    async with running(tmp_path, site_text(terminal.address[1], serial)) as agent:
        await until(lambda: polled(agent), what="not polled again")
        stats = await agent.spool.stats()
        (device,) = stats.devices
        assert (device.received, device.quarantined, device.quarantined_again) == (1, 1, 0)
        assert (stats.quarantined, device.stored, device.on_device) == (1, 0, None)


async def test_another_serial_is_never_read_and_says_so(tmp_path, serial, terminal):
    async with running(tmp_path, site_text(terminal.address[1], "OTHER")) as agent:
        (gate,) = agent.workers
        await until(lambda: gate.report().state is DeviceState.BLOCKED, what="not blocked")
        problem = gate.report().problem
        assert problem.code == "wrong_serial"
        assert "OTHER" in problem.what
        assert serial in problem.what
        assert not await stored(agent, at_least=1)


async def test_a_terminal_that_is_away_comes_back(tmp_path, serial, terminal):
    port = terminal.address[1]
    await terminal.stop()
    async with running(tmp_path, site_text(port, serial)) as agent:
        (gate,) = agent.workers
        await until(lambda: gate.report().problem, what="its absence was not noticed")
        assert gate.report().problem.code == "link_refused"
        await terminal.start()
        await until(lambda: stored(agent), what="not read when it came back")


async def test_one_dead_device_does_not_hold_up_another(tmp_path, serial, terminal):
    more = """
[[device]]
name = "dead"
kind = "zk-pull"
host = "127.0.0.1"
port = 1
"""
    async with running(tmp_path, site_text(terminal.address[1], serial, more=more)) as agent:
        await until(lambda: stored(agent), what="the living device was not read")
        assert agent.workers[1].report().problem.code == "link_refused"


async def rubbish(reader, writer):
    with contextlib.suppress(ConnectionError):
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")
        await writer.drain()
    writer.close()


@pytest.mark.parametrize("answers", [True, False], ids=["rubbish", "down"])
async def test_a_core_that_is_down_or_talks_rubbish_loses_nothing(
    tmp_path, serial, terminal, core, answers, unused_tcp_port
):
    core.enrol(tmp_path, "gw-test")
    async with contextlib.AsyncExitStack() as stack:
        if answers:
            server = await asyncio.start_server(rubbish, "127.0.0.1", unused_tcp_port)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
        bad = f"http://127.0.0.1:{unused_tcp_port}"
        async with running(tmp_path, site_text(terminal.address[1], serial, url=bad)) as agent:
            await until(lambda: stored(agent), what="the dead core held up the terminal")
            await until(lambda: agent.uplink.state.last_error, what="no error told")
            error = agent.uplink.state.last_error
            assert error.code == ("rubbish_answer" if answers else "core_unreachable")
            assert error.remedy
            (device,) = (await agent.spool.stats()).devices
            assert device.acked == 0
    async with running(tmp_path, site_text(terminal.address[1], serial, url=core.url)) as agent:

        async def all_acked():
            (device,) = (await agent.spool.stats()).devices
            return device.acked == ROWS

        await until(all_acked, what="not delivered to the core that came back")
    assert core.punches().get(serial, 0) == ROWS


async def test_the_snapshot_and_the_spool_survive_a_restart(tmp_path, serial, terminal):
    text = site_text(terminal.address[1], serial)
    async with running(tmp_path, text) as agent:
        await until(lambda: stored(agent), what="not read")
    async with running(tmp_path, text) as agent:
        await until(
            lambda: agent.workers[0].report().state is DeviceState.READY, what="not ready again"
        )
        (device,) = (await agent.spool.stats()).devices
        assert device.stored == ROWS
        assert (tmp_path / "status.json").is_file()


async def test_the_agent_stops_within_five_seconds_with_a_device_mid_answer(
    tmp_path, serial, terminal
):
    terminal.faults = Faults(silent_on=frozenset({1503}))
    async with running(tmp_path, site_text(terminal.address[1], serial)) as agent:
        await until(
            lambda: agent.workers[0].report().state is DeviceState.READY, what="not connected"
        )
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5


async def test_a_punch_is_here_at_once_though_the_next_poll_is_an_hour_away(
    tmp_path, serial, terminal, monkeypatch
):
    monkeypatch.setattr(worker, "HINT_PAUSE_S", 0.05)
    text = site_text(terminal.address[1], serial, poll_s=3600)
    async with running(tmp_path, text) as agent:
        await until(lambda: stored(agent), what="not read")
        (row,) = rows(1, start=datetime(2026, 11, 5, 8))
        await terminal.punch(row)
        await until(lambda: stored(agent, at_least=ROWS + 1), what="the hint led to no pull")


async def test_whatever_breaks_while_people_punch_none_is_missed_and_none_doubled(
    tmp_path, serial, terminal, monkeypatch
):
    """Live events are lost with the connection; the log has them, and the pull gets them once."""
    monkeypatch.setattr(worker, "HINT_PAUSE_S", 0.05)
    chance = random.Random(11)
    minute = datetime(2026, 11, 5, 8)
    text = site_text(terminal.address[1], serial, poll_s=3600)
    async with running(tmp_path, text) as agent:
        await until(lambda: stored(agent), what="not read")
        for _ in range(6):
            for _ in range(chance.randrange(1, 5)):
                minute += timedelta(minutes=1)
                (row,) = rows(1, start=minute)
                await terminal.punch(row)
                await asyncio.sleep(chance.uniform(0, 0.1))
            await terminal.stop()
            minute += timedelta(minutes=1)
            terminal.log.extend(rows(1, start=minute))  # pressed while nobody listens
            await terminal.start()
        expected = len(terminal.log)
        await until(lambda: stored(agent, at_least=expected), what="a punch was missed")
        await asyncio.sleep(0.3)
        (device,) = (await agent.spool.stats()).devices
        assert device.on_device == device.stored == expected


async def test_a_terminal_with_a_new_address_is_followed_and_an_impostor_never_read(
    tmp_path, serial, unused_tcp_port
):
    """The router restarts: our terminal gets another address, somebody else's gets the old one."""
    old, new = "127.0.0.65", "127.0.0.70"
    ours = ZkTerminal(
        TerminalConfig(clock=datetime.now, serial=serial),
        rows(ROWS), [], listen=(old, unused_tcp_port),
    )  # fmt: skip
    theirs = ZkTerminal(
        TerminalConfig(clock=datetime.now, serial="SOMEONE-ELSES"),
        rows(50, start=datetime(2025, 1, 1)), [], listen=(old, unused_tcp_port),
    )  # fmt: skip
    text = site_text(unused_tcp_port, serial, host=old)
    async with contextlib.AsyncExitStack() as stack:
        await ours.start()
        agent = await stack.enter_async_context(running(tmp_path, text))
        await until(lambda: stored(agent), what="not read at the old address")
        await ours.stop()
        await stack.enter_async_context(theirs)
        ours.address = (new, unused_tcp_port)
        ours.log.extend(rows(5, start=datetime(2026, 11, 7, 8)))
        await stack.enter_async_context(ours)
        await until(lambda: stored(agent, at_least=ROWS + 5), what="not followed")
        (gate,) = agent.workers
        assert gate.report().moved == f"{old}:{unused_tcp_port} → {new}:{unused_tcp_port}"
        await until(
            lambda: gate.report().moved.split()[-1] in (tmp_path / "status.json").read_text(),
            what="status does not show the move",
        )
        (device,) = (await agent.spool.stats()).devices
        assert (device.serial, device.stored) == (serial, ROWS + 5)


async def test_follow_off_stays_where_it_was_told(tmp_path, serial, unused_tcp_port):
    text = site_text(unused_tcp_port, serial, host="127.0.0.65").replace(
        "poll_s =", 'follow = "off"\npoll_s ='
    )
    config = TerminalConfig(clock=datetime.now, serial=serial)
    async with (
        ZkTerminal(config, rows(5), [], listen=("127.0.0.70", unused_tcp_port)),
        running(tmp_path, text) as agent,
    ):
        (gate,) = agent.workers
        await until(lambda: gate.report().failures > 4, what="it did not even try")
        assert gate.report().moved is None
        assert not await stored(agent, at_least=1)


async def test_a_bug_in_the_search_for_a_moved_device_costs_the_search_alone(
    tmp_path, serial, unused_tcp_port, monkeypatch
):
    async def broken(config, serial, networks, context):
        raise RuntimeError("a bug")

    monkeypatch.setattr(ZkPullDriver, "find", broken)
    async with running(tmp_path, site_text(unused_tcp_port, serial)) as agent:
        (gate,) = agent.workers
        await until(lambda: gate.report().failures > 4, what="the worker stopped trying")
        assert gate.report().problem.code == "link_refused"


async def test_a_log_that_is_cleared_at_the_terminal_is_told_and_counted_apart(
    tmp_path, serial, terminal
):
    text = site_text(terminal.address[1], serial)
    async with running(tmp_path, text) as agent:
        await until(lambda: stored(agent), what="not read")
        terminal.log[:] = rows(3, start=datetime(2026, 11, 20, 8))
        await until(lambda: stored(agent, at_least=ROWS + 4), what="not read on")
        (gate,) = agent.workers
        assert gate.report().log_change.what == (
            f"its log was cleared ({ROWS} rows, the last of them from {rows(ROWS)[-1].time}; "
            "3 rows now, epoch 1)"
        )
        punched, said = (await agent.spool.stats()).devices
        assert (punched.stored, punched.on_device, punched.fetched) == (ROWS + 3, 3, 3)
        assert (said.serial, said.stored, said.on_device) == (f"{serial}/operations", 1, None)
        await until(
            lambda: "log was cleared" in (tmp_path / "status.json").read_text(),
            what="status does not show it",
        )


async def test_a_terminal_that_fills_up_is_told_in_the_snapshot(tmp_path, serial):
    config = TerminalConfig(clock=datetime.now, serial=serial, record_capacity=520)
    async with ZkTerminal(config, rows(ROWS), []) as terminal:
        port = terminal.address[1]
        async with running(tmp_path, site_text(port, serial)) as agent:

            def warnings():
                return agent.workers[0].report().vitals.warnings

            await until(warnings, what="a warning")
            assert (warnings()[0].code, warnings()[0].severity) == ("memory_filling", "bad")
            assert agent.workers[0].report().vitals.line.requests > 0

            def in_snapshot():
                device = json.loads((tmp_path / "status.json").read_bytes())["devices"][0]
                return device["warnings"] and device["line"]["requests"]

            await until(in_snapshot, what="the snapshot says so")
            terminal.log.clear()
            await until(lambda: not warnings(), what="room again")

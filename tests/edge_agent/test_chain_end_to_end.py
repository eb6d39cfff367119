"""The chain on real sockets and processes: a core restored from a backup (R21), a cloned SD card."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from datetime import UTC, datetime

import pytest

from edge_agent.config.places import read_places
from edge_agent.doctor.findings import Code, Severity
from edge_agent.doctor.uplink import check_chain
from edge_agent.pulse import PULSE_S
from edge_agent.status.agent import read_agent
from edge_agent.supervisor import retry
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import Core, rows, running, site_text, until

BACKED_UP, LATER = 180, 120
SERIAL = "CLK-CHAIN-1"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(retry, "LONGEST_DELAY_S", 0.2)


@pytest.fixture
async def terminal():
    config = TerminalConfig(clock=datetime.now, serial=SERIAL)
    async with ZkTerminal(config, rows(BACKED_UP), []) as zk:
        yield zk


def small_batches(text):
    return text.replace("timeout_s = 2\n", "timeout_s = 2\nbatch_records = 20\n", 1)


def backup(core, path):
    with (
        contextlib.closing(sqlite3.connect(core.database)) as live,
        contextlib.closing(sqlite3.connect(path)) as copy,
    ):
        live.backup(copy)


def restore(core, path):
    for suffix in ("-wal", "-shm"):
        core.database.with_name(core.database.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(path, core.database)


def acked(agent, count):
    async def check():
        devices = {device.serial: device for device in (await agent.spool.stats()).devices}
        return SERIAL in devices and devices[SERIAL].acked == count

    return check


async def test_a_core_restored_from_a_backup_gets_everything_again(
    tmp_path, terminal, unused_tcp_port
):
    core, folder = Core(tmp_path), tmp_path / "gateway"
    core.enrol(folder, "gw-test")
    url = f"http://127.0.0.1:{unused_tcp_port}"
    text = small_batches(site_text(terminal.address[1], url=url))
    async with contextlib.AsyncExitStack() as stack:
        with core.served(unused_tcp_port):
            agent = await stack.enter_async_context(running(folder, text))
            await until(acked(agent, BACKED_UP), what="not delivered")
            backup(core, tmp_path / "backup.db")
            terminal.log.extend(rows(LATER, start=datetime(2026, 11, 2, 8)))
            await until(acked(agent, BACKED_UP + LATER), what="growth not delivered")
            assert core.punches() == {SERIAL: BACKED_UP + LATER}
        restore(core, tmp_path / "backup.db")
        assert core.punches() == {SERIAL: BACKED_UP}, "control: the restored core lacks punches"
        with core.served(unused_tcp_port):
            terminal.log.extend(rows(1, start=datetime(2026, 11, 3, 8)))
            everything = BACKED_UP + LATER + 1
            await until(lambda: core.punches() == {SERIAL: everything}, what="not sent again")
            await until(acked(agent, everything), what="the ledger does not agree")
            state = agent.uplink.state
            assert state.rewinds == 1
            assert state.last_rewind.rows >= LATER
            told = core.ask("SELECT body FROM raw_events WHERE kind = 'device_event'")
            events = [json.loads(body) for (body,) in told]
            (event,) = [one for one in events if one["code"] == "core_restored"]
            assert event["serial"] == "gw-test"
            assert event["detail"]["last_batch"] == state.last_rewind.number
            verdict = json.loads(core.run("audit", "verify", "--json"))
            assert verdict["status"] == "ok"
            assert verdict["gateways"][0]["faults"] == []
            await asyncio.sleep(PULSE_S + 0.5)  # the snapshot that doctor reads
            found = {one.code: one for one in doctor(folder)}
            assert found[Code.CORE_RESTORED].severity is Severity.WARN
            assert found[Code.CHAIN_FORK].severity is Severity.OK


def doctor(folder):
    return list(check_chain(read_agent(read_places(folder / "site.toml"), datetime.now(UTC))))


def refused(core):
    """But for uploads that an agent of the test broke off when it was stopped."""
    return [code for (code,) in core.ask("SELECT code FROM refusals WHERE code <> 'body_cut'")]


async def test_a_cloned_sd_card_is_refused_and_the_first_goes_on(tmp_path, terminal):
    core, first, clone = Core(tmp_path), tmp_path / "first", tmp_path / "clone"
    core.enrol(first, "gw-test")
    with core.served():
        text = small_batches(site_text(terminal.address[1], url=core.url))
        async with running(first, text) as agent:
            await until(acked(agent, BACKED_UP), what="not delivered")
        shutil.copytree(first, clone)
        async with running(first, text) as agent:
            terminal.log.extend(rows(30, start=datetime(2026, 11, 2, 8)))
            await until(acked(agent, BACKED_UP + 30), what="the first does not go on")
            async with running(clone, text) as second:
                await until(
                    lambda: second.uplink.state.last_error is not None,
                    what="the clone was not refused",
                )
                problem = second.uplink.state.last_error
                assert problem.code == "chain_fork"
                assert "SD card" in problem.remedy
                assert "stop" in problem.remedy.lower()
                terminal.log.extend(rows(30, start=datetime(2026, 11, 3, 8)))
                await until(acked(agent, BACKED_UP + 60), what="the clone held up the first")
                assert second.uplink.state.batches == 0
                await until(
                    lambda: (
                        [(one.code, one.severity) for one in doctor(clone)]
                        == [(Code.CHAIN_FORK, Severity.BAD)]
                    ),
                    what="doctor does not tell",
                )
        await until(lambda: refused(core) == ["chain_fork"], what="the core did not see the fork")
        assert core.punches() == {SERIAL: BACKED_UP + 60}
        assert json.loads(core.run("audit", "verify", "--json"))["status"] == "ok"


async def test_a_clone_that_sends_first_makes_the_other_one_the_fork(tmp_path, terminal):
    """Whoever comes second is refused; the core cannot know which of two equal machines is right.
    Here the second has a batch in flight under the number that the first has used.
    """
    core, first, clone = Core(tmp_path), tmp_path / "first", tmp_path / "clone"
    core.enrol(first, "gw-test")
    with core.served():
        text = small_batches(site_text(terminal.address[1], url=core.url))
        async with running(first, text) as agent:
            await until(acked(agent, BACKED_UP), what="not delivered")
        shutil.copytree(first, clone)
        terminal.log.extend(rows(5, start=datetime(2026, 11, 2, 8)))  # one batch for each
        async with running(first, text) as agent:
            await until(acked(agent, BACKED_UP + 5), what="the first does not go on")
        async with running(clone, text) as second:
            await until(lambda: second.uplink.state.last_error, what="the clone was not refused")
            assert second.uplink.state.last_error.code == "chain_fork"
            assert second.uplink.state.batches == 0
        await until(lambda: refused(core) == ["chain_fork"], what="the core did not count it")
        core.run("audit", "chains", code=1)


async def test_a_lost_spool_goes_on_behind_the_cores_last_batch(tmp_path, terminal):
    core, folder = Core(tmp_path), tmp_path / "gateway"
    core.enrol(folder, "gw-test")
    with core.served():
        text = small_batches(site_text(terminal.address[1], url=core.url))
        async with running(folder, text) as agent:
            await until(acked(agent, BACKED_UP), what="not delivered")
        for file in folder.glob("spool.db*"):
            file.unlink()
        async with running(folder, text) as agent:
            await until(acked(agent, BACKED_UP), what="the new spool does not deliver")
            await until(
                lambda: agent.uplink.state.duplicate == BACKED_UP, what="something was stored anew"
            )
        assert core.punches() == {SERIAL: BACKED_UP}
        events = core.ask("SELECT body FROM raw_events WHERE kind = 'device_event'")
        assert "spool_restarted" in {json.loads(body)["code"] for (body,) in events}
        assert json.loads(core.run("audit", "verify", "--json"))["status"] == "ok"

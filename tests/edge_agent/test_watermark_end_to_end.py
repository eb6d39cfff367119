"""Watermarks from a terminal's log to the core and back from a backup, on real sockets and processes."""

import asyncio
import contextlib
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from edge_agent.cli.app import run as edge_agent
from edge_agent.spool import publishing
from edge_agent.supervisor import retry
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import Core, rows, running, site_text, until
from tests.edge_agent.test_chain_end_to_end import backup, restore

SERIAL = "CLK-MARK-1"
FIRST, LATER = 60, 40


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(retry, "LONGEST_DELAY_S", 0.2)
    monkeypatch.setattr(publishing, "SPACING_US", 200_000)
    monkeypatch.setattr(publishing, "QUIET_SPACING_US", 400_000)


@pytest.fixture
async def terminal():
    config = TerminalConfig(clock=lambda: datetime.now(UTC).replace(tzinfo=None), serial=SERIAL)
    async with ZkTerminal(config, rows(FIRST), []) as zk:
        yield zk


def told(core):
    """What the core has of it: (complete until or None, stored, held by)."""
    rows = core.ask(
        "SELECT complete_until, stored, held_by FROM watermarks WHERE serial = ?", SERIAL
    )
    return rows[0] if rows else (None, 0, "nothing")


async def shown(folder, capsys):
    code = await asyncio.to_thread(
        edge_agent, ["watermark", "--json", "-c", str(folder / "site.toml")]
    )
    # The agent runs in this process and logs to the same place.
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("{")]
    return code, json.loads(line)


async def test_fetched_stored_and_acked_agree_and_the_core_knows_until_when(
    tmp_path, terminal, capsys
):
    core, folder = Core(tmp_path), tmp_path / "gateway"
    core.enrol(folder, "gw-test")
    began = datetime.now(UTC).timestamp() * 1e6
    with core.served():
        async with running(folder, site_text(terminal.address[1], url=core.url)):
            await until(lambda: told(core)[0], what="the core was not told")
            first = told(core)
            assert first[1:] == (FIRST, None)
            await until(lambda: told(core)[0] > first[0], what="a quiet poll does not move it")
            assert began - 30e6 < told(core)[0] < datetime.now(UTC).timestamp() * 1e6
            code, device = await shown(folder, capsys)
            assert code == 0
            counts = {device[key] for key in ("on_device", "fetched", "stored", "acked")}
            assert counts == {FIRST}
            assert device["held_by"] is None
            (event_id,) = core.ask(
                "SELECT hex(event_id) FROM raw_events WHERE kind='punch' LIMIT 1"
            )[0]
            code = await asyncio.to_thread(
                edge_agent, ["trace", event_id, "--json", "-c", str(folder / "site.toml")]
            )
            told_lines = capsys.readouterr().out.splitlines()
            (facts,) = [json.loads(one) for one in told_lines if one.startswith("{")]
            assert (code, facts["core"]["held"], facts["core"]["gateway"]) == (0, True, "gw-test")
            assert facts["core"]["batch"] == facts["batches"][0]["number"]
            assert facts["wire"]["fields"]
            with closing(sqlite3.connect(folder / "spool.db")) as spool, spool:
                spool.execute("DELETE FROM pages")  # as age does, long after
            words = ["trace", event_id, "-c", str(folder / "site.toml")]
            assert await asyncio.to_thread(edge_agent, words) == 0
            shown_lines = capsys.readouterr().out
            assert "stored    no more" in shown_lines
            assert "core      holds it, by batch" in shown_lines
            unknown = [words[0], "00" * 16, *words[2:]]
            assert await asyncio.to_thread(edge_agent, unknown) == 3
            assert "nor does the core" in capsys.readouterr().err
        at_core = json.loads(core.run("trace", event_id, "--json"))
        assert at_core["proof"]["faults"] == []
        assert at_core["proof"]["batch_hash"] == facts["batches"][0]["batch_hash"]
        assert at_core["raw"] == facts["wire"]["raw"]
        (mark,) = json.loads(core.run("watermark", "--json"))["watermarks"]
        assert (mark["serial"], mark["gateway"], mark["held_by"]) == (SERIAL, "gw-test", None)
        assert json.loads(core.run("audit", "verify", "--json"))["status"] == "ok"


async def test_a_restored_core_never_shows_what_it_does_not_hold(
    tmp_path, terminal, unused_tcp_port
):
    core, folder = Core(tmp_path), tmp_path / "gateway"
    core.enrol(folder, "gw-test")
    url = f"http://127.0.0.1:{unused_tcp_port}"
    text = site_text(terminal.address[1], url=url).replace(
        "timeout_s = 2\n", "timeout_s = 2\nbatch_records = 10\n", 1
    )
    everything = FIRST + LATER
    async with contextlib.AsyncExitStack() as stack:
        with core.served(unused_tcp_port):
            agent = await stack.enter_async_context(running(folder, text))
            await until(lambda: told(core)[0], what="the core was not told")
            backup(core, tmp_path / "backup.db")
            low = told(core)
            fresh = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
            terminal.log.extend(rows(LATER, start=fresh.replace(hour=0, minute=0, second=0)))

            def grown():
                """Live rows arrive before the read that proves them: then it is still the old one."""
                mark, *rest = told(core)
                return mark is not None and mark > low[0] and rest == [everything, None]

            await until(grown, what="growth not told")
            high = told(core)
        restore(core, tmp_path / "backup.db")
        assert told(core) == low, "it is part of what was restored"
        lies = []

        def held():
            (mark, _, _), here = told(core), core.punches()[SERIAL]  # in this order: it only grows
            if mark is not None and mark >= high[0] and here < everything:
                lies.append((mark, here))
            return here == everything and mark is not None and mark >= high[0]

        with core.served(unused_tcp_port):
            terminal.log.extend(rows(1, start=fresh))
            everything += 1
            await until(held, what="it does not rise again")
        assert agent.uplink.state.rewinds == 1
        assert not lies
    assert json.loads(core.run("audit", "verify", "--json"))["status"] == "ok"

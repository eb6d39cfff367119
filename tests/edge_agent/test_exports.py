"""The whole gateway with exports beside the core: one that is dead costs nobody else anything."""

import json
import time
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from edge_agent.config import loading
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import Core, rows, running, site_text, spooled, until
from tests.hr_core.api.running_core import serving
from tests.sync.exporters.frappe_standin import KEY, FrappeStandIn
from tests.sync.exporters.test_webhook_export import SECRET, Receiver
from tests.sync.uplink_doubles import answering

SERIAL = "CLK-EXPORTS"
ROWS = 60


@pytest.fixture
def core(tmp_path, folder):
    core = Core(tmp_path)
    core.enrol(folder, "gw-test")
    with core.served():
        yield core


@pytest.fixture
async def terminal():
    zk = ZkTerminal(TerminalConfig(clock=datetime.now, serial=SERIAL), rows(ROWS), [])
    async with zk:
        yield zk


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "gateway"
    (folder / "drop").mkdir(parents=True)
    for name, text in [("webhook.key", SECRET.decode()), ("frappe.key", KEY)]:
        (folder / name).write_text(text + "\n")
        (folder / name).chmod(0o600)
    return folder


def export(kind, name, *lines, start="all"):
    return "\n".join(
        ["", "[[export]]", f'kind = "{kind}"', f'name = "{name}"', f'start = "{start}"', *lines]
    )


async def test_a_dead_export_holds_up_neither_core_nor_the_other_exports(folder, terminal, core):
    frappe = FrappeStandIn()
    frappe.employees = {str(1001 + n): f"HR-EMP-{n:05}" for n in range(20)}
    async with answering(b"") as (dead, _):
        port = urlsplit(dead).port
    async with serving(frappe.asgi) as hr:
        text = site_text(terminal.address[1], url=core.url) + (
            export(
                "webhook",
                "dead",
                f'url = "http://127.0.0.1:{port}/"',
                'secret_file = "webhook.key"',
            )
            + export("frappe", "hr", f'url = "{hr}"', 'key_file = "frappe.key"')
            + export("csv", "files", 'folder = "drop"')
        )
        async with running(folder, text) as agent:

            async def all_but_the_dead():
                backlog = (await agent.spool.stats()).backlog
                waiting = {sink: sum(lanes.values()) for sink, lanes in backlog.items()}
                return waiting == {"core": 0, "hr": 0, "files": 0, "dead": ROWS}

            await until(all_but_the_dead, what="core, Frappe and files have all, the dead none")
            facts = {one.config.name: one.facts() for one in agent.exports}
            stats = await agent.spool.stats()
            await until((folder / "status.json").exists, what="a snapshot")
            told = json.loads((folder / "status.json").read_text())["exports"]
    assert core.punches() == {SERIAL: ROWS}
    assert len(frappe.checkins) == ROWS
    written = [path.read_text("utf-8-sig").splitlines()[1:] for path in (folder / "drop").iterdir()]
    assert sum(map(len, written)) == ROWS
    assert facts["dead"]["last_error"]["code"] == "export_unreachable"
    assert facts["hr"]["last_error"] is None
    assert stats.devices[0].acked == ROWS  # what the core has, whatever the dead one lacks
    assert [one["name"] for one in told] == ["dead", "hr", "files"]


async def test_an_agent_killed_before_settling_delivers_again_and_doubles_nothing(
    folder, terminal, monkeypatch
):
    receiver = Receiver()
    receiver.judges = True
    receiver.time = time.time
    async with serving(receiver.asgi) as url:
        text = site_text(terminal.address[1]) + export(
            "webhook", "hook", f'url = "{url}/in"', 'secret_file = "webhook.key"'
        )
        async with running(folder, text) as agent:

            async def lost(sink, answer, **_):
                raise OSError("killed before the answer was durable")

            monkeypatch.setattr(agent.spool, "settle", lost)
            await until(lambda: receiver.stored, what="a first delivery")
            await until(
                lambda: agent.exports[0].facts()["last_error"], what="the bug is told, not fatal"
            )
            assert agent.exports[0].facts()["last_error"]["code"] == "export_bug"
            before = len(receiver.bodies)
        assert spooled(folder, "SELECT max(position) FROM sinks") == [(0,)]
        async with running(folder, text) as agent:

            async def done():
                return not sum((await agent.spool.stats()).backlog["hook"].values())

            await until(done, what="all is settled")
            facts = agent.exports[0].facts()
    assert len(receiver.bodies) > before
    assert len(receiver.stored) == ROWS
    assert facts["duplicate"] >= 1
    assert facts["accepted"] + facts["duplicate"] == ROWS


async def test_a_secret_that_vanished_costs_that_export_only(folder, terminal, monkeypatch):
    text = site_text(terminal.address[1]) + (
        export("webhook", "hook", 'url = "http://127.0.0.1:9/"', 'secret_file = "webhook.key"')
        + export("csv", "files", 'folder = "drop"')
    )
    monkeypatch.setattr(loading, "secret_problem", lambda path: None)  # checked, then it went
    (folder / "webhook.key").unlink()
    async with running(folder, text) as agent:
        await until(lambda: list((folder / "drop").glob("*.csv")), what="the files come")
        await until(lambda: agent.exports[0].facts()["last_error"], what="the error is told")
        assert agent.exports[0].facts()["last_error"]["code"] == "secret_unreadable"


async def test_a_new_export_that_starts_now_gets_only_what_comes(folder, terminal):
    async with running(folder, site_text(terminal.address[1])) as agent:

        async def stored():
            devices = (await agent.spool.stats()).devices
            return devices and devices[0].stored == ROWS

        await until(stored, what="the log is stored")
    text = site_text(terminal.address[1]) + export("csv", "files", 'folder = "drop"', start="now")
    async with running(folder, text) as agent:

        async def known():
            return "files" in (await agent.spool.stats()).backlog

        await until(known, what="the sink begins")
        assert (await agent.spool.backlog("files")).total == 0
    assert list((folder / "drop").iterdir()) == []

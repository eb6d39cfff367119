"""Reloading the site file of a running agent, on real sockets: what differs is touched, only that."""

import asyncio
import contextlib
import json
import re
import stat
from datetime import datetime

import pytest

from edge_agent.cli.app import run
from edge_agent.config.fingerprint import FINGERPRINT_NAME
from edge_agent.doctor.findings import Code, Severity
from edge_agent.doctor.running import check_running
from edge_agent.status.agent import Agent as Seen
from edge_agent.status.report import config_problems
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import rows, running, spooled, stored, until

RELOADS = 30  # the long form of R18 does 1,000


def site(*devices, uplink="", gateway="gw-test", zone="UTC", state_dir="."):
    return f"""\
[site]
name = "site-1"
zone = "{zone}"
[gateway]
name = "{gateway}"
state_dir = "{state_dir}"
{uplink}
{"".join(devices)}
"""


def device(name, terminal, *, poll_s=0.1, more=""):
    return f"""
[[device]]
name = "{name}"
kind = "zk-pull"
host = "127.0.0.1"
port = {terminal.address[1]}
timeout_s = 10
poll_s = {poll_s}
{more}
"""


@pytest.fixture
async def terminals():
    """Three, of 200 rows each, whose serials are A, B and C."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                ZkTerminal(TerminalConfig(clock=datetime.now, serial=serial), rows(200), [])
            )
            for serial in "ABC"
        ]


def names(agent):
    return {worker.report().name for worker in agent.workers}


def config_of(folder):
    return json.loads((folder / "status.json").read_text())["config"]


async def reload(agent, folder, text):
    """The configuration's state once the agent has dealt with `text`."""
    before = agent._reloader.state
    (folder / "site.toml").write_text(text)
    agent.reload()
    await until(lambda: agent._reloader.state != before, what="the file was not looked at")
    return agent._reloader.state


async def all_read(agent, serials="AB"):
    for serial in serials:
        await until(lambda s=serial: has_rows(agent, s), what=f"{serial} was not read")


async def has_rows(agent, serial):
    return await stored(agent, serial) == 200


async def test_only_what_differs_is_touched(tmp_path, terminals):
    a, b, c = terminals
    async with running(tmp_path, site(device("a", a), device("b", b))) as agent:
        await all_read(agent)
        worker, connections = agent.workers[0], a.connections
        state = await reload(agent, tmp_path, site(device("a", a), device("c", c)))
        assert names(agent) == {"a", "c"}
        await all_read(agent, "C")
        assert agent.workers[0] is worker
        assert a.connections == connections
        assert state.rejected is None
        before = c.connections
        await reload(agent, tmp_path, site(device("a", a), device("c", c, poll_s=0.2)))
        await until(lambda: c.connections > before, what="c was not restarted")
        assert a.connections == connections
        await reload(agent, tmp_path, site(device("a", a)))
        assert names(agent) == {"a"}
        assert await stored(agent, "B") == 200, "what was read of a removed device stays"


async def test_reloads_lose_nothing_and_touch_no_unchanged_device(tmp_path, terminals):
    a, b, _ = terminals
    text = site(device("a", a), device("b", b))
    async with running(tmp_path, text) as agent:
        await all_read(agent)
        connections = a.connections
        for turn in range(RELOADS):
            await a.punch(*rows(1, start=datetime(2026, 11, 1, 8, turn)))
            await b.punch(*rows(1, start=datetime(2026, 11, 1, 8, turn)))
            changed = device("b", b, poll_s=0.1 + turn % 2 / 100 + 0.01)
            await reload(agent, tmp_path, site(device("a", a), changed))
        assert a.connections == connections
        for serial in "AB":
            await until(
                lambda s=serial: has(agent, s, 200 + RELOADS), what=f"punches of {serial} missing"
            )
        assert agent._reloader.state.reloads == RELOADS
        assert b.connections > RELOADS
    assert spooled(tmp_path, "SELECT count(*) FROM quarantine") == [(0,)]


async def has(agent, serial, count):
    return await stored(agent, serial) == count


async def test_a_file_with_a_mistake_changes_nothing_and_is_told_with_its_line(
    tmp_path, terminals, capsys
):
    a, b, _ = terminals
    good = site(device("a", a))
    async with running(tmp_path, good) as agent:
        await all_read(agent, "A")
        connections = a.connections
        bad = good.replace("poll_s = 0.1", 'poll_s = "often"') + device("b", b)
        state = await reload(agent, tmp_path, bad)
        line = bad.splitlines().index('poll_s = "often"') + 1
        assert state.rejected.where == f"{tmp_path / 'site.toml'}:{line}"
        assert "poll_s" in state.rejected.what
        assert names(agent) == {"a"}
        assert a.connections == connections
        await until(lambda: config_of(tmp_path)["rejected"], what="status does not know")
        snapshot = json.loads((tmp_path / "status.json").read_text())
        (problem,) = config_problems(snapshot)
        assert problem["where"] == state.rejected.where
        finding = next(iter(check_running(Seen(None, snapshot))))
        assert (finding.code, finding.severity) == (Code.CONFIG_REJECTED, Severity.WARN)
        state = await reload(agent, tmp_path, good)
        assert state.rejected is None
    assert [line for line in capsys.readouterr().out.splitlines() if "config_rejected" in line]


UPLINK = '[uplink]\nurl = "http://127.0.0.1:9"\n'


async def test_the_uplink_is_started_anew_only_for_its_own_section(tmp_path, terminals):
    a, b, _ = terminals
    async with running(tmp_path, site(device("a", a), uplink=UPLINK)) as agent:
        first = agent.uplink
        await reload(agent, tmp_path, site(device("a", a), device("b", b), uplink=UPLINK))
        assert agent.uplink is first
        more = UPLINK + "batch_records = 7\n"
        await reload(agent, tmp_path, site(device("a", a), device("b", b), uplink=more))
        await until(lambda: agent.uplink not in {None, first}, what="the uplink is the old one")
        await reload(agent, tmp_path, site(device("a", a), device("b", b)))
        assert agent.uplink is None


async def test_room_for_the_spool_is_taken_up(tmp_path, terminals):
    text = site(device("a", terminals[0]))
    async with running(tmp_path, text) as agent:
        state = await reload(agent, tmp_path, text + "[spool]\nmax_bytes = 2097152\n")
        assert state.needs_restart == ()
        await until(
            lambda: agent._caretaker.facts().get("max_bytes") == 2_097_152, what="not taken up"
        )


async def test_an_export_is_started_anew_only_for_its_own_table(tmp_path, terminals):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    def export(name, more=""):
        return (
            f'[[export]]\nname = "{name}"\nkind = "csv"\nfolder = "{name}"\nstart = "all"\n{more}'
        )

    a = device("a", terminals[0])
    async with running(tmp_path, site(a, export("one"), export("two"))) as agent:
        one, two = agent.exports
        changed = export("two", 'delimiter = ";"\n')
        await reload(agent, tmp_path, site(a, export("one"), changed))
        assert agent.exports[0] is one
        assert agent.exports[1] is not two
        await reload(agent, tmp_path, site(a, changed))
        (left,) = agent.exports
        assert left.config.name == "two"


async def test_a_secret_of_an_export_is_compared_by_its_contents(tmp_path, terminals, capsys):
    (tmp_path / "secret").write_text("one")
    (tmp_path / "secret").chmod(0o600)
    hook = """[[export]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:9"
secret_file = "secret"
start = "all"
"""
    async with running(tmp_path, site(device("a", terminals[0]), hook)):
        await until((tmp_path / FINGERPRINT_NAME).exists, what="no fingerprint")
        (tmp_path / "secret").write_text("two")
        assert run(["config", "diff", "-c", str(tmp_path / "site.toml")]) == 0
    assert "export hook: is started" in capsys.readouterr().out


async def test_what_needs_a_restart_is_said_and_the_rest_is_done(tmp_path, terminals, capsys):
    a, b, _ = terminals
    async with running(tmp_path, site(device("a", a))) as agent:
        await until((tmp_path / FINGERPRINT_NAME).exists, what="no fingerprint")
        wanted = site(device("b", b), gateway="gw-2", zone="Asia/Tokyo")
        (tmp_path / "site.toml").write_text(wanted)
        assert run(["config", "diff", "-c", str(tmp_path / "site.toml")]) == 1
        told = capsys.readouterr().out
        assert "device a: is stopped" in told
        assert "device b: is started" in told
        assert "gateway.name: stays as it is until the agent is restarted" in told
        state = await reload(agent, tmp_path, wanted)
        assert state.needs_restart == ("gateway.name",)
        assert names(agent) == {"b"}
        await all_read(agent, "B")


async def test_the_spool_stays_where_it_is_until_a_restart(tmp_path, terminals, capsys):
    a = terminals[0]
    async with running(tmp_path, site(device("a", a))) as agent:
        elsewhere = site(device("a", a), state_dir="elsewhere")
        state = await reload(agent, tmp_path, elsewhere)
        assert set(state.needs_restart) == {"gateway.state_dir", "gateway.runtime_dir"}
        await all_read(agent, "A")
        assert not (tmp_path / "elsewhere").exists()
        assert run(["config", "diff", "-c", str(tmp_path / "site.toml")]) == 2
    assert "`state_dir` was changed" in capsys.readouterr().err


async def test_diff_of_the_same_file_and_without_an_agent(tmp_path, terminals, capsys):
    text = site(device("a", terminals[0], more="comm_key = 1234"))
    path = str(tmp_path / "site.toml")
    async with running(tmp_path, text):
        left = tmp_path / FINGERPRINT_NAME
        await until(left.exists, what="no fingerprint")
        assert run(["config", "diff", "-c", path]) == 0
        assert "exactly this" in capsys.readouterr().out
        assert stat.S_IMODE(left.stat().st_mode) == 0o600
        written = json.loads(left.read_text())
        parts = [*written["sections"].values(), *written["devices"].values()]
        digests = [digest for part in parts for digest in part.values()]
        assert digests
        assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in digests), "nothing to read"
        (tmp_path / "site.toml").write_text(text.replace("1234", "4321"))
        assert run(["config", "diff", "--json", "-c", path]) == 0
        assert json.loads(capsys.readouterr().out)["changed"] == [
            {"name": "a", "keys": ["comm_key"]}
        ]
    assert run(["config", "diff", "-c", path]) == 2
    assert "no agent runs by this site file" in capsys.readouterr().err


async def test_networks_are_taken_up_without_a_new_session(tmp_path, terminals):
    a = terminals[0]
    async with running(tmp_path, site(device("a", a))) as agent:
        await all_read(agent, "A")
        connections = a.connections
        wide = site(device("a", a)).replace(
            'zone = "UTC"', 'zone = "UTC"\nnetworks = ["127.0.0.64/28"]'
        )
        await reload(agent, tmp_path, wide)
        assert agent.workers[0]._follower.networks == ("127.0.0.64/28",)
        await asyncio.sleep(0.3)
        assert a.connections == connections

"""A running agent and its identity: joined late, renewed, revoked, joined again; nothing is lost."""

import asyncio
import contextlib
import sqlite3
from datetime import datetime

import pytest

from edge_agent.config.loading import load_config
from edge_agent.enrolment.identity import load_identity
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from sync.backoff import Backoff
from tests.edge_agent.agents import rows, running, until
from tests.edge_agent.enrolment.served_core import edge, tls_front

ROWS = 60


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(Backoff, "after_refusal", lambda self, *, jitter: 0.05)
    monkeypatch.setattr(Backoff, "after_failure", lambda self, failures, *, jitter: 0.05)


def site_text(terminal, gateway, url, more=""):
    return f"""
[site]
name = "plant"
zone = "UTC"
[gateway]
name = "{gateway}"
state_dir = "state"
[uplink]
url = "{url}"
timeout_s = 2
{more}
[[device]]
name = "gate"
kind = "zk-pull"
host = "127.0.0.1"
port = {terminal.address[1]}
timeout_s = 1
poll_s = 0.1
"""


def at_core(core, serial):
    """How many punches of this terminal."""
    uri = f"file:{core.database}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        return connection.execute(
            "SELECT count(*) FROM raw_events WHERE kind = 'punch' AND device = ?", (serial,)
        ).fetchone()[0]


def signers(core, gateway):
    uri = f"file:{core.database}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        found = connection.execute(
            "SELECT key FROM batches WHERE gateway = ? ORDER BY number", (gateway,)
        )
        return [key.hex() for (key,) in found]


def public(site):
    return load_identity(load_config(site)).key.public.hex()


def error_code(agent):
    error = agent.uplink.state.last_error
    return error.code if error else None


async def test_a_whole_life(tmp_path, core):
    serial = "CLK-LIFE-1"
    terminal = ZkTerminal(TerminalConfig(clock=datetime.now, serial=serial), rows(ROWS), [])
    (tmp_path / "state").mkdir(mode=0o700)
    site = tmp_path / "site.toml"

    async def command(*words):
        return await asyncio.to_thread(edge, site, *words)

    def grow(day):
        terminal.log.extend(rows(10, start=datetime(2026, 11, day, 8)))

    async with terminal, running(tmp_path, site_text(terminal, "gw-life", core.url)) as agent:

        async def stored(count):
            devices = (await agent.spool.stats()).devices
            return bool(devices) and devices[0].stored >= count

        await until(lambda: stored(ROWS), what="it collects without an identity")
        await until(lambda: error_code(agent) == "not_enrolled", what="and says so")
        assert "edge-agent enroll" in agent.uplink.state.last_error.remedy
        assert at_core(core, serial) == 0

        await command("enroll", core.token("gw-life"))
        await until(lambda: at_core(core, serial) == ROWS, what="delivered once it has joined")
        first = public(site)
        assert set(signers(core, "gw-life")) == {first}

        await command("enroll", "--rotate")
        second = public(site)
        grow(1)
        await until(lambda: at_core(core, serial) == ROWS + 10, what="delivered after rotation")
        assert signers(core, "gw-life")[-1] == second

        core.run("gateway", "revoke", "gw-life", "--reason", "test")
        grow(2)
        await until(lambda: error_code(agent) == "key_revoked", what="told that it is revoked")
        assert "--again" in agent.uplink.state.last_error.remedy
        await until(lambda: stored(ROWS + 20), what="the spool goes on")
        assert at_core(core, serial) == ROWS + 10

        await command("enroll", core.token("gw-life", "--again"), "--force")
        await until(lambda: at_core(core, serial) == ROWS + 20, what="all delivered in the end")
        assert signers(core, "gw-life")[-1] == public(site) not in {first, second}

        async def agreed():
            (device,) = (await agent.spool.stats()).devices
            return device.on_device == device.stored == device.acked == ROWS + 20

        await until(agreed, what="the ledger does not agree")


async def test_batches_over_https_with_a_private_ca_and_a_client_certificate(
    tmp_path, core, authority
):
    serial = "CLK-TLS-1"
    terminal = ZkTerminal(TerminalConfig(clock=datetime.now, serial=serial), rows(ROWS), [])
    (tmp_path / "state").mkdir(mode=0o700)
    server, client = authority.certificate("agent-server"), authority.certificate("agent-client")
    more = f'ca_file = "{authority.ca}"\nclient_cert = "{client[0]}"\nclient_key = "{client[1]}"\n'
    with tls_front(*server, core.port, client_ca=authority.ca) as url:
        async with terminal:
            text = site_text(terminal, "gw-tls", url, more)
            (tmp_path / "site.toml").write_text(text)
            token = core.token("gw-tls")
            await asyncio.to_thread(edge, tmp_path / "site.toml", "enroll", token)
            async with running(tmp_path, text):
                await until(lambda: at_core(core, serial) == ROWS, what="not delivered over TLS")

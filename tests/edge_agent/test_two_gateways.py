"""Two gateways pull one terminal and feed one core over HTTP: each punch once, both told by name."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from edge_agent.config.loading import load_config
from edge_agent.doctor.findings import Code, Severity
from edge_agent.doctor.units import SHARED_WITHIN, check_shared
from edge_agent.supervisor import retry
from protocols.signed_request import DEVICES_TARGET, sign_request
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from sync.identity import GatewayIdentity
from tests.edge_agent.agents import Core, rows, running, site_text, until

SHARED, ALONE = "CLK-SHARED-1", "CLK-ALONE-2"
ROWS = 120


GATEWAYS = ("gw-a", "gw-b")


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    with Core(tmp_path_factory.mktemp("core")).served() as served:
        yield served


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(retry, "LONGEST_DELAY_S", 0.2)


def doctor(folder, now=None):
    return list(check_shared(load_config(folder / "site.toml"), now or datetime.now(UTC)))


async def test_two_gateways_on_one_terminal(tmp_path, core):
    shared = ZkTerminal(TerminalConfig(clock=datetime.now, serial=SHARED), rows(ROWS), [])
    alone = ZkTerminal(TerminalConfig(clock=datetime.now, serial=ALONE), rows(ROWS), [])
    folders = {name: tmp_path / name for name in GATEWAYS}
    for name, folder in folders.items():
        core.enrol(folder, name)

    def text(name, more=""):
        return site_text(shared.address[1], gateway=name, url=core.url, more=more)

    async def settled(agent, rows_of_it):
        return [device.acked for device in (await agent.spool.stats()).devices] == rows_of_it

    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(shared)
        await stack.enter_async_context(alone)
        hall = f'[[device]]\nname = "hall"\nkind = "zk-pull"\nhost = "127.0.0.1"\nport = {alone.address[1]}'
        first = await stack.enter_async_context(running(folders["gw-a"], text("gw-a", hall)))
        await until(lambda: settled(first, [ROWS, ROWS]), what="gw-a did not deliver")

        # Negative control: one gateway for each terminal is in order.
        (fine,) = await asyncio.to_thread(doctor, folders["gw-a"])
        assert (fine.code, fine.severity) == (Code.DEVICE_SHARED, Severity.OK)
        assert core.run("devices").count("SEVERAL") == 0

        second = await stack.enter_async_context(running(folders["gw-b"], text("gw-b")))
        await until(lambda: settled(second, [ROWS]), what="gw-b did not deliver")
        shared.log.extend(rows(5, start=datetime(2026, 11, 2, 8)))
        await until(lambda: settled(second, [ROWS + 5]), what="growth not delivered by gw-b")

        await until(lambda: core.punches().get(SHARED) == ROWS + 5, what="growth not at the core")
        await until(
            lambda: sum(
                row[0] for row in core.ask(
                    "SELECT accepted + duplicate FROM device_gateways WHERE serial = ?", SHARED
                )
            ) == 2 * (ROWS + 5),
            what="one of the two did not deliver all",
        )  # fmt: skip

        assert core.punches() == {SHARED: ROWS + 5, ALONE: ROWS}, "each once, doubled by neither"
        accepted, duplicate = core.ask(
            "SELECT sum(accepted), sum(duplicate) FROM device_gateways WHERE serial = ?", SHARED
        )[0]
        assert (accepted, duplicate) == (ROWS + 5, ROWS + 5)
        assert (
            dict(core.ask("SELECT gateway, count(*) FROM raw_events GROUP BY 1"))["gw-a"]
            >= 2 * ROWS
        )

        for own, other in (("gw-a", "gw-b"), ("gw-b", "gw-a")):
            (finding,) = await asyncio.to_thread(doctor, folders[own])
            assert (finding.code, finding.severity) == (Code.DEVICE_SHARED, Severity.WARN)
            assert SHARED in finding.where
            assert own in finding.what
            assert f"{other} (last at 2" in finding.what
        long_after = datetime.now(UTC) + SHARED_WITHIN + timedelta(days=1)
        (past,) = await asyncio.to_thread(doctor, folders["gw-a"], long_after)
        assert past.severity is Severity.OK, "a gateway that was retired is not told for ever"

    shown = core.run("devices", code=1)
    assert "gw-a" in shown
    assert "gw-b" in shown
    told = json.loads(core.run("devices", "--json", code=1))["devices"]
    assert {one["serial"]: len(one["gateways"]) for one in told} == {SHARED: 2, ALONE: 1}


def asked(core, identity):
    request = sign_request(identity.key, identity.gateway, DEVICES_TARGET, nonce=bytes(16))
    return httpx.get(f"{core.url}/api/v1/devices", headers=request.as_headers())


def test_only_a_gateway_may_ask_and_only_about_its_own_devices(core, tmp_path):
    assert httpx.get(f"{core.url}/api/v1/devices").status_code == 400
    other = core.enrol(tmp_path, "gw-c")
    core.enrol(tmp_path, "gw-e")
    forged = GatewayIdentity(gateway="gw-e", key=other.key, core_public=other.core_public)
    assert asked(core, forged).status_code == 403
    answer = asked(core, other).json()
    assert answer == {"gateway": "gw-c", "devices": []}


def test_a_core_that_refuses_or_cannot_tell(tmp_path, core, unused_tcp_port):
    site = tmp_path / "site.toml"
    site.write_text(site_text(1, gateway="gw-d", url=core.url))
    assert doctor(tmp_path) == [], "that it has no key is told by its own check"
    core.enrol(tmp_path, "gw-d")
    core.run("gateway", "revoke", "gw-d", "--reason", "test")
    assert doctor(tmp_path) == [], "and that it is refused as well"
    site.write_text(site_text(1, gateway="gw-d", url=f"{core.url}/elsewhere"))
    (other,) = doctor(tmp_path)
    assert (other.code, other.severity) == (Code.DEVICE_SHARED, Severity.WARN)
    site.write_text(site_text(1, gateway="gw-d", url=f"http://127.0.0.1:{unused_tcp_port}"))
    assert doctor(tmp_path) == [], "that the core is away is told by its own check"
    site.write_text(site_text(1))
    assert doctor(tmp_path) == []

"""Terminal, agent, a real broker and a core of its own process, from one end to the other."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from edge_agent.config.loading import load_config
from edge_agent.config.places import read_places
from edge_agent.config.problems import ConfigError
from edge_agent.doctor.broker import check_broker
from edge_agent.doctor.findings import Code, Severity
from edge_agent.status.agent import read_agent
from hr_core.api.mqtt import CLIENT_ID
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import Core, rows, running, site_text, until
from tests.sync.mosquitto import Mosquitto, mosquitto

PUNCHES, LATER = 120, 40
SERIAL = "CLK-MQTT-1"
GATEWAY = "gw-test"


@pytest.fixture
async def terminal():
    config = TerminalConfig(clock=datetime.now, serial=SERIAL)
    async with ZkTerminal(config, rows(PUNCHES), []) as zk:
        yield zk


@pytest.fixture
async def broker(tmp_path, monkeypatch):
    folder = tmp_path / "broker"
    folder.mkdir()
    async with mosquitto(folder, users=(GATEWAY, CLIENT_ID)) as found:
        monkeypatch.setenv("SSL_CERT_FILE", str(found.ca))
        yield found


def site(terminal, broker: Mosquitto, *, password_of=GATEWAY):
    file = broker.password_files[password_of]
    section = f'batch_records = 30\n[uplink.broker]\npassword_file = "{file}"\n'
    text = site_text(terminal.address[1], url=broker.url)
    return text.replace("timeout_s = 2\n", f"timeout_s = 2\n{section}", 1)


def serving(core, broker):
    return core.served(
        more=("--mqtt", broker.url, "--mqtt-password-file", str(broker.password_files[CLIENT_ID]))
    )


def doctor(folder):
    config = load_config(folder / "site.toml")
    agent = read_agent(read_places(folder / "site.toml"), datetime.now(UTC))
    return {one.code: one for one in check_broker(config, agent)}


async def test_punches_travel_over_the_broker_and_survive_its_death(tmp_path, terminal, broker):
    core, folder = Core(tmp_path), tmp_path / "gateway"
    core.enrol(folder, GATEWAY)
    with serving(core, broker):
        async with running(folder, site(terminal, broker)) as agent:
            await until(lambda: core.punches() == {SERIAL: PUNCHES}, what="not delivered")
            broker.kill()
            terminal.log.extend(rows(LATER, start=datetime(2026, 11, 2, 8)))
            await until(lambda: agent.uplink.state.last_error, what="the broker is not missed")
            assert agent.uplink.state.last_error.code == "core_unreachable"
            await broker.start()
            everything = {SERIAL: PUNCHES + LATER}
            await until(lambda: core.punches() == everything, what="not delivered after the kill")
            await until(lambda: agent.uplink.state.last_error is None, what="not well again")
            told = "SELECT stored FROM watermarks WHERE complete_until IS NOT NULL"
            await until(lambda: core.ask(told), what="no watermark came by the broker")
        assert json.loads(core.run("audit", "verify", "--json"))["status"] == "ok"


async def test_doctor_tells_what_is_wrong_at_the_broker(tmp_path, terminal, broker):
    core, folder = Core(tmp_path), tmp_path / "gateway"
    core.enrol(folder, GATEWAY)
    (folder / "site.toml").write_text(site(terminal, broker))

    async def examined():
        return await asyncio.to_thread(doctor, folder)

    found = await examined()
    assert found[Code.BROKER_NO_CORE].severity is Severity.BAD
    with serving(core, broker):
        async with asyncio.timeout(10):
            while Code.UPLINK_UNREACHABLE not in (found := await examined()):
                await asyncio.sleep(0.1)
        assert {code: one.severity for code, one in found.items()} == {
            Code.UPLINK_UNREACHABLE: Severity.OK
        }
    (folder / "site.toml").write_text(site(terminal, broker, password_of=CLIENT_ID))
    found = await examined()
    assert found[Code.BROKER_REFUSES].severity is Severity.BAD
    assert "password" in found[Code.BROKER_REFUSES].remedy
    broker.kill()
    found = await examined()
    assert found[Code.UPLINK_UNREACHABLE].severity is Severity.BAD


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mqtt://broker.example.com", "clear text"),
        ("mqtts://gw:secret@broker.example.com", "password"),
        ("mqtts://gw@broker.example.com", "names a user"),
        ("mqtts://", "not the address"),
        ("mqtts://broker.example.com/topic", "more than a host"),
    ],
)
def test_addresses_that_betray_or_mislead_are_refused(tmp_path, url, words):
    (tmp_path / "site.toml").write_text(site_text(4370, url=url))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "site.toml")
    (problem,) = caught.value.problems
    assert words in problem.what
    assert "secret" not in problem.what


def test_a_password_that_cannot_be_read_is_told_by_config_check(tmp_path):
    text = site_text(4370, url="mqtts://broker.example.com")
    more = 'timeout_s = 2\n[uplink.broker]\npassword_file = "nowhere"\n'
    (tmp_path / "site.toml").write_text(text.replace("timeout_s = 2\n", more, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "site.toml")
    assert "nowhere" in caught.value.problems[0].what

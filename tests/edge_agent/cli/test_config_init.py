"""`config init`: a site file with the devices that answer, and nothing lost of the ones that do not."""

import asyncio
import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drivers.zk_pull import ZkPullConfig
from edge_agent.cli import config_init
from edge_agent.cli.app import run
from edge_agent.config.loading import load_config
from tests.drivers.zk_site import terminal
from tests.free_ports import free_port

SHANGHAI = ("--zone", "Asia/Shanghai")


@pytest.fixture
def serve():
    """Starts simulated terminals on a loop of their own; returns host:port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    devices = []

    def started(device) -> str:
        devices.append(device)
        asyncio.run_coroutine_threadsafe(device.start(), loop).result(5)
        return "{}:{}".format(*device.address)

    yield started
    for device in devices:
        asyncio.run_coroutine_threadsafe(device.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGE_AGENT_CONFIG", raising=False)
    return tmp_path / "site.toml"


def now_in_shanghai():
    return datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)


def test_a_terminal_is_written_down_with_its_serial(site, serve, capsys) -> None:
    address = serve(terminal(3, clock=now_in_shanghai))
    assert run(["config", "init", "--device", address, *SHANGHAI]) == 0
    config = load_config(site)
    (device,) = config.devices
    assert device.config.serial == "CLK0000000001"
    assert f"{device.config.host}:{device.config.port}" == address
    assert config.site.zone == "Asia/Shanghai"
    assert config.gateway.state_dir == site.parent / "state"
    assert config.gateway.state_dir.is_dir(), "run must work at once"
    assert "# F18/ID, profile zkteco/f18\n" in site.read_text("utf-8")
    told = capsys.readouterr()
    assert f"Wrote {site.name}" in told.out
    assert "only an example" not in told.out
    assert "device-1: F18/ID" in told.err


def test_a_comm_key_goes_into_the_file_and_not_onto_the_screen(site, serve, capsys) -> None:
    address = serve(terminal(3, comm_key=4711, clock=now_in_shanghai))
    arguments = ["config", "init", "--device", f"zk-pull://{address}?comm_key=4711", *SHANGHAI]
    assert run(arguments) == 0
    assert load_config(site).devices[0].config.comm_key_number() == 4711
    told = capsys.readouterr()
    assert "4711" not in told.out + told.err.replace(address, "")


def test_one_that_does_not_answer_is_written_down_with_the_reason(site, serve, capsys) -> None:
    silent = f"127.0.0.1:{free_port()}"
    locked = serve(terminal(3, comm_key=1234))
    assert run(["config", "init", "--device", silent, "--device", locked, *SHANGHAI]) == 1
    one, other = load_config(site).devices
    assert (one.config.name, other.config.name) == ("device-1", "device-2")
    assert one.config.serial is None
    text = site.read_text("utf-8")
    assert "# NOT ASKED: connection refused" in text
    assert "comm key" in text
    assert "device-1: NOT ASKED" in capsys.readouterr().err


def test_a_clock_that_speaks_against_the_zone_is_told(site, serve, capsys) -> None:
    address = serve(terminal(3, clock=now_in_shanghai))
    assert run(["config", "init", "--device", address, "--zone", "Europe/Berlin"]) == 1
    assert "CLOCK IS OFF" in capsys.readouterr().err
    assert "from Europe/Berlin" in site.read_text("utf-8")


def test_what_a_device_says_cannot_write_the_file(site, serve) -> None:
    name = 'X"\n[[device]]\nname="evil'
    address = serve(terminal(3, device_name=name, clock=now_in_shanghai))
    run(["config", "init", "--device", address, *SHANGHAI])
    assert [device.config.name for device in load_config(site).devices] == ["device-1"]


def test_terminals_of_a_network_are_found(site, serve, monkeypatch, capsys) -> None:
    host, _, port = serve(terminal(3, clock=now_in_shanghai)).partition(":")
    look_on_port(monkeypatch, int(port))
    assert run(["config", "init", "--network", f"{host}/32", *SHANGHAI]) == 0
    (device,) = load_config(site).devices
    assert device.config.serial == "CLK0000000001"
    assert load_config(site).site.networks == (f"{host}/32",)


def look_on_port(monkeypatch, port: int) -> None:
    """Terminals of a network are looked for on 4370, which a test must not take."""
    monkeypatch.setattr(config_init, "ZkPullConfig", lambda **keys: ZkPullConfig(port=port, **keys))


def test_without_devices_the_examples_stand_and_the_zone_is_said_to_be_one(
    site, monkeypatch, capsys
) -> None:
    monkeypatch.setattr("edge_agent.cli.device_target.machine_zone", lambda: "Etc/UTC")
    assert run(["config", "init"]) == 0
    assert load_config(site).devices == ()
    assert '#host = "10.0.0.7"' in site.read_text("utf-8")
    assert "only an example" in capsys.readouterr().out


def test_the_zone_of_the_machine_is_taken_when_it_has_one(site, monkeypatch, capsys) -> None:
    monkeypatch.setattr("edge_agent.cli.device_target.machine_zone", lambda: "Europe/Berlin")
    assert run(["config", "init"]) == 0
    assert load_config(site).site.zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--device", "modbus-counter://10.0.0.1"], "counters"),
        (["--device", "zk-pul://10.0.0.1"], 'did you mean "zk-pull"'),
        (["--device", "10.0.0.1:99999"], "no address"),
        (["--device", ""], "host: is missing"),
        (["--network", "10.0.0.0/8"], "1024"),
        (["--network", "everything"], "10.0.3.0/24"),
        (["--zone", "Shanghai"], "unknown zone"),
    ],
)
def test_a_mistake_writes_nothing(site, capsys, arguments: list[str], told: str) -> None:
    assert run(["config", "init", *arguments]) == 3
    assert told in capsys.readouterr().err
    assert list(site.parent.iterdir()) == []


def test_an_existing_file_is_left_alone_before_any_device_is_asked(site, monkeypatch) -> None:
    site.write_text("mine", "utf-8")
    asked = []
    monkeypatch.setattr(config_init, "ask_devices", lambda *arguments: asked.append(arguments))
    assert run(["config", "init", "--device", "10.255.255.1"]) == 2
    assert site.read_text("utf-8") == "mine"
    assert asked == []

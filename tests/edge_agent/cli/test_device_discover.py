"""`device discover` against terminals on this machine's loopback addresses."""

import contextlib
import json
import threading
from datetime import datetime

import pytest

from edge_agent.cli.app import run
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal

NETWORK = "127.0.0.96/29"
HOST = "127.0.0.98"


@pytest.fixture
def terminal(unused_tcp_port):
    """Served by a loop of its own thread: the command runs its own loop."""
    import asyncio

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    config = TerminalConfig(clock=datetime.now, serial="GATE-9")
    zk = ZkTerminal(config, [], [], listen=(HOST, unused_tcp_port))
    asyncio.run_coroutine_threadsafe(zk.start(), loop).result(5)
    yield unused_tcp_port
    asyncio.run_coroutine_threadsafe(zk.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextlib.contextmanager
def site(folder, port, **keys):
    path = folder / "site.toml"
    path.write_text(f"""
[site]
name = "s"
zone = "Asia/Shanghai"
networks = ["{NETWORK}"]
[gateway]
name = "g"
state_dir = "."
[[device]]
name = "gate"
kind = "zk-pull"
host = "127.0.0.1"
port = {port}
serial = "GATE-9"
""")
    yield str(path)


def test_a_terminal_is_told_with_address_serial_and_name(terminal, tmp_path, capsys):
    with site(tmp_path, terminal) as path:
        assert run(["device", "discover", "-c", path, "--port", str(terminal), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["terminals"]
    assert found == {
        "host": HOST, "port": terminal, "serial": "GATE-9", "name": "gate", "why_not": None,
    }  # fmt: skip


def test_people_get_an_aligned_table(terminal, capsys):
    assert run(["device", "discover", NETWORK, "--port", str(terminal)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.index("SERIAL") == row.index("GATE-9")


def test_nobody_there_is_said(unused_tcp_port, capsys):
    assert run(["device", "discover", NETWORK, "--port", str(unused_tcp_port)]) == 1
    assert "No terminal answers" in capsys.readouterr().out


@pytest.mark.parametrize("network", ["10.0.0.0/8", "kitchen"])
def test_what_cannot_be_looked_at_is_a_usage_error(network, capsys):
    assert run(["device", "discover", network]) == 3
    assert "try:" in capsys.readouterr().err


def test_without_any_network_it_says_where_to_write_one(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["device", "discover"]) == 3
    assert "networks" in capsys.readouterr().err

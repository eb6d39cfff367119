"""`device probe` as a person types it."""

import json
import subprocess
import sys

import pytest

from edge_agent.cli.app import run

STEPS = ["route", "tcp", "frame", "auth", "serial", "clock", "profile", "log"]


@pytest.fixture(scope="module")
def address():
    command = [sys.executable, "-m", "edge_agent", "simulate", "zk-terminal", "--records", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        yield it.stdout.readline().split()[1]
        it.terminate()
        it.communicate(timeout=5)


def test_one_line_a_step(address, capsys):
    assert run(["device", "probe", address]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", step] for step in STEPS]
    assert "zkteco/f18" in lines[6]


def test_json_is_one_object(address, capsys):
    assert run(["device", "probe", address, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "ok"
    assert [finding["step"] for finding in told["findings"]] == STEPS
    assert all(not finding["remedy"] for finding in told["findings"])


def test_a_clock_of_another_zone_is_degraded(address, capsys):
    assert run(["device", "probe", address, "--zone", "Pacific/Kiritimati", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "degraded"
    assert [f["code"] for f in told["findings"] if f["severity"] == "warn"] == ["clock_off"]


def test_nobody_there_is_broken_with_a_remedy(capsys):
    assert run(["device", "probe", "127.0.0.1:1"]) == 2

    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("BAD  tcp     connection refused. ")
    assert "check the port" in last


def test_only_zk_terminals_are_probed(capsys):
    address = "rdm6300:///dev/ttyUSB9"
    assert run(["device", "probe", address]) == 3
    assert f"edge-agent device info {address}" in capsys.readouterr().err

"""`device capture` and `simulate zk-replay` as a person uses them."""

import json
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest

from edge_agent.cli.app import run

RECORDS = 40
CLI = (sys.executable, "-m", "edge_agent")


@contextmanager
def simulated(*arguments):
    with subprocess.Popen(
        [*CLI, "simulate", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        word, _, address = process.stdout.readline().strip().partition(" ")
        assert word == "listening"
        try:
            yield address, process
        finally:
            process.terminate()
            process.communicate(timeout=5)


@pytest.fixture(scope="module")
def address():
    with simulated("zk-terminal", "--records", str(RECORDS)) as (listening_at, _):
        yield listening_at


@pytest.fixture
def file(tmp_path):
    return tmp_path / "report.json"


def lines_of(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_capture_is_replayed_and_pulled_like_the_terminal(address, file, capsys):
    assert run(["device", "capture", address, "-o", str(file), "--seconds", "0"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"{file}: ")
    assert "replaced: user ids, names" in told.err
    assert "blanked: " in told.err
    assert "attendance: att40, users: 72" in told.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "CLKSIM0000001" not in file.read_text()
    assert "127.0.0.1" not in file.read_text()

    assert run(["device", "pull", address, "--json"]) == 0
    *true, _ = lines_of(capsys)
    with simulated("zk-replay", "--input", str(file)) as (replayed_at, process):
        assert run(["device", "pull", replayed_at, "--json"]) == 0
        *rows, summary = lines_of(capsys)
        assert run(["device", "clock", replayed_at, "--zone", "UTC"]) == 1, "days behind"
    assert summary["summary"]["records"] == RECORDS
    assert [(r["state"], r["verify"], r["device_time"][10:]) for r in rows] == [
        (r["state"], r["verify"], r["device_time"][10:]) for r in true
    ]
    assert not {r["user_id"] for r in rows} & {r["user_id"] for r in true}
    assert process.returncode == 0


def test_over_udp(file, capsys):
    with simulated("zk-terminal", "--records", "5", "--transport", "udp") as (at, _):
        target = f"zk-pull+udp://{at}"
        assert run(["device", "capture", target, "-o", str(file), "--seconds", "0"]) == 0
    capsys.readouterr()
    with simulated("zk-replay", "--input", str(file)) as (at, _):
        assert run(["device", "pull", f"zk-pull+udp://{at}", "--json"]) == 0
    assert lines_of(capsys)[-1]["summary"]["records"] == 5


def test_a_file_is_not_overwritten_unasked(address, file, capsys):
    file.write_text("mine")
    assert run(["device", "capture", address, "-o", str(file), "--seconds", "0"]) == 3
    assert file.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run(["device", "capture", address, "-o", str(file), "--seconds", "0", "--force"]) == 0
    assert json.loads(file.read_text())["anonymised"] is True
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_told_before_anything_is_recorded(address, file, capsys):
    assert run(["device", "capture", address, "-o", str(file.parent / "no" / "x.json")]) == 3
    assert "recording" not in capsys.readouterr().err


def test_raw_keeps_everything_and_warns(address, file, capsys):
    assert run(["device", "capture", address, "-o", str(file), "--seconds", "0", "--raw"]) == 0
    assert capsys.readouterr().err.count("WARNING: --raw keeps everything") == 2
    assert b"CLKSIM0000001".hex() in file.read_text()
    assert json.loads(file.read_text())["anonymised"] is False
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_ctrl_c_ends_it_with_what_there_is(address, file, capsys):
    command = [*CLI, "device", "capture", address, "-o", str(file), "--seconds", "60"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert b"recording" in process.stderr.readline()
        assert b"let somebody punch now" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert run(["decode", "zk-frames", str(file), "--json"]) == 0
    rows = lines_of(capsys)
    assert sum(row.get("kind") == "punch" for row in rows) == RECORDS


def test_nobody_there_writes_nothing(file, capsys):
    assert run(["device", "capture", "127.0.0.1:1", "-o", str(file)]) == 2
    assert "connection refused" in capsys.readouterr().err
    assert not file.exists()


def test_only_zk_terminals(file, capsys):
    assert run(["device", "capture", "modbus-counter://10.0.0.1", "-o", str(file)]) == 3
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["zk-replay"], 3, "--input"),
        (["zk-replay", "--input", "/no/such"], 2, "Check the path"),
        (["zk-replay", "--input", __file__], 2, "zkcapture/1"),
        (["modbus-counter", "--input", "x"], 3, "Leave --input out"),
    ],
)
def test_what_cannot_be_replayed(arguments, code, words, capsys):
    assert run(["simulate", *arguments]) == code
    assert words in capsys.readouterr().err


def test_what_was_not_recorded_is_told_once(address, file, capsys):
    run(["device", "capture", address, "-o", str(file), "--seconds", "0"])
    with simulated("zk-replay", "--input", str(file)) as (at, process):
        for _ in range(2):
            run(["device", "unstick", at])
        process.terminate()
        _, err = process.communicate(timeout=5)
    assert err.splitlines().count("note: not recorded: ENABLE_DEVICE (1002)") == 1

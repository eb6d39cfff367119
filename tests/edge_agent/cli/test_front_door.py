"""The installed command: fast where it must be, one answer by both doors, honest exit codes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from drivers.catalog import built_in_kinds, load_driver
from edge_agent import front_door
from edge_agent.cli.app import run
from edge_agent.cli.simulate import KINDS
from edge_agent.front_door import main, parse_status
from tests.edge_agent.status.gateway_on_disk import make_gateway, write_snapshot

HEAVY = ("typer", "pydantic", "msgspec", "asyncio", "rich", "structlog", "httpx")


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    path = make_gateway(tmp_path)
    write_snapshot(path)
    return path


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGE_AGENT_CONFIG", raising=False)
    monkeypatch.setattr("edge_agent.config.places.SYSTEM_CONFIG", tmp_path / "none.toml")
    return tmp_path


@pytest.mark.parametrize("arguments", [["status", "-c", "SITE"], ["status", "--json"], []])
def test_hot_commands_load_nothing_heavy(site, repository, arguments):
    command = [str(site) if word == "SITE" else word for word in arguments]
    probe = (
        "import sys; from edge_agent.front_door import main; "
        f"code = main({command!r}); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=True,
        cwd=site.parent,
        env=os.environ | {"PYTHONPATH": str(repository)},
    )

    assert ended.stderr == "[] 0\n"
    assert ended.stdout


@pytest.mark.parametrize(
    "options",
    [["-c", "SITE"], ["--config", "SITE", "--json"], ["--config=SITE"], ["--json", "-c", "SITE"]],
)
def test_status_answers_the_same_by_both_doors(site, capsys, options, monkeypatch):
    arguments = ["status", *(word.replace("SITE", str(site)) for word in options)]
    assert parse_status(arguments[1:]) is not None, "this form should take the fast door"

    fast_code, fast = main(arguments), capsys.readouterr()
    monkeypatch.setattr(front_door, "parse_status", lambda arguments: None)
    slow_code, slow = main(arguments), capsys.readouterr()

    assert (fast_code, fast) == (slow_code, slow)
    assert fast_code == 0


def test_the_fast_door_knows_every_option_that_help_shows(capsys):
    assert main(["status", "--help"]) == 0
    shown = {
        word.strip(",")
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("  -")
        for word in line.split()
        if word.startswith("-")
    }

    assert shown == {"-c", "--config", "--json", "--help"}
    assert parse_status(["-c", "x", "--json"]) == ("x", True)
    assert parse_status(["--config", "x"]) == ("x", False)


@pytest.mark.parametrize("arguments", [["-c"], ["--nope"], ["extra"], ["--help"], ["--json=1"]])
def test_the_fast_door_leaves_what_it_does_not_know(arguments):
    assert parse_status(arguments) is None


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["stauts"], 3, "— try: edge-agent --help"),
        (["status", "--nope"], 3, "— try: edge-agent status --help"),
        (["status", "-c"], 3, "— try: edge-agent status --help"),
        (["device"], 3, "— try: edge-agent device --help"),
        (["decode"], 3, "— try: edge-agent decode --help"),
        (["decode", "zk-dta", "x"], 3, 'did you mean "zk-dat"?'),
        (["simulate", "zk-terminl"], 3, 'did you mean "zk-terminal"?'),
        (["simulate", "zk-terminal", "--port", "x"], 3, "— try: edge-agent simulate --help"),
        (["simulate", "card-reader", "--input", "x.dat"], 3, "Leave --input out"),
        (["simulate", "card-reader", "--transport", "udp"], 3, "Leave --transport out"),
        (["simulate", "zk-terminal", "--transport", "x"], 3, "tcp or udp"),
        (["simulate", "zk-terminal", "--input", "/no/such.dat"], 2, "/no/such.dat"),
        (["device", "info", "nobody"], 3, "no device has this name"),
        (["device", "info", "zkpull://10.0.0.7"], 3, 'did you mean "zk-pull"?'),
        (["device", "info", "zk-pull://10.0.0.7?prot=1"], 3, 'did you mean "port"?'),
        (["device", "info", "zk-pull://10.0.0.7:99999"], 3, "port"),
        (["config", "check", "-c", "/no/site.toml"], 2, "— try: edge-agent config init"),
        (["run", "-c", "/no/site.toml"], 2, "— try: edge-agent config init"),
        (["status", "-c", "/no/site.toml"], 2, "— try: edge-agent config init"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_every_error_is_one_line_that_ends_with_what_helps(
    empty_folder, capsys, arguments, code, told
):
    assert main(arguments) == code

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert told in err
    assert " — try: edge-agent " in err


def test_without_arguments_and_site_file_the_way_in_is_shown(empty_folder, capsys):
    assert main([]) == 0

    told = capsys.readouterr().out
    assert [line.split("  ")[1] for line in told.splitlines() if line.startswith("  ")] == [
        "edge-agent demo",
        "edge-agent config init",
        "edge-agent doctor",
    ]


def test_without_arguments_but_with_a_site_file_the_daily_commands_are_shown(
    site, monkeypatch, capsys
):
    monkeypatch.setenv("EDGE_AGENT_CONFIG", str(site))

    assert main([]) == 0

    told = capsys.readouterr().out
    assert "edge-agent status" in told
    assert f"edge-agent run -c {site}" in told
    assert "demo" not in told


def test_version_by_both_doors(capsys):
    assert main(["--version"]) == 0
    fast = capsys.readouterr().out
    assert run(["--version", "status"]) == 0

    assert fast.startswith("edge-agent")
    assert capsys.readouterr().out == fast


def test_the_command_line_loads_no_driver_until_it_needs_one():
    probe = (
        "import sys; import edge_agent.cli.app; "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('pydantic', 'simulators', 'asyncio', 'rich', 'httpx') or name.startswith('drivers.') "
        "and name != 'drivers.errors'])"
    )

    ended = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert ended.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["config", "schema"], ["--version"]])
def test_a_reader_that_leaves_early_gets_no_traceback(arguments):
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-m", "edge_agent", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=buffered,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # `edge-agent … | true`
        assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_simulator_says_where_it_listens_and_ends_cleanly(number):
    with subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "simulate", "rdm6300"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=5)

    assert ready.startswith("listening /dev/pts/")
    assert (process.returncode, out, err) == (0, "", "stopped\n")


DAT = b"1007\t2026-11-21 08:30:00\t1\t0\t0\t0\r\nno row\r\n"


def test_decode_for_programs_and_for_people(tmp_path, capsys):
    file = tmp_path / "1_attlog.dat"
    file.write_bytes(DAT)

    assert run(["decode", "zk-dat", str(file), "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.get("kind") for row in rows] == ["punch", "quarantined", None]
    assert (rows[2]["summary"]["records"], rows[2]["summary"]["quarantined"]) == (1, 1)

    assert run(["decode", "zk-dat", str(file)]) == 1
    text = capsys.readouterr().out
    assert "2026-11-21T08:30:00" in text
    assert text.splitlines()[-1].startswith("1 records, 1 quarantined")


def test_every_driver_names_a_simulator_that_can_be_started():
    assert {load_driver(kind).manifest.simulator for kind in built_in_kinds()} <= set(KINDS)


def test_config_commands(tmp_path, capsys):
    site = tmp_path / "site.toml"
    assert run(["config", "init", str(site)]) == 0
    written = site.read_text(encoding="utf-8")
    assert run(["config", "init", str(site)]) == 2
    assert site.read_text(encoding="utf-8") == written, "an existing file must stay as it is"
    capsys.readouterr()

    assert run(["config", "check", "-c", str(site)]) == 0
    assert capsys.readouterr().out == f"{site}: valid. Site my-site, 0 devices, no core\n"
    assert run(["config", "check", "-c", str(site), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"valid": True, "problems": []}

    site.write_text(written.replace("zone = ", "zon = "), encoding="utf-8")
    assert run(["config", "check", "-c", str(site)]) == 2
    assert capsys.readouterr().out.splitlines()[0].startswith(f"{site}:5: site.zone: is missing")
    assert run(["config", "check", "-c", str(site), "--json"]) == 2
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [(problem["line"], problem["key"]) for problem in problems] == [
        (5, "site.zone"),
        (8, "site.zon"),
    ]
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["site", "gateway"]

"""`device` against a simulated terminal that a real `simulate` process serves."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from edge_agent.cli.app import run
from tests.edge_agent.status.gateway_on_disk import SITE

RECORDS = 7


@pytest.fixture(scope="module")
def address():
    with simulated("tcp") as listening_at:
        yield listening_at


@contextmanager
def simulated(transport):
    command = [sys.executable, "-m", "edge_agent", "simulate", "zk-terminal"]
    command += ["--transport", transport]
    with subprocess.Popen(
        [*command, "--records", str(RECORDS), "--seed", "4"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        word, _, listening_at = process.stdout.readline().strip().partition(" ")
        assert word == "listening"
        yield listening_at
        process.terminate()
        process.communicate(timeout=5)
    assert process.returncode == 0


@pytest.fixture
def site(tmp_path, address):
    host, _, port = address.partition(":")
    path = tmp_path / "site.toml"
    path.write_text(
        f'{SITE}\n[[device]]\nname = "gate"\nkind = "zk-pull"\nhost = "{host}"\nport = {port}\n'
    )
    return path


def lines_of(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("form", ["{}", "zk-pull://{}", "zk-pull://{}?timeout_s=3"])
def test_info_by_every_form_of_address(address, capsys, form):
    assert run(["device", "info", form.format(address), "--json"]) == 0

    (told,) = lines_of(capsys)
    assert told["serial"] == "CLKSIM0000001"
    assert told["facts"]["~DeviceName"] == "F18/ID"
    assert told["profile"]


def test_a_terminal_over_udp_by_either_form_of_address(capsys):
    with simulated("udp") as at:
        assert run(["device", "pull", f"zk-pull+udp://{at}", "--json"]) == 0
        *rows, summary = lines_of(capsys)
        assert run(["device", "count", f"zk-pull://{at}?transport=udp", "--json"]) == 0
        (told,) = lines_of(capsys)
    assert len(rows) == summary["summary"]["records"] == told["records"] == RECORDS


def test_a_transport_that_is_none(capsys):
    assert run(["device", "info", "zk-pull+sctp://127.0.0.1:1"]) == 3
    assert "transport" in capsys.readouterr().err


def test_count_by_the_name_in_the_site_file(site, capsys):
    assert run(["device", "count", "gate", "-c", str(site), "--json"]) == 0

    (told,) = lines_of(capsys)
    assert told["records"] == RECORDS
    assert run(["device", "count", "gate", "-c", str(site)]) == 0
    assert f"records   {RECORDS}" in capsys.readouterr().out


def test_pull_prints_the_rows_and_the_summary_of_decode_and_leaves_the_spool_alone(site, capsys):
    assert run(["device", "pull", "gate", "-c", str(site), "--json"]) == 0

    *rows, summary = lines_of(capsys)
    assert {row["kind"] for row in rows} == {"punch"}
    assert {"serial", "user_id", "device_time", "state", "verify", "flags", "raw"} <= rows[0].keys()
    assert [row["device_time"] for row in rows] == sorted(row["device_time"] for row in rows)
    assert summary == {
        "summary": {"records": RECORDS, "quarantined": 0, "repeats": 0, "on_device": RECORDS}
    }
    assert not (site.parent / "state").exists()


def test_a_pull_that_fails_still_ends_with_a_summary(capsys):
    """Its exit code says that it is not all of the log."""
    assert run(["device", "pull", "127.0.0.1:1", "--json"]) == 2

    assert lines_of(capsys) == [{"summary": {"records": 0, "quarantined": 0, "repeats": 0}}]


def test_pull_for_people(address, capsys):
    assert run(["device", "pull", address]) == 0

    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("punch: serial CLKSIM0000001")
    assert out[-1] == f"{RECORDS} records, 0 quarantined, 0 repeats, {RECORDS} on_device"


def test_the_same_seed_makes_the_same_people(address, capsys):
    people = []
    for _ in range(2):
        run(["device", "pull", address, "--json"])
        people.append([row["user_id"] for row in lines_of(capsys)[:-1]])

    assert people[0] == people[1]
    assert len(set(people[0])) > 1


@pytest.mark.parametrize("verb", ["info", "count", "pull"])
def test_a_device_that_is_not_there(verb, capsys):
    assert run(["device", verb, "127.0.0.1:1"]) == 2

    err = capsys.readouterr().err
    assert "connection refused" in err
    assert err.endswith("— try: edge-agent doctor\n")


def test_an_unknown_name_names_the_known_ones(site, capsys):
    assert run(["device", "info", "gaet", "-c", str(site)]) == 3
    assert 'did you mean "gate"? The site file has gate' in capsys.readouterr().err


def test_an_unknown_zone(address, capsys):
    assert run(["device", "pull", address, "--zone", "Asia/Shangai"]) == 3
    assert 'did you mean "Asia/Shanghai"?' in capsys.readouterr().err

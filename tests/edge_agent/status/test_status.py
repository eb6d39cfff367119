"""What `status` says of a gateway: by its spool, by its agent's snapshot, by the process table."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.config.places import read_places
from edge_agent.status.columns import aligned
from edge_agent.status.command import run_status
from edge_agent.status.report import read_report
from tests.edge_agent.status.gateway_on_disk import READY, SERIAL, make_gateway, write_snapshot


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    return make_gateway(tmp_path)


def report_of(site):
    return read_report(read_places(site), datetime.now(UTC))


def test_all_is_well(site):
    write_snapshot(site)

    report = report_of(site)

    assert (report["status"], report["problems"]) == ("ok", [])
    assert report["sentence"] == (
        "The agent runs, 1 of 1 devices ready, no record waits for the core."
    )
    device = report["devices"][0]
    assert (device["name"], device["serial"], device["state"]) == ("gate", SERIAL, "ready")
    assert (device["on_device"], device["fetched"], device["stored"]) == (3, 3, 3)
    assert device["clock_offset_ms"] == -1200


def test_without_an_agent_the_spool_still_tells_what_it_holds(site):
    report = report_of(site)

    assert report["status"] == "broken"
    assert "there is no runtime snapshot" in report["problems"][0]["what"]
    assert [(row["serial"], row["stored"]) for row in report["devices"]] == [(SERIAL, 3)]


def test_an_agent_whose_process_is_gone(site):
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    write_snapshot(site, pid=ended.pid)

    report = report_of(site)

    assert report["status"] == "broken"
    assert f"its process {ended.pid} is gone" in report["problems"][0]["what"]
    assert report["devices"][0]["state"] is None, "a dead agent's word must not pass for the truth"


@pytest.mark.parametrize(("age_s", "status"), [(14, "ok"), (16, "broken")])
def test_an_agent_that_hangs_is_told_after_three_intervals(site, age_s, status):
    written_at = datetime.now(UTC) - timedelta(seconds=age_s)
    write_snapshot(site, written_at=written_at.isoformat())

    assert report_of(site)["status"] == status


def test_a_clock_that_was_set_back_does_not_kill_the_agent(site):
    write_snapshot(site, written_at=(datetime.now(UTC) + timedelta(hours=8)).isoformat())

    assert report_of(site)["status"] == "ok"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x", "written_at": "2026-01-01"}'])
def test_a_damaged_snapshot_is_said_not_raised(site, content):
    (site.parent / "state" / "status.json").write_text(content)

    report = report_of(site)

    assert report["status"] == "broken"
    assert "is damaged" in report["problems"][0]["what"]


def test_a_device_in_trouble_comes_with_its_remedy(site):
    error = {"what": "connection refused", "remedy": "Check the port", "code": "link_refused"}
    write_snapshot(
        site,
        devices=[
            READY,
            READY | {"name": "shop", "serial": None, "state": "backoff", "error": error},
        ],
    )

    report = report_of(site)

    assert report["status"] == "degraded"
    assert report["problems"] == [
        {
            "severity": "warn",
            "where": "device shop",
            "what": "connection refused",
            "remedy": "Check the port",
        }
    ]
    assert [row["name"] for row in report["devices"]] == ["gate", "shop"]


def test_a_device_that_has_not_told_its_serial_yet_is_the_one_read_under_its_name(site):
    write_snapshot(site, devices=[READY | {"serial": None, "state": "connecting"}])

    report = report_of(site)

    assert [(row["name"], row["serial"], row["stored"]) for row in report["devices"]] == [
        ("gate", SERIAL, 3)
    ]
    assert "0 of 1 devices ready" in report["sentence"]


def test_a_replaced_unit_is_another_device(site):
    write_snapshot(site, devices=[READY | {"serial": "NEW1"}])

    report = report_of(site)

    assert [(row["serial"], row["state"]) for row in report["devices"]] == [
        ("NEW1", "ready"),
        (SERIAL, None),
    ]
    assert "1 of 1 devices ready" in report["sentence"]


def test_an_untrusted_clock_and_a_failing_uplink_degrade(site):
    error = {"what": "no route to the core", "remedy": "Check the network"}
    write_snapshot(site, time={"trusted": False}, uplink={"last_error": error})

    report = report_of(site)

    assert report["status"] == "degraded"
    assert [problem["where"] for problem in report["problems"]] == ["gateway clock", "uplink"]


def test_quarantine_degrades(tmp_path, monkeypatch):
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    site = make_gateway(tmp_path, quarantined=2)
    write_snapshot(site)

    report = report_of(site)

    assert (report["status"], report["quarantined"]) == ("degraded", 2)
    assert "2 rows could not be decoded" in report["problems"][0]["what"]


@pytest.mark.parametrize("damage", ["missing", "no database"])
def test_a_spool_that_cannot_be_read_is_broken_and_says_what_to_do(site, damage):
    write_snapshot(site)
    spool = read_places(site).spool
    for file in spool.parent.glob("spool.db*"):
        file.unlink()
    if damage == "no database":
        spool.write_bytes(b"x" * 8192)

    report = report_of(site)

    assert report["status"] == "broken"
    assert report["problems"][0]["where"] == str(spool)
    assert report["problems"][0]["remedy"]


def test_a_folder_that_this_user_may_not_read(site, monkeypatch):
    write_snapshot(site)

    def refuse(path):
        raise PermissionError

    monkeypatch.setattr("edge_agent.status.report.read_ledger", refuse)

    report = report_of(site)

    assert (report["status"], report["problems"][0]["remedy"]) == (
        "broken",
        "sudo edge-agent status",
    )


def test_the_freshest_snapshot_of_a_running_agent_counts(site, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "status.json").write_text("left over")
    write_snapshot(site)

    assert report_of(site)["agent"]["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("prepare", "code", "word"),
    [
        (write_snapshot, 0, "The agent runs"),
        (lambda site: write_snapshot(site, time={"trusted": False}), 1, "1 to look at"),
        (lambda site: None, 2, "The agent does not run"),
    ],
    ids=["ok", "degraded", "broken"],
)
def test_exit_codes_and_one_screen(site, capsys, prepare, code, word):
    prepare(site)

    assert run_status(str(site), as_json=False) == code
    screen = capsys.readouterr().out
    assert word in screen
    assert "CLK0000000001" in screen

    assert run_status(str(site), as_json=True) == code
    assert json.loads(capsys.readouterr().out)["status"] == ["ok", "degraded", "broken"][code]


def test_a_site_file_that_is_not_there_is_an_answer_too(tmp_path, capsys):
    assert run_status(str(tmp_path / "no.toml"), as_json=True) == 2

    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == "broken"
    assert err.startswith(f"error: {tmp_path}/no.toml: cannot be read")
    assert "— try: edge-agent " in err


def test_a_broken_site_file_sends_to_config_check(tmp_path, capsys):
    site = tmp_path / "site.toml"
    site.write_text("[site")

    assert run_status(str(site), as_json=False) == 2
    assert f"try: edge-agent config check -c {site}" in capsys.readouterr().err


def test_columns_align_by_what_a_terminal_shows():
    lines = aligned(["NAME", "ROWS", "STATE"], [["绿门", 5, None], ["gate", 12000, "ready"]])

    assert lines == [
        "NAME   ROWS  STATE",
        "绿门      5  -",
        "gate  12000  ready",
    ]


@pytest.mark.parametrize(("hours", "problems"), [(1, 1), (25, 0)])
def test_a_log_that_was_cleared_is_told_for_a_day(site, hours, problems):
    at = datetime.now(UTC) - timedelta(hours=hours)
    change = {"what": "its log was cleared (500 rows …)", "at": at.isoformat()}
    write_snapshot(site, devices=[READY | {"log_change": change}])
    told = report_of(site)["problems"]
    assert [problem["where"] for problem in told] == ["device gate"] * problems
    for problem in told:
        assert problem["what"].startswith(change["what"])
        assert f"{at:%Y-%m-%dT%H:%M}" in problem["what"]


FILLING = {
    "memories": [
        {"name": "punches", "used": 96_000, "capacity": 100_000, "percent": 96.0},
        {"name": "faces", "used": 3, "capacity": None, "percent": None},
    ],
    "line": {"requests": 100, "repeats": 0},
    "warnings": [
        {
            "code": "memory_filling",
            "severity": "bad",
            "what": "punches: 96 % full (96,000 of 100,000)",
            "remedy": "make room",
        }
    ],
}


def test_a_terminal_that_fills_up_is_shown_with_its_numbers(site, capsys):
    write_snapshot(site, devices=[READY | FILLING])

    report = report_of(site)

    assert report["status"] == "degraded"  # the gateway collects; doctor says how urgent it is
    (device,) = report["devices"]
    assert (device["full"], device["memories"], device["line"]) == (
        "96 %",
        FILLING["memories"],
        FILLING["line"],
    )
    assert [problem["what"] for problem in report["problems"]] == [
        "punches: 96 % full (96,000 of 100,000)"
    ]
    assert run_status(str(site), as_json=False) == 1
    screen = capsys.readouterr().out
    assert "FULL" in screen
    assert "96 %" in screen


def test_an_unknown_capacity_is_said_as_unknown(site):
    unknown = {"name": "punches", "used": 5, "capacity": None, "percent": None}
    write_snapshot(site, devices=[READY | {"memories": [unknown]}])

    report = report_of(site)

    assert (report["status"], report["devices"][0]["full"]) == ("ok", "unknown")

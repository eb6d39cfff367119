"""`edge-agent doctor` as a whole, with and without a site file, and the page of its codes."""

import json
import re
from datetime import UTC, datetime

import pytest

from edge_agent.cli.app import run
from edge_agent.doctor.findings import Code
from tests.edge_agent.status.gateway_on_disk import READY, make_gateway, write_snapshot


@pytest.fixture
def bare_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGE_AGENT_CONFIG", raising=False)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setattr("edge_agent.config.places.SYSTEM_CONFIG", tmp_path / "none.toml")
    return tmp_path


def doctor(capsys, *options):
    code = run(["doctor", "--json", *options])
    report = json.loads(capsys.readouterr().out)
    return code, report["status"], {f["code"]: f["severity"] for f in report["findings"]}, report


def test_without_a_site_file_it_looks_at_the_machine(bare_folder, capsys):
    code, status, severities, report = doctor(capsys)

    assert (code, status) == (1, "degraded")
    assert severities == {"E1001": "ok", "E1010": "warn", "E1020": "ok"}
    for finding in report["findings"]:
        assert finding.keys() == {"code", "severity", "where", "what", "remedy"}
        assert bool(finding["remedy"]) == (finding["severity"] != "ok")


def test_a_named_site_file_that_is_missing_is_bad(bare_folder, capsys):
    code, status, severities, _ = doctor(capsys, "-c", "no.toml")

    assert (code, status, severities["E1010"]) == (2, "broken", "bad")


def test_a_bad_site_file_is_told_with_its_lines(bare_folder, capsys):
    site = bare_folder / "site.toml"
    site.write_text('[site]\nname = "a"\nzone = "Mars/Base"\n')

    code, status, _, report = doctor(capsys)

    assert (code, status) == (2, "broken")
    places = [f["where"] for f in report["findings"] if f["code"] == "E1011"]
    assert places == ["site.toml:1", "site.toml:3"]


def test_a_gateway_that_runs(bare_folder, capsys):
    site = make_gateway(bare_folder)
    write_snapshot(site)

    code, status, severities, _ = doctor(capsys)

    assert (code, status) == (1, "degraded")
    assert severities == {
        "E1001": "ok",
        "E1010": "ok",
        "E1012": "ok",
        "E1020": "ok",
        "E1030": "ok",
        "E1032": "ok",
        "E1033": "ok",
        "E1040": "ok",
        "E1045": "ok",
        "E1046": "ok",
        "E1042": "ok",
        "E1043": "ok",
        "E1047": "ok",
        "E1013": "ok",
        "E1050": "ok",
        "E1060": "warn",
        "E1070": "warn",
        "E1078": "ok",
    }


def test_a_gateway_that_does_not_run_and_whose_device_is_gone(bare_folder, capsys):
    device = '\n[[device]]\nname = "gate"\nkind = "zk-pull"\nhost = "127.0.0.1"\nport = 1\n'
    make_gateway(bare_folder, more=device, quarantined=1)

    code, status, severities, _ = doctor(capsys)

    assert (code, status) == (2, "broken")
    assert severities["E1050"] == "bad"
    assert severities["E1062"] == "bad"
    assert severities["E1043"] == "warn"


def test_a_log_that_was_cleared_is_found(bare_folder, capsys):
    site = make_gateway(bare_folder)
    change = {"what": "its log was cleared", "at": datetime.now(UTC).isoformat()}
    write_snapshot(site, devices=[READY | {"log_change": change}])

    code, _, severities, _ = doctor(capsys)

    assert (code, severities["E1067"]) == (1, "warn")


def test_for_people_each_problem_comes_with_its_remedy(bare_folder, capsys):
    assert run(["doctor", "--core"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   E1001 python ")
    warning = next(index for index, line in enumerate(lines) if line.startswith("WARN E1010"))
    assert "edge-agent config init" in lines[warning + 1]
    assert any(" E1003 " in line for line in lines)
    assert lines[-1].endswith("The codes are explained in docs/errors.md")


def test_every_code_is_explained_once(repository):
    page = (repository / "docs" / "errors.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| (E\d{4}) \|", page, flags=re.MULTILINE)

    assert explained == sorted(code.value for code in Code)


def test_what_the_agent_noticed_of_a_device_is_told_by_its_urgency(bare_folder, capsys):
    site = make_gateway(bare_folder)
    warnings = [
        {"code": code, "severity": severity, "what": "w", "remedy": "r"}
        for code, severity in [
            ("memory_filling", "bad"),
            ("bad_line", "warn"),
            ("log_layout_changed", "bad"),
        ]
    ]
    write_snapshot(site, devices=[READY | {"warnings": warnings}])

    code, _, severities, _ = doctor(capsys)

    assert code == 2
    assert [severities[name] for name in ("E1083", "E1084", "E1085")] == ["bad", "warn", "bad"]


def test_a_good_device_is_told_with_its_numbers(bare_folder, capsys):
    site = make_gateway(bare_folder)
    line = dict.fromkeys(
        ("requests", "repeats", "timeouts", "packets", "wrong_checksums", "connections", "losses"),
        1,
    )
    memories = [
        {"name": "punches", "used": 1, "capacity": 10, "percent": 10.0},
        {"name": "faces", "used": None, "capacity": None, "percent": None},
    ]
    write_snapshot(site, devices=[READY | {"memories": memories, "line": line}])

    _, _, severities, report = doctor(capsys)

    assert (severities["E1083"], severities["E1084"]) == ("ok", "ok")
    assert any(f["what"] == "punches 10 % full, faces unknown" for f in report["findings"])


def test_what_an_agent_noticed_that_is_gone_is_not_told(bare_folder, capsys):
    site = make_gateway(bare_folder)
    write_snapshot(site, pid=0, devices=[READY | {"warnings": [{"code": "bad_line"}]}])

    _, _, severities, _ = doctor(capsys)

    assert "E1084" not in severities

"""The command line on a real database: JSON shapes, exit codes, walking down to the bytes."""

import json
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime

import msgspec
import pytest
import sqlalchemy as sa

from hr_core.cli import main
from hr_core.store.database import open_database, writing
from hr_core.store.refusals import add_refusals
from hr_core.store.results import pay_lines
from hr_core.trace.calculation import Trace, replay
from hr_core.views import list_runs, punches_of_day, slip, slips_of_run

OCTOBER = ["--month", "2026-10"]


@pytest.fixture
def ask(capfd):
    """Runs a command with --json: (exit code, its one object)."""

    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


@pytest.fixture
def conn(plant):
    engine = open_database(f"sqlite:///{plant}")
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def test_a_clean_month_gives_payslips_to_the_fen(plant, ask):
    code, run = ask("pay", "run", *OCTOBER)
    assert code == 0
    assert (run["run"], run["month"], run["payslips"], run["days"]) == (1, "2026-10", 2, 62)
    assert run["unmapped_users"] == []
    assert run["unattributed"] == {"pieces": 4, "rejects": 0}
    first, second = run["people"]
    assert (first["number"], first["name"]) == ("E001", "张伟")
    assert {line["line"]: line["amount_fen"] for line in first["lines"]} == {
        "base": 870000,
        "overtime_workday": 15000,  # 120 min at 75.00 an hour
        "grade": 87000,  # 15 of 1,000: A, +10 %
    }
    assert first["total"] == "¥9,720.00"
    # 96 pieces without a reject: A too, so 6,100.00 + 10 %.
    assert second["total_fen"] == 671000
    assert run["total_fen"] == 972000 + 671000


def test_runs_are_numbered_and_never_changed(plant, ask, conn):
    ask("pay", "run", *OCTOBER)
    before = slip(conn, 1, "E001")
    conn.rollback()
    code, again = ask("pay", "run", *OCTOBER)
    assert (code, again["run"]) == (0, 2)
    assert slip(conn, 1, "E001") == before
    assert [run.number for run in list_runs(conn)] == [2, 1]
    assert [row.number for row in slips_of_run(conn, 1)] == ["E001", "E002"]


def test_stored_traces_replay_without_anything_else(plant, ask, conn):
    ask("pay", "run", *OCTOBER)
    rows = conn.execute(sa.select(pay_lines.c.amount_fen, pay_lines.c.trace)).all()
    assert len(rows) == 5
    for amount_fen, trace in rows:
        assert replay(msgspec.json.decode(trace, type=Trace)) == amount_fen


def test_an_amount_walks_down_to_the_bytes_of_the_device(plant, ask):
    ask("pay", "run", *OCTOBER)
    code, explained = ask("pay", "explain", "1", "E001", "overtime_workday")
    assert (code, explained["missing_events"]) == (0, [])
    (line,) = explained["lines"]
    assert line["amount_fen"] == line["replayed_fen"] == 15000
    assert (line["version"], line["rule"]) == ("demo/2025-01", "overtime.workday")
    (day,) = line["days"]
    assert (day["day"], day["minutes"], day["status"]) == ("2026-10-12", 120, "present")
    arrived, left = day["punches"]
    assert (arrived["role"], left["role"]) == ("arrived", "left")
    event = left["event"]
    assert bytes.fromhex(event["raw"]) == b"1007 2026-10-12T19:05:00"
    assert (event["user_id"], event["device"]) == ("1007", "CQ1")
    assert event["device_time"] == "2026-10-12T19:05:00"
    assert (event["gateway"], event["batch"]) == ("gw-1", 1)
    assert event["received_at"] == "2026-10-30T12:00:00+00:00"


def test_a_grade_walks_down_to_the_counter_readings(plant, ask):
    ask("pay", "run", *OCTOBER)
    _, explained = ask("pay", "explain", "1", "E001", "grade")
    (line,) = explained["lines"]
    assert [(one["metric"], one["amount"]) for one in line["work"]] == [
        ("rejects", 15), ("pieces", 1000),
    ]  # fmt: skip
    pieces = line["work"][1]
    assert (pieces["first"]["value"], pieces["last"]["value"]) == (1000, 2000)
    assert bytes.fromhex(pieces["last"]["raw"]) == bytes([2000 % 256])
    assert line["comparisons"][0] == {
        "grade": "A", "left": 1500, "relation": "<", "right": 2000, "holds": True,
    }  # fmt: skip


def test_the_tree_for_people_shows_the_same_bytes(plant, capfd):
    main(["pay", "run", *OCTOBER])
    assert main(["pay", "explain", "1", "E001"]) == 0
    shown = capfd.readouterr().out
    assert b"1007 2026-10-12T19:05:00".hex() in shown
    assert "劳动法 art. 44" in shown
    assert "replayed from the trace: ¥150.00" in shown


def test_a_trace_whose_event_is_gone_is_degraded_and_says_which(plant, ask):
    ask("pay", "run", *OCTOBER)
    _, explained = ask("pay", "explain", "1", "E001", "overtime_workday")
    event = explained["lines"][0]["days"][0]["punches"][0]["event"]["event_id"]
    engine = open_database(f"sqlite:///{plant}")
    with writing(engine) as conn:
        conn.execute(
            sa.text("DELETE FROM raw_events WHERE event_id = :id"), {"id": bytes.fromhex(event)}
        )
    engine.dispose()
    code, explained = ask("pay", "explain", "1", "E001", "overtime_workday")
    assert (code, explained["missing_events"]) == (1, [event])


def test_oddities_are_listed_and_degrade_the_run(odd_plant, ask):
    code, run = ask("pay", "run", *OCTOBER)
    assert code == 1
    assert run["unmapped_users"] == [{"serial": "CQ1", "user_id": "9999", "punches": 1}]
    (lost,) = run["distrusted_punches"]
    assert (lost["reason"], lost["number"]) == ("clock_suspect", "E001")
    assert len(run["unassigned_punches"]) == 1
    assert run["people"][0]["total_fen"] == 972000  # and nobody's pay moved


def test_punches_of_other_months_are_not_listed_in_this_one(edges, ask):
    code, run = ask("pay", "run", *OCTOBER)
    assert (code, run["unmapped_users"]) == (0, [])


def test_a_month_starts_from_the_last_good_reading_before_it(edges, ask):
    """900 on 29 September, 1,000 on 12 October: 100 pieces more; a bad 5,000 between is no step."""
    code, rates = ask("quality", "rates", *OCTOBER)
    assert (code, rates["people"][0]["pieces"]) == (0, 1100)


def test_days_without_a_record_are_told_and_not_deducted(plant, ask, tmp_path):
    other = (tmp_path / "people.toml").read_text(encoding="utf-8")
    other += '[[person]]\nnumber = "E003"\nname = "New"\nshift = "D"\nbase = "5000"\n'
    (tmp_path / "more.toml").write_text(other, encoding="utf-8")
    code, run = ask("pay", "run", *OCTOBER, "--people", "more.toml")
    assert code == 1
    third = run["people"][2]
    assert third["total_fen"] == 500000
    assert len(third["to_clarify"]) == run["days_to_clarify"] == 18
    assert third["to_clarify"][0]["status"] == "no_record"


def test_attendance_show(plant, ask):
    code, shown = ask("attendance", "show", "E002", *OCTOBER)
    assert (code, shown["to_clarify"], shown["unassigned"]) == (0, 0, [])
    last_night = shown["days"][29]
    assert (last_night["arrived"], last_night["left"]) == (
        "2026-10-30T17:50:00", "2026-10-31T06:04:00",
    )  # fmt: skip
    assert (last_night["status"], last_night["regular_min"]) == ("present", 660)
    assert len(last_night["used"]) == 2


def test_quality_rates(plant, ask):
    code, rates = ask("quality", "rates", *OCTOBER)
    assert code == 0
    first = rates["people"][0]
    assert (first["subject"], first["pieces"], first["rejects"]) == ("E001", 1000, 15)
    assert (first["grade"], first["percent"], first["alert"]) == ("A", "1.50 %", False)
    assert first["interval_95"] == pytest.approx([0.009111, 0.024601], abs=1e-6)
    assert first["separable"] is False  # the interval spans A and B
    assert rates["total"] == {"pieces": 1100, "rejects": 15}
    assert rates["unattributed"] == {"pieces": 4, "rejects": 0}


def test_trace_of_one_event(plant, ask, conn):
    (found,) = [one for one in punches_of_day(conn, _date(12)) if one.direction == "unknown"][:1]
    conn.rollback()
    code, event = ask("trace", found.event_id)
    assert (code, event["kind"], event["event_id"]) == (0, "punch", found.event_id)
    assert event["proof"]["faults"] == []
    assert event["proof"]["number"] == event["batch"]


def test_trace_takes_the_first_digits_and_names_days_and_pay_lines(plant, ask, conn, capfd):
    ask("pay", "run", "--month", "2026-10")
    used = {}
    for one in punches_of_day(conn, _date(12)):
        code, event = ask("trace", one.event_id[:12])
        assert (code, event["event_id"]) == (0, one.event_id)
        used[one.event_id] = event["used_by"]
    conn.rollback()
    days = [day for uses in used.values() for day in uses["days"]]
    lines = [line for uses in used.values() for line in uses["lines"]]
    assert {day["number"] for day in days} == {"E001", "E002"}
    assert "overtime_workday" in {line["line"] for line in lines}
    capfd.readouterr()
    code = main(["trace", one.event_id])
    shown = capfd.readouterr().out
    assert code == 0
    assert "stand as they were signed" in shown
    assert "pay line     run 1" in shown
    first = min(used)[:8]
    several = [event_id for event_id in used if event_id.startswith(first)]
    assert len(several) == 1 or main(["trace", first]) == 3


def test_punches_of_a_day_by_the_device_clock(conn):
    found = punches_of_day(conn, _date(12))
    assert [(one.device_time[11:16], one.number) for one in found] == [
        ("07:55", "E001"), ("17:50", "E002"), ("19:05", "E001"),
    ]  # fmt: skip


def _date(day):
    from datetime import date

    return date(2026, 10, day)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["pay", "run", "--month", "2026-13"], 3, "not a month"),
        (["pay", "run"], 3, "--month"),
        (["pay", "run", "--month", "2026-08"], 2, "no punch of 2026-08"),
        (["pay", "run", "--month", "2007-12"], 2, "no edition of pay scheme"),
        (["pay", "explain", "7", "E001"], 3, "no pay run 7"),
        (
            ["attendance", "show", "E9", "--month", "2026-10"],
            3,
            "no person 'E9'",
        ),
        (["trace", "00" * 16], 3, "no event"),
        (["trace", "xyz"], 3, "32 hex digits"),
        (["trace", "1234567"], 3, "these are 7"),
        (["import", "none.toml"], 3, "cannot be read"),
        (["pay", "frobnicate"], 3, "No such command"),
        ([], 3, "Missing command"),
        (["--db", "none.db", "pay", "runs"], 2, "no database"),
        (["pay", "runs", "--db", "people.toml"], 2, "not a sound core database"),
        (["pay", "runs", "--db", "oracle://x"], 3, "cannot be used"),
        (["serve", "--host", "192.0.2.7"], 2, "reachable from other machines"),
    ],
)
def test_failures_say_what_and_what_helps(plant, capfd, arguments, code, words):
    assert main(arguments) == code
    said = capfd.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert "remedy:" in said.err or "try:" in said.err


def test_without_people_a_run_says_what_to_import(empty, capfd):
    assert main(["pay", "run", *OCTOBER]) == 2
    assert "hr-core import people.toml" in capfd.readouterr().err


def test_without_a_scheme_nothing_is_paid(plant, empty, tmp_path, capfd):
    text = (
        (tmp_path / "people.toml")
        .read_text(encoding="utf-8")
        .replace('[scheme]\ncode = "demo"', "")
    )
    (tmp_path / "bare.toml").write_text(text, encoding="utf-8")
    other = str(tmp_path / "other.db")
    assert main(["init", "--db", other]) == 0
    assert main(["--db", other, "import", "bare.toml"]) == 0
    assert main(["pay", "run", *OCTOBER, "--db", other]) == 2
    assert "no pay scheme is chosen" in capfd.readouterr().err


def test_init_twice_keeps_what_is_stored(plant, ask):
    assert main(["init"]) == 0
    assert ask("pay", "run", *OCTOBER)[0] == 0


def test_an_open_line_of_a_payslip_names_the_lines_there_are(plant, capfd):
    main(["pay", "run", *OCTOBER])
    assert main(["pay", "explain", "1", "E001", "bonus"]) == 3
    assert "base, overtime_workday, grade" in capfd.readouterr().err


def test_text_output_of_every_read_command(odd_plant, capfd):
    assert main(["pay", "run", *OCTOBER]) == 1
    shown = capfd.readouterr().out
    assert "no person: user id 9999 on device CQ1" in shown
    assert "not believed (clock_suspect)" in shown
    assert main(["pay", "runs"]) == 0
    assert main(["pay", "slips", "1"]) == 0
    assert "E001  张伟  ¥9,720.00" in capfd.readouterr().out
    assert main(["attendance", "show", "E001", *OCTOBER]) == 1
    assert "outside the window of their day's shift" in capfd.readouterr().out
    assert main(["quality", "rates", *OCTOBER]) == 0
    assert "1.50 %" in capfd.readouterr().out


def test_serve_says_where_it_listens(plant, repository):
    with subprocess.Popen(
        [sys.executable, "-m", "hr_core", "serve", "--port", "0"],
        env={"CLOCKLINE_DB": str(plant)},
        stdout=subprocess.PIPE,
        text=True,
        cwd=repository,
    ) as server:
        try:
            word, address = server.stdout.readline().split()
            assert word == "listening"
            with urllib.request.urlopen(f"http://{address}/api/v1/health", timeout=5) as answer:
                assert json.load(answer)["status"] == "ok"
        finally:
            server.terminate()
            server.wait(10)


def test_audit_verify_confirms_the_chain_and_names_a_damaged_batch(plant, ask, capfd):
    code, told = ask("audit", "verify")
    assert (code, told["status"]) == (0, "ok")
    (report,) = told["gateways"]
    assert (report["gateway"], report["batches"], report["faults"]) == ("gw-1", 1, [])
    assert main(["audit", "verify", "--gateway", "gw-1"]) == 0
    assert "gw-1  stands: 1 batches" in capfd.readouterr().out
    assert main(["audit", "verify", "--gateway", "gw-7"]) == 3
    engine = open_database(f"sqlite:///{plant}")
    with writing(engine) as conn:
        first = "(SELECT min(event_id) FROM raw_events)"
        conn.exec_driver_sql(f"UPDATE raw_events SET raw = x'00' WHERE event_id = {first}")  # noqa: S608
    engine.dispose()
    code, told = ask("audit", "verify")
    assert (code, told["status"]) == (2, "broken")
    assert {(one["gateway"], one["number"]) for one in told["gateways"][0]["faults"]} == {
        ("gw-1", 1)
    }
    assert main(["audit", "verify"]) == 2
    assert "gw-1 batch 1: event " in capfd.readouterr().out


def test_audit_chains_shows_heads_and_refusals(plant, ask, capfd):
    code, told = ask("audit", "chains")
    assert (code, told["chains"][0]["number"], told["refusals"]) == (0, 1, [])
    engine = open_database(f"sqlite:///{plant}")
    with writing(engine) as conn:
        at = datetime(2026, 11, 1, tzinfo=UTC)
        add_refusals(conn, "gw-1", "bad_signature", times=3, what="not signed", at=at)
        add_refusals(conn, "gw-1", "bad_signature", times=2, what="not signed", at=at)
    engine.dispose()
    assert main(["audit", "chains"]) == 1
    shown = capfd.readouterr().out
    assert "gw-1  batch 1" in shown
    assert "REFUSED bad_signature  gw-1  5 times" in shown

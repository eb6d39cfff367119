"""`hr-core timeoff` over a real database: earned from punches, used, paid, audited."""

import json
from datetime import UTC, datetime

import pytest

from hr_core.audit.log import entries, verify
from hr_core.cli import main
from hr_core.store.database import open_database
from tests.hr_core.cli.conftest import punch, store

EXPIRING = """
[[edition]]
version = "plant/1"
from = 2026-01-01
source = "works agreement 4"
order = "expiring_first"
[[edition.earns]]
kind = "rest_day"
expires_after_months = 0
until_end_of = "month"
"""


@pytest.fixture(autouse=True)
def today(monkeypatch):
    now = datetime(2026, 11, 22, 4, tzinfo=UTC)
    monkeypatch.setattr("hr_core.clock.SystemClock.now", lambda _clock: now)


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


@pytest.fixture
def saturday(plant):
    """E001 (day shift, an hour's break) worked on Saturday 2026-10-17 and on National Day."""
    store(
        plant,
        [
            *(punch("1007", f"2026-10-17T{time}:00") for time in ("07:55", "15:10")),
            *(punch("1007", f"2026-10-01T{time}:00") for time in ("08:00", "17:00")),
        ],
    )
    return plant


def lots(ask, code=0):
    found_code, found = ask("timeoff", "lots", "E001")
    assert found_code == code
    return found


def test_a_saturday_becomes_leave_and_pay_lot_by_lot(saturday, ask, capfd):
    code, earned = ask("timeoff", "earn", "E001", "2026-10-17", "--by", "li")
    (entry,) = earned["entries"]
    assert (code, entry["kind"], entry["minutes"]) == (
        0,
        "earned",
        360,
    )  # 7:10 less 1:00, 30 min steps
    assert len(entry["origin"]["events"]) == 2
    assert ask("timeoff", "earn", "E001", "2026-10-17")[1]["entries"] == []

    use = ["timeoff", "use", "E001", "--day", "2026-11-02", "--minutes"]
    assert main([*use, "240", "--leave", "L-7", "--by", "li"]) == 0
    assert main([*use, "121", "--leave", "L-8"]) == 3
    assert "120 min can be taken" in capfd.readouterr().err

    code, paid = ask("timeoff", "pay-out", "E001", "--minutes", "60", "--by", "li")
    assert paid["entries"][0]["rate_percent"] == 200
    found = lots(ask)
    assert found["balance"] == {
        "earned_min": 360, "used_min": 240, "paid_min": 60, "expired_min": 0,
        "left_min": 60, "shortfall_min": 0, "owed_min": 0,
    }  # fmt: skip
    main(["timeoff", "lots", "E001"])
    shown = capfd.readouterr().out
    assert "1:00 of 6:00 earned are left" in shown
    assert "4:00 used by leave L-7 of 2026-11-02" in shown
    assert "at 200 % (劳动法 art. 44(2)" in shown
    assert f"from events {' '.join(entry['origin']['events'])}" in shown


def test_each_change_stands_in_the_audit_log(saturday):
    main(["timeoff", "earn", "E001", "2026-10-17", "--by", "li", "--reason", "asked for it"])
    main(["timeoff", "use", "E001", "--day", "2026-11-02", "--minutes", "60", "--leave", "L-7",
          "--by", "wang"])  # fmt: skip
    main(["timeoff", "return", "E001", "--leave", "L-7", "--by", "wang"])

    engine = open_database(f"sqlite:///{saturday}")
    with engine.connect() as conn:
        rows = entries(conn, subject="person E001")
        assert not verify(conn).faults
    engine.dispose()
    assert [(row.actor, row.action) for row in rows] == [
        ("li", "timeoff.earn"), ("wang", "timeoff.use"), ("wang", "timeoff.return"),
    ]  # fmt: skip
    assert (rows[0].reason, rows[0].before["earned_min"]) == ("asked for it", 0)
    assert rows[0].after["balance"]["left_min"] == 360


def test_a_statutory_holiday_is_paid_never_taken(saturday, capfd):
    assert main(["timeoff", "earn", "E001", "2026-10-01"]) == 3

    error = capfd.readouterr().err
    assert "always paid, 300 %" in error
    assert "remedy: pay it at 300 %" in error


def test_a_workday_is_paid_unless_a_rule_with_an_agreement_says_otherwise(
    plant, ask, tmp_path, capfd
):
    assert main(["timeoff", "earn", "E001", "2026-10-12"]) == 3
    assert "overtime of a workday is paid, no time off" in capfd.readouterr().err

    agreed = EXPIRING.replace('"rest_day"', '"workday"\nagreement = "works agreement 4"')
    (tmp_path / "rules.toml").write_text(agreed, encoding="utf-8")
    assert main(["timeoff", "rules", "--time-off", "rules.toml"]) == 0
    (entry,) = ask("timeoff", "earn", "E001", "2026-10-12")[1]["entries"]
    assert (entry["minutes"], entry["origin"]["kind"]) == (120, "workday")


def test_a_late_punch_that_shortens_the_day_shows_a_shortfall(saturday, ask, capfd):
    main(["timeoff", "earn", "E001", "2026-10-17"])
    main(["timeoff", "use", "E001", "--day", "2026-11-02", "--minutes", "360", "--leave", "L"])
    (tmp := saturday.parent / "people.toml").write_text(
        tmp.read_text(encoding="utf-8").replace("break_min = 60", "break_min = 240", 1),
        encoding="utf-8",
    )
    assert main(["import", "people.toml"]) == 0

    _, again = ask("timeoff", "earn", "E001", "2026-10-17")
    assert [(row["kind"], row["minutes"]) for row in again["entries"]] == [
        ("adjusted", -180), ("shortfall", 180),
    ]  # fmt: skip
    found = lots(ask, code=1)
    assert (found["balance"]["owed_min"], found["balance"]["left_min"]) == (180, 0)
    main(["timeoff", "lots", "E001"])
    assert "3:00 SHORTFALL (OPEN)" in capfd.readouterr().out

    lot = found["lots"][0]["lot"]
    assert main(["timeoff", "settle", "E001", lot, "--how", "off November's pay"]) == 0
    assert lots(ask)["balance"]["owed_min"] == 0


def test_time_expires_by_the_plants_own_rule(saturday, tmp_path, capfd):
    (tmp_path / "rules.toml").write_text(EXPIRING, encoding="utf-8")
    assert main(["timeoff", "rules", "--time-off", "rules.toml", "--by", "li"]) == 0
    assert "plant/1 from 2026-01-01: rest_day; expiring_first" in capfd.readouterr().out
    main(["timeoff", "earn", "E001", "2026-10-17"])

    late = ["timeoff", "use", "E001", "--day", "2026-11-02", "--minutes", "60", "--leave", "L"]
    assert main(late) == 3
    assert "ended on 2026-10-31" in capfd.readouterr().err
    assert main(["timeoff", "expire", "--by", "li"]) == 0
    assert "E001 2026-10-17/rest_day: expired 6:00 (could be taken until 2026-10-31)" in (
        capfd.readouterr().out
    )
    assert main(["timeoff", "lots", "E001"]) == 1
    assert "6:00 EXPIRED AND NOT PAID" in capfd.readouterr().out
    assert main(["timeoff", "pay-out", "E001"]) == 0
    assert main(["timeoff", "lots", "E001"]) == 0


def test_rules_beyond_the_law_are_refused_and_nothing_is_stored(plant, ask, tmp_path, capfd):
    text = EXPIRING.replace('"rest_day"', '"statutory_holiday"')
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")

    assert main(["timeoff", "rules", "--time-off", "rules.toml"]) == 3
    assert "rules.toml: edition plant/1: earns statutory_holiday" in capfd.readouterr().err
    assert ask("timeoff", "rules")[1]["time_off"][0]["version"] == "time-off/2025-01"


def test_own_rules_of_counted_overtime_are_used(saturday, ask, tmp_path):
    rule = '[[edition.rule]]\nkind = "{}"\nmode = "punched"\nunit_min = 60\nminimum_min = 420\n'
    text = '[[edition]]\nversion = "p"\nfrom = 2026-01-01\nsource = "s"\n' + "".join(
        map(rule.format, ("workday", "rest_day", "statutory_holiday"))
    )
    (tmp_path / "overtime.toml").write_text(text, encoding="utf-8")
    assert main(["timeoff", "rules", "--overtime", "overtime.toml"]) == 0

    assert ask("timeoff", "earn", "E001", "2026-10-17")[1]["entries"] == []  # 6 h are below 7 h


def test_unknown_people_days_and_lots_are_named(plant, capfd):
    assert main(["timeoff", "lots", "nobody"]) == 3
    assert "'nobody'" in capfd.readouterr().err
    assert main(["timeoff", "earn", "E001", "17.10."]) == 3
    assert main(["timeoff", "settle", "E001", "x", "--how", "paid"]) == 3
    assert main(["timeoff", "settle", "E001", "x", "--how", " "]) == 3
    assert "say how" in capfd.readouterr().err

"""A leaver's last slip: unused annual leave, severance, pay in place of notice, and the tax on them."""

import re
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.approvals.desk import approve
from hr_core.approvals.effects import take_effect
from hr_core.attendance.plan.request import Leave
from hr_core.cli import main
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.law.book import LawBook
from hr_core.law.national import national_law
from hr_core.law.rows import Item
from hr_core.opening.desk import propose_opening
from hr_core.opening.rows import LeaveOpening, OpeningFile, OpeningRow
from hr_core.pay import month_inputs
from hr_core.pay.cn.overtime import unused_leave
from hr_core.pay.cn.severance import Exit
from hr_core.pay.diff.model import Cause
from hr_core.pay.leave.unused import Unused, unused_leave_pay
from hr_core.pay.leaving import Leaving
from hr_core.pay.leaving_desk import leavings, propose_leaving
from hr_core.pay.line_words import words_of
from hr_core.pay.stored_diff import compare_runs
from hr_core.people.changes import Signature
from hr_core.people.moves import leave
from hr_core.store.database import writing
from hr_core.trace.calculation import replay
from hr_core.trace.replayed_run import replay_run
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import (
    OCTOBER,
    SHANGHAI,
    agree,
    amounts,
    law_plant,
    line_of,
    refused,
    run_month,
)

LAST = date(2026, 10, 20)
LEAVING = Leaving(
    person="E1", last_day=LAST, exit="mutual", service_from=date(2021, 3, 1), leave_half_days=20,
    leave_taken_half_days=6, average_wage_fen=1_000_000, reason="agreement of 2026-10-15",
)  # fmt: skip
OVERTIME = national_law().overtime_on(OCTOBER.first)


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    agree(plant)
    with writing(plant.engine) as conn:
        leave(conn, "E1", date(2026, 10, 21), Signature(at=plant.now, by="Wu", reason="moved"))
    yield plant
    plant.engine.dispose()


def signed(plant, leaving=LEAVING):
    with writing(plant.engine) as conn:
        number = propose_leaving(conn, leaving, at=plant.now, by=ANN)
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
    return number


def test_unused_leave_and_severance_are_lines_of_the_last_slip(plant):
    number = signed(plant)
    (run,) = run_month(plant)
    found = amounts(run)
    # 10 days x 293 / 365 = 8.02, less 3 taken = 5 whole days; 10,000 / 21.75 x 200 % x 5
    assert found["leave_pay"] == 459_770
    # 2021-03-01 to 2026-10-20: five years and more than six months = six
    assert found["severance"] == 6_000_000
    assert found["severance_tax"] == 0, "below three average year wages"
    assert "notice_pay" not in found
    leave_pay, severance = line_of(run, "leave_pay"), line_of(run, "severance")
    assert leave_pay.trace.facts["days"] == "5"
    assert severance.trace.facts["leaving"] == (
        f"approval {number}, entered by ann, approved by bob"
    )
    assert {one.item for one in severance.trace.law} == {
        "severance", "average_month_wage", "minimum_wage",
    }  # fmt: skip
    tax = line_of(run, "income_tax").trace
    assert "leave_pay" in {one.code for one in tax.lines}, "taxed with the wage"
    assert "severance" not in {one.code for one in tax.lines}, "taxed apart"
    with plant.engine.connect() as conn:
        assert replay_run(conn, 1).holds


def test_the_caps_and_the_tax_above_the_free_part(plant):
    signed(
        plant,
        replace(
            LEAVING, exit="with_notice", notice_pay=True, average_wage_fen=5_000_000,
            service_from=date(2009, 3, 1),
        ),
    )  # fmt: skip
    (run,) = run_month(plant)
    found = amounts(run)
    cap = 3 * 1_257_700
    assert found["severance"] == 12 * cap, "three average wages, twelve years"
    assert found["notice_pay"] == SHANGHAI.base_fen
    assert 12 * cap == 36 * 1_257_700, "as much as is free of tax"
    assert found["severance_tax"] == -30_000, "3 % of the month in place of notice"


def test_a_resignation_owes_leave_and_no_severance(plant):
    signed(plant, replace(LEAVING, exit="resignation", average_wage_fen=None))
    (run,) = run_month(plant)
    assert amounts(run)["leave_pay"]
    assert not {"severance", "severance_tax"} & set(amounts(run))


def test_an_unlawful_dismissal_owes_twice(plant):
    signed(plant, replace(LEAVING, exit="unlawful"))
    (run,) = run_month(plant)
    assert amounts(run)["severance"] == 12_000_000


def test_who_left_without_a_leaving_is_told(plant):
    (run,) = run_month(plant)
    (told,) = [one.why for one in run.findings.to_check if one.number == "E1"]
    assert "left on 2026-10-20, and no leaving is approved" in told
    assert "hr-core pay leaving add" in told
    signed(plant)
    (run,) = run_month(plant)
    assert not [one for one in run.findings.to_check if one.number == "E1"]


def test_leave_that_nobody_knows_refuses_the_person(plant):
    signed(plant, replace(LEAVING, leave_taken_half_days=None))
    (run,) = run_month(plant)
    what, remedy = refused(run)["E1"]
    assert "annual leave was taken in 2026-01, 2026-02" in what
    assert "2026-09" in what
    assert "--leave-taken" in remedy


def test_a_wage_that_nobody_knows_refuses_the_person(plant):
    signed(plant, replace(LEAVING, average_wage_fen=None))
    (run,) = run_month(plant)
    what, remedy = refused(run)["E1"]
    assert "2025-10" in what
    assert "2026-09" in what
    assert "--average-wage" in remedy


def test_a_city_without_its_average_wage_refuses_the_person(plant, monkeypatch):
    known = month_inputs.law_of

    def without_average(conn, *, allow_unverified):
        book = known(conn, allow_unverified=allow_unverified)
        rows = (row for row in book.rows if row.item is not Item.AVERAGE_WAGE)
        return LawBook(rows, allow_unverified=allow_unverified)

    monkeypatch.setattr(month_inputs, "law_of", without_average)
    signed(plant)
    (run,) = run_month(plant)
    what, remedy = refused(run)["E1"]
    for part in ("上海", "average_month_wage", "2025-12-31"):
        assert part in what
    assert "hr-core law import" in remedy


def test_the_average_wage_and_the_leave_come_from_slips_and_openings(plant):
    plant.press("1 2026-09-01T07:55", "1 2026-09-01T17:05")
    row = OpeningRow(
        person="E1", balance=LeaveOpening(leave="annual", year=2026, half_days=10), source="old, 2"
    )
    earlier = OpeningRow(
        person="E1", balance=LeaveOpening(leave="annual", year=2025, half_days=3), source="old, 3"
    )
    file = OpeningFile(
        file="o.toml", source="old", first_month="2026-09", rows=(row, earlier)
    )  # fmt: skip
    with writing(plant.engine) as conn:
        number = propose_opening(conn, file, at=plant.now, by=ANN).approval
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
    run_month(plant, month=Month(2026, 9))
    approve_run(plant, Month(2026, 9))
    signed(
        plant,
        replace(
            LEAVING, average_wage_fen=None, leave_taken_half_days=None, service_from=date(2026, 9, 1)
        ),
    )  # fmt: skip
    (run,) = run_month(plant)
    severance, leave_pay = line_of(run, "severance"), line_of(run, "leave_pay")
    assert severance.trace.facts["average_of"] == "2026-09"
    assert severance.amount_fen == SHANGHAI.base_fen // 2, "less than six months"
    # 10 x 50 / 365 is less than the 5 that were taken before September: only the old 1.5 days are due.
    assert leave_pay.trace.facts["days"] == "3/2"
    assert leave_pay.amount_fen == 137_931


def test_stored_leave_is_more_than_the_leaving_says(plant):
    agree(plant, "E2")
    with writing(plant.engine) as conn:
        leave(conn, "E2", date(2026, 10, 21), Signature(at=plant.now, by="Wu", reason="moved"))
    plant.approve(Leave(leave="annual", first=date(2026, 10, 13), last=date(2026, 10, 14)), "E2")
    signed(plant, replace(LEAVING, person="E2", leave_taken_half_days=2))
    (run,) = run_month(plant)
    what, remedy = refused(run)["E2"]
    assert "2026-10-13, 2026-10-14" in what
    assert "--leave-taken" in remedy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"exit": "vanished"}, "none of mutual"),
        ({"last_day": date(2026, 10, 19)}, "2026-10-20"),
        ({"exit": "resignation", "notice_pay": True}, "in place of notice"),
        ({"service_from": date(2026, 11, 1)}, "after the last day"),
        ({"average_wage_fen": 0}, "not above zero"),
        ({"leave_half_days": -1}, "half days"),
    ],
)
def test_a_leaving_that_cannot_be_is_refused(plant, change, said):
    with (
        writing(plant.engine) as conn,
        pytest.raises(RefusedError, match=said),
    ):
        propose_leaving(conn, replace(LEAVING, **change), at=plant.now, by=ANN)


def test_it_takes_two_and_nobody_approves_the_own(plant):
    with writing(plant.engine) as conn:
        number = propose_leaving(conn, LEAVING, at=plant.now, by=ANN)
    with pytest.raises(RefusedError), writing(plant.engine) as conn:
        approve(conn, number, at=plant.now, by=ANN)
    with plant.engine.connect() as conn:
        assert leavings(conn) == {}


def test_the_difference_has_its_cause_and_its_words(plant):
    run_month(plant)
    signed(plant)
    (run,) = run_month(plant)
    with plant.engine.connect() as conn:
        found = compare_runs(conn, 1, 2)
    by_line = {one.code: {part.cause for part in one.parts} for one in found.lines}
    assert Cause.UNKNOWN not in {cause for causes in by_line.values() for cause in causes}
    assert Cause.INPUT in by_line["severance"]
    assert Cause.INPUT in by_line["leave_pay"]
    for lang, said in (("zh", "未休 5 天"), ("en", "5 days not taken")):
        assert said in words_of(line_of(run, "leave_pay"), lang).sentence
    assert "月平均工资 10,000.00" in words_of(line_of(run, "severance"), "zh").sentence
    assert "no tax" in words_of(line_of(run, "severance_tax"), "en").sentence


@given(
    half_days=st.integers(0, 40),
    employed=st.integers(1, 366),
    before=st.integers(0, 20 * 480),
    here=st.integers(0, 20 * 480),
    earlier=st.integers(0, 20),
    wage=st.integers(1, 10_000_000),
)
def test_unused_leave_replays_to_the_law_of_whole_days(
    half_days, employed, before, here, earlier, wage
):
    made = unused_leave_pay(
        Unused(
            half_days_a_year=half_days, employed_days=employed, taken_before_min=before,
            taken=((date(2026, 1, 5), here),), earlier_half_days=earlier,
        ),
        wage,
        OVERTIME,
    )  # fmt: skip
    drawn = min(here, earlier * 240)
    own = Fraction(half_days, 2) * employed / 365 - Fraction(before + here - drawn, 480)
    days = max(0, own.__floor__()) + Fraction(earlier * 240 - drawn, 480)
    assert made.trace.facts["days"] == str(days)
    assert made.fen == replay(made.trace) == unused_leave(days, wage, OVERTIME).fen


def test_each_exit_has_its_words_and_owes_what_the_law_says():
    owing = {one for one in Exit if one.times == 1}
    assert owing == {
        Exit.MUTUAL, Exit.EMPLOYER_AT_FAULT, Exit.WITH_NOTICE, Exit.LAYOFF, Exit.EXPIRED, Exit.CLOSED,
    }  # fmt: skip
    assert [one for one in Exit if one.times == 2] == [Exit.UNLAWFUL]


def test_the_commands_enter_and_list_a_leaving(plant, capfd):
    db = str(plant.engine.url.database)
    asked = [
        "--db", db, "pay", "leaving", "add", "E1", "--last-day", "2026-10-20", "--exit", "layoff",
        "--service-from", "2021-03-01", "--leave-days", "7.5", "--leave-taken", "3",
        "--average-wage", "9000.00", "--reason", "line closed", "--by",
    ]  # fmt: skip
    assert main([*asked, "wu"]) == 0
    (number,) = re.findall(r"hr-core approvals approve (\d+)", capfd.readouterr().out)
    assert main([*asked, "wu"]) == 3
    assert f"waits already as approval {number}" in capfd.readouterr().err
    assert main(["--db", db, "approvals", "list"]) == 0
    assert "2026-10-20" in capfd.readouterr().out
    assert main(["--db", db, "approvals", "approve", number, "--by", "wu"]) == 3
    assert main(["--db", db, "approvals", "approve", number, "--by", "zhao"]) == 0
    assert main(["--db", db, "pay", "leaving", "list", "--month", "2026-10"]) == 0
    told = capfd.readouterr().out
    for part in (
        "2026-10-20  E1  layoff",
        "7.5 days of leave a year",
        "3 taken",
        "by wu",
        "by zhao",
    ):
        assert part in told
    assert main([*asked[:12], "--leave-days", "7.3", "--reason", "x"]) == 3

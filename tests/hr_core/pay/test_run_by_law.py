"""A month paid by the law of a city: lines, sides, law rows, and who is refused."""

from datetime import date

import pytest
from msgspec.structs import replace

from hr_core.attendance.plan.request import Leave
from hr_core.pay.slip import Side
from tests.hr_core.pay.law_plant import (
    OCTOBER,
    SHANGHAI,
    agree,
    amounts,
    enter,
    law_plant,
    line_of,
    refused,
    run_month,
    slip_of,
)


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    yield plant
    plant.engine.dispose()


def test_a_month_in_shanghai_from_the_agreed_wage_to_the_net(plant):
    agree(plant)
    (run,) = run_month(plant)
    assert amounts(run) == {
        "base": 1_000_000,
        "overtime_workday": 17_241,  # 10,000 / 21.75 / 8 x 2 x 1.5 = 172.41
        "pension_employee": -80_000,
        "medical_employee": -20_000,
        "unemployment_employee": -5_000,
        "housing_fund_employee": -70_000,
        "income_tax": 0,
        "pension_employer": 160_000,
        "medical_employer": 90_000,
        "unemployment_employer": 5_000,
        "injury_employer": 2_000,
        "housing_fund_employer": 70_000,
    }
    slip = slip_of(run)
    assert (slip.earned_fen, slip.deducted_fen) == (1_017_241, -175_000)
    assert slip.total_fen == 842_241
    assert slip.employer_fen == 327_000
    (row,) = line_of(run, "pension_employee").trace.law
    assert (row.city, row.item, row.since) == ("上海", "pension", "2026-07-01")
    assert (row.status, row.version) == (
        "secondary", "上海/pension/2026-07-01, notice of 2026-08-18",
    )  # fmt: skip
    overtime = line_of(run, "overtime_workday").trace
    assert [day.day for day in overtime.days] == ["2026-10-12"]
    assert len(overtime.event_ids) == 2


def test_whoever_has_no_agreement_is_refused_with_the_remedy_and_the_others_are_paid(plant):
    agree(plant)
    (run,) = run_month(plant)
    assert [slip.number for slip in run.slips] == ["E1"]
    what, remedy = refused(run)["E2"]
    assert "no pay agreement" in what
    assert "HR enters" in remedy
    assert "hr-core pay agreements import" in remedy
    assert run.needs_a_look


@pytest.mark.parametrize(
    ("terms", "what", "who"),
    [
        (replace(SHANGHAI, insurance_base_fen=None), "no base of social insurance", "HR enters"),
        (replace(SHANGHAI, fund_base_fen=None), "no base of housing fund", "HR enters"),
        (replace(SHANGHAI, city="大阪"), "大阪: there is no pension", "law"),
        (replace(SHANGHAI, city=""), "names no city", "HR enters"),
        (replace(SHANGHAI, base_fen=250_000), "below the minimum wage", "HR raises"),
        (replace(SHANGHAI, floating_percent="39.9", post_type="marketing"), "39.9 %", "HR enters"),
        (replace(SHANGHAI, floating_percent="15", post_type="sales"), "'sales'", "HR enters"),
        (replace(SHANGHAI, special_deductions={"yacht": 1}), "yacht", "one of"),
        (replace(SHANGHAI, allowances={"meal": 1}, untaxed={"yacht": 1}), "yacht", "HR enters"),
    ],
)
def test_each_refusal_says_what_is_wrong_and_who_can_mend_it(plant, terms, what, who):
    agree(plant, terms=terms)
    (run,) = run_month(plant)
    told, remedy = refused(run)["E1"]
    assert what in told
    assert who in remedy


def test_forty_percent_floats_and_the_parts_are_the_whole(plant):
    agree(plant, terms=replace(SHANGHAI, floating_percent="40", post_type="marketing"))
    (run,) = run_month(plant)
    found = amounts(run)
    assert (found["base"], found["floating"]) == (600_000, 400_000)
    assert "no result is locked" in line_of(run, "floating").note


def test_a_share_that_changes_in_the_month_counts_by_its_days(plant):
    terms = replace(SHANGHAI, floating_percent="10")
    agree(plant, terms=terms)
    agree(plant, terms=replace(terms, floating_percent="20"), since=date(2026, 10, 19))
    (run,) = run_month(plant)
    found = amounts(run)
    # 21 paid days (three of them holidays), 11 before the 19th: 10,000 x (11 x 10 % + 10 x 20 %) / 21
    trace = line_of(run, "floating").trace
    assert trace.facts["paid_days"] == "21"
    assert found["floating"] == 147_619
    assert found["base"] + found["floating"] == 1_000_000


def test_unpaid_leave_of_a_day_comes_off_the_base(plant):
    agree(plant, person="E2")
    on = date(2026, 10, 14)
    plant.approve(Leave(leave="personal", first=on, last=on), person="E2")
    (run,) = run_month(plant)
    base = line_of(run, "base", "E2")
    assert base.amount_fen == 1_000_000 - 45_977
    assert [day.day for day in base.trace.days] == ["2026-10-14"]
    assert "1 of them unpaid leave" in base.note


def test_entered_sums_are_lines_that_name_both_people(plant):
    agree(plant)
    instant = enter(plant, "instant_bonus", 50_000)
    annual = enter(plant, "annual_bonus", 3_600_000, name="2026")
    advance = enter(plant, "advance", 100_000, name="October 10")
    untaxed = enter(plant, "untaxed", 20_000, name="missed_meal")
    (run,) = run_month(plant)
    found = amounts(run)
    assert found[f"instant_bonus_{instant}"] == 50_000
    assert found[f"entered_untaxed_{untaxed}"] == 20_000
    assert found[f"annual_bonus_{annual}"] == 3_600_000
    assert found["bonus_tax"] == -108_000  # 36,000 / 12 = 3,000: 3 %
    assert found[f"advance_{advance}"] == -100_000
    line = line_of(run, f"instant_bonus_{instant}")
    assert "entered by Wu, approved by Zhao" in line.trace.source
    tax = line_of(run, "income_tax").trace
    assert sum(one.amount_fen for one in tax.lines) == 1_017_241 + 50_000
    assert line_of(run, "pension_employer").side is Side.EMPLOYER


def test_an_advance_over_the_net_is_refused(plant):
    agree(plant)
    enter(plant, "advance", 9_000_000, name="too much")
    (run,) = run_month(plant)
    assert "more than the net" in refused(run)["E1"][0]


def test_damages_come_off_in_parts(plant):
    agree(plant)
    number = enter(plant, "damages", 900_000, name="a broken mould")
    (run,) = run_month(plant)
    line = line_of(run, f"damages_{number}")
    assert line.amount_fen == -203_448  # 20 % of 10,172.41
    assert "¥6,965.52 waits" in line.note


def test_the_tax_of_the_year_goes_on_from_the_month_before(plant):
    agree(plant, terms=replace(SHANGHAI, base_fen=8_000_000))
    run_month(plant)
    (again,) = run_month(plant)
    first = line_of(again, "income_tax")
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05")
    (november,) = run_month(plant, month=type(OCTOBER)(2026, 11))
    tax = line_of(november, "income_tax")
    steps = {step.name: step for step in tax.trace.steps}
    assert steps["due"].of[1] == -first.amount_fen
    assert "of 2026-10" in tax.trace.facts["year_so_far"]


def test_earlier_months_of_which_nothing_is_known_are_told(plant):
    agree(plant)
    (october,) = run_month(plant)
    assert line_of(october, "income_tax").trace.facts["months_not_known"] == "9"
    assert october.findings.tax_year_not_known == ("E1",)
    assert october.findings.any()
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05")
    (november,) = run_month(plant, month=type(OCTOBER)(2026, 11))
    assert line_of(november, "income_tax").trace.facts["months_not_known"] == "9"


def test_a_scheme_without_law_asks_for_no_tax_year(plant):
    agree(plant)
    (demo,) = run_month(plant, "demo")
    assert demo.findings.tax_year_not_known == ()


def test_a_month_that_goes_on_is_told(plant):
    agree(plant)
    (october,) = run_month(plant)
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05")
    (november,) = run_month(plant, month=type(OCTOBER)(2026, 11))
    assert not october.findings.month_goes_on
    assert november.findings.month_goes_on
    assert november.findings.any()

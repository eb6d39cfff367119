"""Runs by Chinese law beside each other: what a person changed is what the comparison names."""

from datetime import date

import pytest
from msgspec.structs import replace

from hr_core.pay.diff.model import Cause
from hr_core.pay.diff.reason_text import reason_text
from hr_core.pay.diff.runs import amounts, apply
from hr_core.pay.stored_diff import compare_runs, run_side
from tests.hr_core.pay.law_plant import SHANGHAI, agree, enter, law_plant, run_month


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    agree(plant)
    enter(plant, "bonus", 5_000_000)  # so much that the tax is not zero
    run_month(plant)
    yield plant
    plant.engine.dispose()


def compared(plant):
    """A second run of now, beside the first; checked against what is stored of both."""
    run_month(plant)
    with plant.engine.connect() as conn:
        found = compare_runs(conn, 1, 2)
        assert apply(found, amounts(run_side(conn, 1))) == amounts(run_side(conn, 2))
    assert found.proof.holds
    assert found.unexplained == 0
    return found


def parts(found):
    return {line.code: {part.cause.value: part.fen for part in line.parts} for line in found.lines}


def texts(found, code):
    (line,) = (line for line in found.lines if line.code == code)
    return [reason_text(reason) for reason in line.reasons]


def test_nothing_changed(plant):
    assert compared(plant).identical


def test_a_raise_is_the_agreement_and_the_tax_follows(plant):
    agree(plant, terms=replace(SHANGHAI, base_fen=1_200_000))
    found = compared(plant)
    assert parts(found) == {
        "base": {"agreement": 200_000},
        "overtime_workday": {"agreement": 3_449},
        "income_tax": {"follows": -6_104},
    }
    assert texts(found, "income_tax") == [
        "follows line base: ¥10,000.00 -> ¥12,000.00",
        "follows line overtime_workday: ¥172.41 -> ¥206.90",
    ]


def test_another_base_of_insurance_reaches_the_tax_by_the_shares(plant):
    agree(plant, terms=replace(SHANGHAI, insurance_base_fen=1_100_000))
    found = compared(plant)
    assert found.by_cause() == {Cause.AGREEMENT: -10_500, Cause.FOLLOWS: 315}
    assert texts(found, "pension_employee") == ["base: ¥10,000.00 -> ¥11,000.00"]
    moved = "pension_employee, medical_employee, unemployment_employee"  # the sum has the fund too
    assert texts(found, "income_tax") == [f"follows line {moved}: -¥1,750.00 -> -¥1,855.00"]


def test_a_late_punch_is_named_and_the_rest_follows(plant):
    plant.press("1 2026-10-13T20:05", until="2026-11-20T00:00")
    found = compared(plant)
    assert set(found.by_cause()) == {Cause.INPUT, Cause.FOLLOWS}
    assert texts(found, "overtime_workday")[0].startswith("punch on 2026-10-13: new, ")


def test_a_part_of_the_wage_that_floats_from_now_on(plant):
    agree(plant, terms=replace(SHANGHAI, floating_percent="40", post_type="marketing"))
    found = compared(plant)
    assert parts(found) == {"base": {"agreement": -400_000}, "floating": {"agreement": 400_000}}
    assert "floating_percent_1: new, 40" in texts(found, "base")


def test_special_deductions_and_a_raise_share_the_tax(plant):
    claimed = replace(SHANGHAI, base_fen=1_200_000, special_deductions={"elderly_support": 150_000})
    agree(plant, terms=claimed)
    found = compared(plant)
    assert set(parts(found)["income_tax"]) == {"agreement", "follows"}
    assert parts(found)["income_tax"]["follows"] == -6_104


def test_entered_sums_and_an_agreement_within_the_month(plant):
    enter(plant, "advance", 100_000, name="October 10")
    agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000), since=date(2026, 10, 19))
    found = compared(plant)
    assert found.by_cause()[Cause.INPUT] == -100_000
    assert {line.cause for line in found.lines} == {Cause.INPUT, Cause.AGREEMENT, Cause.FOLLOWS}


def test_who_was_refused_comes_with_who_can_mend_it(plant):
    agree(plant, person="E2")
    found = compared(plant)
    (one,) = found.only
    assert (one.person, one.in_first, one.refused) == ("E2", False, True)
    assert "no pay agreement" in one.why
    assert "HR enters" in one.remedy
    assert found.by_cause() == {Cause.PERSON: one.total_fen}

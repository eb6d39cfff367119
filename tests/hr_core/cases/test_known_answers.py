"""Known answers of four systems and of issues: what does not pass is told, with its reason."""

import re
from pathlib import Path

import pytest

from hr_core.cases.files import cases_of
from hr_core.cases.run import run_case, summary

FAMILIES = (
    "attendance_overtime.timetrex",
    "attendance_punch_shift_rounding.timetrex",
    "overtime_periods.timetrex",
    "attendance_premium.timetrex",
    "rounding.timetrex",
    "overtime.odoo",
    "attendance_shift.frappe",
    "attendance_punch_detection.timetrex",
    "attendance_meal_break.timetrex",
    "rounding.kimai",
    "issues.various",
    "payment_days.frappe",
    "cn_overtime.rules",
)
PAGE = Path(__file__).parents[3] / "docs/attendance-cases.md"
ROW = re.compile(r"^\| (\S+) \| (failed|unsupported) \|", re.MULTILINE)


def run_file(file):
    return [run_case(case) for case in cases_of(file)]


@pytest.fixture(scope="module")
def told():
    return dict(ROW.findall(PAGE.read_text()))


@pytest.mark.parametrize("family", FAMILIES)
def test_no_case_fails_that_the_page_does_not_explain(shared_data, told, family):
    results = run_file(shared_data / "hr/cases" / f"{family}.json")

    print(family, summary(results))
    assert any(result.result == "passed" for result in results)
    short = {result.case: result.result for result in results if result.result != "passed"}
    assert short == {case: told[case] for case in short if case in told}


def test_the_page_names_no_case_that_passes(shared_data, told):
    results = [
        result
        for family in FAMILIES
        for result in run_file(shared_data / "hr/cases" / f"{family}.json")
    ]

    assert {result.case for result in results if result.result != "passed"} == set(told)
    assert len(results) == 560
    assert summary(results)["passed"] == 544


ROUNDING = {
    "id": "any",
    "kind": "round_instant",
    "input": {"time": "08:08", "interval_seconds": 900, "mode": "nearest", "grace_seconds": 0},
    "expect": {"time": "08:15:00"},
}


def test_a_case_passes_and_fails_by_its_answer():
    assert run_case(ROUNDING).result == "passed"
    assert run_case(ROUNDING | {"expect": {"time": "08:00:00"}}).result == "failed"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "round_moon"},
        {"input": ROUNDING["input"] | {"phase": "full"}},
        {"input": ROUNDING["input"] | {"mode": "sideways"}},
        {"expect": {"time": "08:15:00", "colour": "blue"}},
        {"property": True},
        {"weather": "rain"},
    ],
)
def test_what_the_engine_has_no_concept_for_is_unsupported(change):
    assert run_case(ROUNDING | change).result == "unsupported"


def test_a_step_or_rule_without_a_concept_is_unsupported():
    setup = {
        "timezone": "America/Vancouver",
        "week_starts": "sunday",
        "day_rule": "day_shift_starts",
        "max_shift_seconds": 57600,
        "new_shift_gap_seconds": 14400,
    }
    case = {"id": "any", "setup": setup, "rules": [], "steps": []}

    assert run_case(case).result == "passed"
    assert run_case(case | {"steps": [{"op": "dance"}]}).result == "unsupported"
    assert run_case(case | {"rules": [{"kind": "dance"}]}).result == "unsupported"
    assert run_case(case | {"setup": setup | {"moon": 1}}).result == "unsupported"

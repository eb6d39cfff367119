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


def result_of(kind, given, expect):
    return run_case({"id": "any", "kind": kind, "input": given, "expect": expect}).result


@pytest.mark.parametrize(
    ("expect", "result"),
    [
        ({"by_month": {"2025-12": 2, "2026-01": 6}, "sum": 8}, "passed"),
        ({"parts": [2, 6]}, "passed"),
        ({"parts": [3, 5]}, "failed"),
    ],
)
def test_work_over_the_end_of_a_month_is_split(expect, result):
    given = {"attendance": ["2025-12-31T22:00", "2026-01-01T06:00"]}

    assert result_of("split_month", given, expect) == result


@pytest.mark.parametrize(
    ("expect", "result"),
    [
        ({"before": "A", "after": "B", "if_marked": "A"}, "passed"),
        ({"before": "A", "after": "B", "if_marked": "B"}, "failed"),
        ({"before": {"shift": "A", "shift_start": "2026-03-02T08:00"}}, "passed"),
        ({"colour": "A"}, "unsupported"),
    ],
)
def test_a_new_assignment_is_asked_again_unless_the_day_is_marked(expect, result):
    given = {
        "shifts": [{"name": name, "start": "08:00", "end": "16:00"} for name in "AB"],
        "assignments": [{"shift": "A", "from": "2026-03-02", "to": None}],
        "new_assignment": {"shift": "B", "from": "2026-03-02", "to": None},
        "punch": "2026-03-02T08:05",
    }

    assert result_of("resolve_shift_again", given, expect) == result


def test_a_case_that_asserts_nothing_is_not_passed():
    assert run_case(ROUNDING | {"expect": {"note": "a rule in words"}}).result == "unsupported"
    assert run_case(ROUNDING | {"expect": {}}).result == "unsupported"


@pytest.mark.parametrize(
    ("kind", "expect", "result"),
    [
        ("line_alert", {"line_alert": True}, "passed"),
        ("defect_grade", {"rate_percent": 5.01, "grade": "D", "manager_alert": True}, "passed"),
        ("defect_grade", {"rate_percent": 5.02}, "failed"),
        ("defect_grade", {"grade": "D", "consequence": {"training": "x"}}, "unsupported"),
    ],
)
def test_defect_rates_are_answered_by_the_house_rules(kind, expect, result):
    assert result_of(kind, {"inspected": 10_000, "defects": 501}, expect) == result


def test_the_halves_of_a_month_add_up_to_its_wage():
    given = {"month": "2026-01", "monthly_wage": 6200.01}

    assert result_of("split_month", given, {"sum": 6200.01, "parts": [3000, 3200.01]}) == "passed"

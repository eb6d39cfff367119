"""Known answers of pay, tax and performance; each key of the closed list is understood."""

import re
from pathlib import Path

import pytest

from hr_core.cases.files import cases_of
from hr_core.cases.run import run_case, summary

FAMILIES = ("cn_pay.shanghai", "cn_iit.tables", "cn_overtime.rules", "kpi_grades.seeds")
PAGE = Path(__file__).parents[3] / "docs/pay-cases.md"
ROW = re.compile(r"^\| (\S+) \| (failed|unsupported) \|", re.MULTILINE)
COUNTED = re.compile(r"Of (\d+)\s+cases in four families \(.*?\) (\d+) pass", re.DOTALL)


def test_the_page_and_the_results_are_equal(shared_data):
    results = [
        run_case(case)
        for family in FAMILIES
        for case in cases_of(shared_data / "hr/cases" / f"{family}.json")
    ]
    page = PAGE.read_text()

    assert {one.case: str(one.result) for one in results if one.result != "passed"} == dict(
        ROW.findall(page)
    )
    counted = COUNTED.search(page)
    assert counted is not None
    assert (int(counted[1]), int(counted[2])) == (len(results), summary(results)["passed"])
    assert summary(results)["passed"] >= 0.97 * len(results)


FACTS = {"injury_rate": 0.2, "unemp_er": 0.5, "unemp_ee": 0.5, "hf_rate": 7, "hf_supp": 0}
MONTH = {
    "city": "上海", "period": "2026-01", "facts": FACTS, "hired": "2025-06-02",
    "wage": 21750, "si_base": 21750, "hf_base": 21750,
}  # fmt: skip


def month_pay(expect, **changes):
    given = {key: value for key, value in (MONTH | changes).items() if value is not ...}
    return run_case({"id": "any", "kind": "cn_month_pay", "input": given, "expect": expect})


def passes(expect, **changes):
    found = month_pay(expect, **changes)
    assert (found.result, found.differences) == ("passed", ())


def test_overtime_of_three_kinds_of_day_is_paid_and_taxed():
    work = [
        {"date": "2026-01-01", "day_kind": "statutory_holiday", "hours": 8},
        {"date": "2026-01-10", "day_kind": "rest_day", "hours": 4},
        {"date": "2026-01-12", "day_kind": "workday", "hours": 1.5},
        {"date": "2026-01-13", "day_kind": "workday", "hours": 0.5},
    ]
    passes(
        {
            "overtime": {
                "workday": 375, "rest_day": 1000, "statutory_holiday": 3000, "total": 4375,
            },
            "gross": 26125,
            "iit": 519.55,
            "parts": {"wages": 21750},
        },
        overtime=work,
        holidays=["2026-01-01"],
    )  # fmt: skip


def test_time_off_settles_rest_days_alone():
    work = [
        {"date": "2026-01-10", "day_kind": "rest_day", "hours": 8, "time_off_in_lieu": True},
        {"date": "2026-01-12", "day_kind": "workday", "hours": 1, "time_off_in_lieu": True},
    ]

    passes({"overtime": {"rest_day": 0, "workday": 187.5, "total": 187.5}}, overtime=work)


def test_overtime_beyond_the_limit_is_paid_with_a_warning():
    work = [{"date": f"2026-01-{day}", "day_kind": "workday", "hours": 4} for day in range(12, 22)]

    passes({"gross": 21750 + 7500, "warning": "over 36 hours"}, overtime=work)


def test_the_first_month_of_a_first_job_has_no_fund():
    passes(
        {
            "gross": 13000,
            "lines": {"pension": {"employee": 1740, "employer": 3480}, "housing_fund": None},
            "iit": 171.49,
            "net": 13000 - 2283.75 - 171.49,
        },
        period="2025-12",
        hired="2025-12-15",
        hf_first_ever=True,
    )


def test_unused_leave_and_resignation():
    passes(
        {
            "parts": {"wages": 10000, "leave_pay": 4000, "severance": 0},
            "gross": 14000,
            "iit_severance": None,
        },
        period="2026-03",
        left="2026-03-13",
        exit="resignation",
        unused_leave_days=2,
    )


def test_an_unlawful_dismissal_costs_double_and_the_excess_is_taxed_apart():
    # 40,000 is above three averages (37,731): 20 years of service count as 12, twice.
    passes(
        {
            "parts": {"severance": 905544},
            "iit_severance": 905544 / 2 * 0.3 - 52920,
        },
        period="2026-03",
        hired="2025-06-02",
        left="2026-03-31",
        wage=40000,
        carried_service_months=240,
        exit="unlawful dismissal (double)",
    )


@pytest.mark.parametrize(
    ("left", "years"),
    [("2026-03-31", 0.5), ("2026-06-30", 0.5), ("2026-07-01", 1), ("2026-07-30", 1)],
)
def test_half_a_year_of_service_counts_from_its_first_day(left, years):
    passes(
        {"parts": {"severance": 20000 * years}},
        hired="2026-01-02",
        left=left,
        period=left[:7],
        wage=20000,
        exit="mutual, proposed by employer",
    )


def test_what_the_fund_pays_for_maternity_comes_off_the_leave_wage():
    leave = {"kind": "maternity", "from": "2025-12-20", "to": "2026-05-26"}

    passes({"gross": 9316}, paid_leave=leave, maternity_allowance_offset=12434)
    passes({"gross": 0}, paid_leave=leave, maternity_allowance_offset=30000)


def test_a_bonus_is_taxed_apart_once_a_year():
    january = {"2026-01": 36000}

    passes({"gross": 57750, "iit_bonus": 1080}, annual_bonus_separate_in=january)
    passes(
        {"gross": 21750, "iit_bonus": 0, "iit": 388.3},
        period="2026-02",
        earlier_runs=["2026-01"],
        annual_bonus_separate_in=january,
    )
    passes(
        {"refused": "once a year"},
        period="2026-02",
        earlier_runs=["2026-01"],
        annual_bonus_separate_in=january,
        annual_bonus_separate=1000,
    )
    passes(
        {"iit_bonus": 1080},
        annual_bonus_separate_in={"2025-12": 10000},
        annual_bonus_separate=36000,
    )


@pytest.mark.parametrize(
    ("claimed", "counted"),
    [
        ({"elderly_support": 3000}, 1500),
        ({"child_education": 2000, "continuing_education": 500}, 2400),
        ({"housing_loan_interest": 1200, "infant_care": 2000}, 3000),
    ],
)
def test_special_deductions_are_capped(claimed, counted):
    taxable = 21750 - 5000 - 2283.75 - 1523 - counted

    passes({"iit": round(taxable * 0.03 + 1e-9, 2)}, special_deductions=claimed)


def test_an_only_child_deducts_the_whole_support_of_its_parents():
    passes({"iit": 298.3}, special_deductions={"elderly_support": 3000}, only_child=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"special_deductions": {"major_medical": 20000}},
        {"special_deductions": {"moon": 1}},
        {"untaxed": {"meal_subsidy": 300}},
        {"si_base": ...},
        {"hf_base": ...},
        {"facts": FACTS | {"hf_rate": 8}},
        {"facts": FACTS | {"hf_rate": 6.5}},
        {"facts_change": {"hf_supp": 6}},
        {"hired": "2026-02-01"},
        {"left": "2025-12-31"},
        {"wage": ..., "wages": [{"wage": 21750, "from": "2026-01-15"}], "hired": "2026-01-01"},
        {"city": "湖心"},
        {"period": "2024-01", "hired": "2023-01-01"},
    ],
)
def test_what_cannot_be_paid_is_refused(changes):
    assert month_pay({"refused": "some words about it"}, **changes).result == "passed"
    assert month_pay({"gross": 21750}, **changes).result == "failed"


@pytest.mark.parametrize(
    "changes",
    [
        {"moon": 1},
        {"facts": FACTS | {"moon": 1}},
        {"exit": "by the window"},
        {"paid_leave": {"kind": "sick", "from": "2026-01-05", "to": "2026-01-09"}},
        {"overtime": [{"date": "2026-01-10", "day_kind": "rest_day", "hours": 1, "moon": 2}]},
        {"wage": "much"},
        {"wages": [{"wage": 1, "from": "2026-01-01"}]},
    ],
)
def test_what_the_format_does_not_know_is_unsupported(changes):
    assert month_pay({"gross": 21750}, **changes).result == "unsupported"


def test_a_refusal_that_was_not_made_is_a_failure():
    assert month_pay({"refused": "should not be paid"}).result == "failed"


def test_too_much_tax_waits_for_the_next_month():
    """A high January, then little: nothing is paid back in the year."""
    wages = [
        {"wage": 60000, "from": "2025-06-02", "to": "2026-01-31"},
        {"wage": 8000, "from": "2026-02-01"},
    ]

    passes(
        {"iit": 0, "iit_by_month": {"2026-02": 0}},
        period="2026-02",
        wage=...,
        wages=wages,
        earlier_runs=["2026-01"],
    )


@pytest.mark.parametrize(
    ("kind", "given", "expect"),
    [
        ("annual_bonus_separate", {"bonus": 60000, "tax_resident": False}, {"tax": 4740}),
        (
            "bonus_choice",
            {"monthly_wage": 20000, "monthly_si_hf": 4500, "bonus": 36000, "method": "better"},
            {"method": "separate", "year_tax": 11160},
        ),
        ("iit_cumulative", {"months": [{"income": 20000}] * 3}, {"tax_last": 1080}),
        ("grade_pay", {"monthly_pay": 6000, "grade": "A"}, {"new_monthly": 6900, "raise": 900}),
        ("completion_tier", {"done": 59.99, "goal": 100}, {"tier": None}),
        ("completion_tier", {"done": 7, "goal": 7}, {"tier": "outstanding"}),
        ("performance_share", {"post": "marketing", "share_percent": 40}, {"accepted": True}),
        ("performance_share", {"post": "staff", "share_percent": 20}, {"accepted": True}),
        (
            "two_way_score",
            {"self": 80.1, "manager": 85.2, "tolerance": 5.1},
            {"reason_required": False},
        ),
        (
            "defect_grade",
            {"inspected": 100, "defects": 8, "scheme": "general"},
            {"grade": "D", "consequence": {"tell_hr": True}},
        ),
    ],
)
def test_other_kinds_by_values_of_our_own(kind, given, expect):
    found = run_case({"id": "any", "kind": kind, "input": given, "expect": expect})

    assert (found.result, found.differences) == ("passed", ())


def test_tax_in_a_list_is_compared_to_half_a_fen():
    months = {"months": [{"income": 20000}]}
    case = {"id": "any", "kind": "iit_cumulative", "input": months, "expect": {"tax": [450.01]}}

    assert run_case(case).result == "failed"

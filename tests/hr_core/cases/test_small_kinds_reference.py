"""Tax, overtime and performance kinds against plain arithmetic, at and beside each edge."""

import random
from fractions import Fraction

import pytest

from hr_core.cases.run import run_case

YEAR_TABLE = (
    (36_000, 3, 0), (144_000, 10, 2_520), (300_000, 20, 16_920), (420_000, 25, 31_920),
    (660_000, 30, 52_920), (960_000, 35, 85_920), (10**9, 45, 181_920),
)  # fmt: skip
MONTH_TABLE = (
    (3_000, 3, 0), (12_000, 10, 210), (25_000, 20, 1_410), (35_000, 25, 2_660),
    (55_000, 30, 4_410), (80_000, 35, 7_160), (10**9, 45, 15_160),
)  # fmt: skip
FACTORS = {"workday": Fraction(3, 2), "rest_day": 2, "statutory_holiday": 3}
BESIDE = (-1, -0.01, 0, 0.01, 1)


def passes(kind, given, expect):
    found = run_case({"id": "any", "kind": kind, "input": given, "expect": expect})

    assert (found.result, found.differences) == ("passed", ()), (given, expect)


def exact(value):
    return Fraction(str(value))


def yuan(value):
    """Half up; nothing here is below zero."""
    return float((2 * value * 100 + 1) // 2 / 100)


def tax_by(table, taxable, months=1):
    if taxable <= 0:
        return Fraction(0)
    percent, quick = next((rate, less) for top, rate, less in table if taxable <= top * months)
    return taxable * percent / 100 - quick


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("edge", [0, *(top for top, _, _ in MONTH_TABLE[:-1])])
def test_a_month_and_a_bonus_at_the_edges_of_the_table(edge, beside):
    taxable = exact(edge) + exact(beside)
    passes(
        "iit_monthly_table",
        {"taxable": float(taxable)},
        {"tax": yuan(tax_by(MONTH_TABLE, taxable))},
    )

    bonus = 12 * edge + exact(beside)
    tax = yuan(tax_by(MONTH_TABLE, bonus, months=12))
    passes("annual_bonus_separate", {"bonus": float(bonus)}, {"tax": tax})


@pytest.mark.parametrize("seed", range(4))
def test_tax_of_a_year_so_far(seed):
    """What was withheld too much waits; a falling income is never paid back in the year."""
    chance = random.Random(seed)
    for _ in range(40):
        months = [
            {
                "income": chance.choice([0, 5_000, round(chance.uniform(0, 150_000), 2)]),
                "si_hf": chance.choice([0, 1_423.35, 4_500]),
                "special": chance.choice([0, 1_500, 5_000]),
            }
            for _ in range(chance.randint(1, 12))
        ]
        after, withheld, taxes = Fraction(), 0, []
        for month in months:
            after += (
                exact(month["income"]) - exact(month["si_hf"]) - exact(month["special"]) - 5_000
            )
            taxes.append(max(exact(yuan(tax_by(YEAR_TABLE, after))) - withheld, Fraction()))
            withheld += taxes[-1]
        expect = {"tax": [float(one) for one in taxes], "year_tax": float(withheld)}

        passes("iit_cumulative", {"months": months}, expect)


@pytest.mark.parametrize("edge", [3_000 * 12, 12_000 * 12, 25_000 * 12, 0.01])
@pytest.mark.parametrize("wage", [4_000, 9_500, 20_000, 85_000])
def test_a_bonus_with_the_wage_or_apart(wage, edge):
    for bonus in (exact(edge), exact(edge) + 1):
        taxable = 12 * (wage - 4_500 - 5_000)
        year = {
            "joined": exact(yuan(tax_by(YEAR_TABLE, taxable + bonus))),
            "separate": exact(yuan(tax_by(YEAR_TABLE, taxable)))
            + exact(yuan(tax_by(MONTH_TABLE, bonus, months=12))),
        }
        for method, tax in year.items():
            given = {"monthly_wage": wage, "monthly_si_hf": 4_500, "bonus": float(bonus)}
            net = 12 * (wage - 4_500) + bonus - tax

            passes(
                "bonus_choice",
                given | {"method": method},
                {"year_tax": float(tax), "year_net": float(net)},
            )


@pytest.mark.parametrize("expense", [-100, 0, 15_000, 15_000.01, 94_999.99, 95_000, 95_001])
def test_medical_expenses_between_their_bounds(expense):
    counted = min(max(exact(expense) - 15_000, Fraction()), Fraction(80_000))

    passes("major_medical_deduction", {"own_expense": expense}, {"deduction": float(counted)})


@pytest.mark.parametrize("wage", [5_000, 8_700, 12_345.67])
@pytest.mark.parametrize("hours", [0, 0.25, 3, 36])
def test_overtime_is_rounded_once(wage, hours):
    hour = exact(wage) / Fraction("21.75") / 8
    expect = {kind: yuan(hour * factor * exact(hours)) for kind, factor in FACTORS.items()}
    given = {"monthly_wage": wage, "hours": dict.fromkeys(FACTORS, hours)}

    passes("cn_overtime", given, expect | {"hour_wage": round(float(hour), 4)})


@pytest.mark.parametrize("price", [2, 0.125, 1.005])
def test_pieces_over_the_quota(price):
    given = {"piece_price": price, "pieces_over_quota": dict.fromkeys(FACTORS, 333)}

    passes(
        "cn_overtime",
        given,
        {kind: yuan(exact(price) * factor * 333) for kind, factor in FACTORS.items()},
    )


@pytest.mark.parametrize(("count", "workdays"), [(11, 250), (13, 248)])
def test_the_years_workdays(count, workdays):
    expect = {
        "year_workdays": workdays, "quarter_workdays": workdays / 4,
        "month_workdays": round(workdays / 12, 2), "month_hours": round(workdays * 8 / 12, 2),
    }  # fmt: skip

    passes("cn_overtime", {"year_kind": f"{count} statutory days"}, expect)


@pytest.mark.parametrize(
    ("period", "standard"), [("quarter", 496), ("year", 1984), ("half_year", 992), ("week", 40)]
)
def test_hours_over_a_period(period, standard):
    """Holiday hours are paid apart; what the period's hours leave over is paid at 150 %."""
    given = {
        "scheme": "comprehensive_hours", "period": period, "hour_wage": 50,
        "worked_hours": standard + 44, "of_which_statutory_holiday_hours": 8,
    }  # fmt: skip
    expect = {"holiday_hours_at_300": 8, "over_hours_at_150": 36, "pay": 3900}

    passes("cn_overtime", given, expect)
    passes("cn_overtime", given | {"standard_hours": standard}, expect)


@pytest.mark.parametrize("hundredths", [0, 5999, 6000, 7999, 8000, 9999, 10000, 25000])
@pytest.mark.parametrize("goal", [100, 80, 2.5])
def test_a_tiers_edge_is_of_the_higher_tier(hundredths, goal):
    percent = Fraction(hundredths, 100)
    tiers = ((100, "outstanding"), (80, "excellent"), (60, "base"))
    tier = next((name for edge, name in tiers if percent >= edge), None)

    passes(
        "completion_tier",
        {"done": float(percent * exact(goal) / 100), "goal": goal},
        {"tier": tier},
    )


@pytest.mark.parametrize(
    ("defects", "grade", "alert", "line"),
    [
        (0, "A", False, False), (199, "A", False, False), (200, "B", False, False),
        (299, "B", False, False), (301, "C", True, False), (500, "C", True, False),
        (501, "D", True, True), (10000, "D", True, True),
    ],
)  # fmt: skip
def test_a_grades_edges(defects, grade, alert, line):
    counted = {"inspected": 10000, "defects": defects}
    expect = {"grade": grade, "manager_alert": alert, "rate_percent": defects / 100}

    passes("defect_grade", counted, expect)
    passes("line_alert", counted, {"line_alert": line})


@pytest.mark.parametrize(("post", "low", "high"), [("marketing", 40, 60), ("staff", 10, 20)])
def test_both_ends_of_a_posts_share_are_allowed(post, low, high):
    for share, accepted in ((low - 0.1, 0), (low, 1), (high, 1), (high + 0.1, 0)):
        given = {"post": post, "share_percent": share}

        passes("performance_share", given, {"accepted": bool(accepted)})


@pytest.mark.parametrize(
    ("own", "manager", "tolerance"), [(90, 85, 5), (85, 90, 4.9), (70.3, 70.1, 0.2), (0, 100, 100)]
)
def test_a_deviation_beyond_the_tolerance_needs_a_reason(own, manager, tolerance):
    required = abs(exact(own) - exact(manager)) > exact(tolerance)

    passes(
        "two_way_score",
        {"self": own, "manager": manager, "tolerance": tolerance},
        {"reason_required": required, "may_lock_without_reason": not required},
    )


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ({"grade": "A"}, {"new_monthly": 6900, "pay_change": 900, "bonus": None}),
        ({"grade": "A", "scheme": "general"}, {"new_monthly": 6600}),
        ({"grade": "B"}, {"bonus": 1200, "pay_change": 0}),
        ({"grade": "C"}, {"new_monthly": 6000, "pay_change": None}),
        ({"grade": "D"}, {"bonus": 0, "pay_change": 0}),
    ],
)
def test_what_a_grade_is_in_money(given, expect):
    passes("grade_pay", given | {"monthly_pay": 6000}, expect)

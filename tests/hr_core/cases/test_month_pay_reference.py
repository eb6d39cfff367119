"""A month's pay against a plain reference: SCHEMA's closed list of keys, in fractions of a yuan.

The reference knows nothing of the engine. Its figures are those of Shanghai and of the country as the
data folder tells them; its months hold no statutory holiday, so that every weekday is a paid day.
"""

import random
from calendar import monthrange
from datetime import date, timedelta
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
# Insurance floor and ceiling, fund floor and ceiling, until July 2026 and from then on.
BASES = ((7_460, 37_302, 2_690, 37_302), (7_546, 37_731, 2_740, 37_731))
AVERAGE_WAGE = {2025: 12_434, 2026: 12_577}  # of the year before the last day
MINIMUM_WAGE = 2_740
CAPS = {
    "infant_care": 2_000, "child_education": 2_000, "continuing_education": 400,
    "housing_loan_interest": 1_000, "housing_rent": 1_500,
}  # fmt: skip
FACTORS = {"workday": Fraction(3, 2), "rest_day": Fraction(2), "statutory_holiday": Fraction(3)}
DAMAGES = ("probation_excess_damages", "probation_wage_shortfall", "no_written_contract_wage")
FACTS = {"injury_rate": 0.2, "unemp_er": 0.5, "unemp_ee": 0.5, "hf_rate": 7, "hf_supp": 0}
MONTHS = ("2025-07", "2025-08", "2025-11", "2025-12", "2026-03", "2026-07", "2026-08", "2026-11")


class RefusedError(Exception):
    pass


def exact(value):
    return Fraction(str(value or 0))


def rounded(value, unit=Fraction(1, 100)):
    """Half up; nothing here is below zero."""
    return (2 * value / unit + 1) // 2 * unit


def tax_by(table, taxable, months=1):
    """Of months at once: one of them finds the rate."""
    if taxable <= 0:
        return Fraction(0)
    percent, quick = next((rate, less) for top, rate, less in table if taxable <= top * months)
    return taxable * percent / 100 - quick


def wage_on(case, on):
    for one in case.get("wages") or [{"wage": case["wage"], "from": case["hired"]}]:
        if one["from"] <= str(on) <= one.get("to", "9999"):
            return exact(one["wage"])
    raise RefusedError


def days_of(month):
    year, number = map(int, month.split("-"))
    return [date(year, number, 1 + day) for day in range(monthrange(year, number)[1])]


def wage_of(case, month):
    """By the day at wage / 21.75 after hire or before leaving, never more than the wage."""
    paid = [on for on in days_of(month) if on.weekday() < 5]
    employed = [on for on in days_of(month) if case["hired"] <= str(on) <= case.get("left", "9999")]
    if not employed:
        raise RefusedError
    present = [on for on in paid if on in employed]
    holidays, away = case.get("holidays", []), case.get("unpaid_leave", [])
    worked = [on for on in present if str(on) not in holidays]
    unpaid = [on for on in worked if str(on) in away]
    off = sum((wage_on(case, on) for on in unpaid), Fraction()) / Fraction("21.75")
    if unpaid and unpaid == worked:
        return Fraction(0)
    if present == paid:
        full = sum((wage_on(case, on) for on in paid), Fraction()) / len(paid)
        return rounded(max(full - off, Fraction()))
    by_day = sum((wage_on(case, on) for on in present), Fraction()) / Fraction("21.75") - off
    return rounded(min(by_day, max((wage_on(case, on) for on in present), default=Fraction())))


def overtime_of(case, month):
    found = dict.fromkeys(FACTORS, Fraction())
    for one in case.get("overtime", []):
        if not one["date"].startswith(month):
            continue
        if not case["hired"] <= one["date"] <= case.get("left", "9999"):
            raise RefusedError
        if not (one.get("time_off_in_lieu") and one["day_kind"] == "rest_day"):
            hour = wage_on(case, one["date"]) / Fraction("21.75") / 8
            found[one["day_kind"]] += hour * FACTORS[one["day_kind"]] * exact(one["hours"])
    made = {kind: rounded(amount) for kind, amount in found.items()}
    return made | {"total": sum(made.values())}


def shares_of(case, month, last_wage):
    if case.get("draws_pension"):
        return {}
    changed = case.get("facts_change", {}) if month == case["period"] else {}
    facts = case["facts"] | changed
    floor, ceiling, fund_floor, fund_ceiling = BASES[month >= "2026-07"]
    if "si_base" not in case:
        raise RefusedError
    base = min(max(exact(case["si_base"]), floor), ceiling)
    rates = {
        "pension": (8, 16), "medical": (2, 9), "injury": (0, facts["injury_rate"]),
        "unemployment": (facts["unemp_ee"], facts["unemp_er"]),
    }  # fmt: skip
    lines = {name: [rounded(base * exact(one) / 100) for one in own] for name, own in rates.items()}
    first = case.get("hf_first_ever") and case["hired"].startswith(month)
    if not first and (case.get("hf_agreed") or not case.get("foreign")):
        if "hf_base" not in case:
            raise RefusedError
        base = min(max(exact(case["hf_base"]), fund_floor), fund_ceiling)
        parts = (base * exact(facts[name]) / 100 for name in ("hf_rate", "hf_supp"))
        lines["housing_fund"] = [sum(rounded(part, 1) for part in parts)] * 2
    bonus = exact(case.get("bonus")) if month == case["period"] else 0
    if last_wage + bonus - sum(own for own, _ in lines.values()) < MINIMUM_WAGE:
        raise RefusedError
    return lines


def special_of(case):
    claimed = case.get("special_deductions", {})
    if {"housing_rent", "housing_loan_interest"} <= set(claimed):
        raise RefusedError
    caps = CAPS | {"elderly_support": 3_000 if case.get("only_child") else 1_500}
    return sum((min(exact(amount), caps[code]) for code, amount in claimed.items()), Fraction())


def month_of(case, month):
    asked = month == case["period"]
    wages, overtime = wage_of(case, month), overtime_of(case, month)
    last = wage_on(
        case, min(days_of(month)[-1], date.fromisoformat(case.get("left", "9999-12-31")))
    )
    lines = shares_of(case, month, last)
    leave = Fraction()
    heat = max(exact(case.get("heat_allowance")), 300) if case.get("heat_allowance") else 0
    taxed = wages + overtime["total"] + (heat if month[5:] in ("06", "07", "08", "09") else 0)
    if asked:
        leave = rounded(exact(case.get("unused_leave_days")) * 2 * last / Fraction("21.75"))
        taxed += leave + sum(exact(case.get(name)) for name in ("bonus", *DAMAGES))
    return {
        "wages": wages, "leave_pay": leave, "overtime": overtime, "lines": lines, "taxed": taxed,
        "own": sum((own for own, _ in lines.values()), Fraction()),
    }  # fmt: skip


def basic_of(case, month):
    if case.get("deduct_60000_from_january"):
        return 60_000
    whole_year = case.get("first_wage_income_this_year") or case["hired"][:4] < month[:4]
    return 5_000 * (int(month[5:]) - (1 if whole_year else int(case["hired"][5:7])) + 1)


def severance_of(case):
    """A month's wage a year, half of one below six months; capped for a high wage; its tax."""
    if case.get("exit", "resignation") == "resignation":
        return Fraction(), Fraction()
    after = date.fromisoformat(case["left"]) + timedelta(days=1)
    hired = date.fromisoformat(case["hired"])
    months = (after.year - hired.year) * 12 + after.month - hired.month - (after.day < hired.day)
    years, rest = divmod(months + case.get("carried_service_months", 0), 12)
    begun = rest or after.day != hired.day
    count = years + (Fraction(1) if rest >= 6 else Fraction(1, 2) if begun else 0)
    average, wage = AVERAGE_WAGE[int(case["left"][:4])], exact(case["wage"])
    if wage > 3 * average:
        wage, count = Fraction(3 * average), min(count, Fraction(12))
    paid = rounded(wage * count * (2 if "double" in case["exit"] else 1))
    return paid, rounded(tax_by(YEAR_TABLE, paid - 36 * average))


def expected(case):
    period, resident = case["period"], case.get("tax_resident", True)
    apart = exact(case.get("annual_bonus_separate"))
    taken = [month for month in case.get("annual_bonus_separate_in", {}) if month[:4] == period[:4]]
    if apart and taken:
        raise RefusedError
    apart = apart or exact(case.get("annual_bonus_separate_in", {}).get(period))
    income, withheld, by_month = Fraction(), Fraction(), {}
    for month in (*case.get("earlier_runs", []), period):
        one = month_of(case, month)
        if resident:
            income += one["taxed"] - one["own"] - special_of(case)
            due = rounded(tax_by(YEAR_TABLE, income - basic_of(case, month)))
            by_month[month] = max(due - withheld, Fraction())
            withheld += by_month[month]
        else:
            by_month[month] = rounded(tax_by(MONTH_TABLE, one["taxed"] - 5_000))
    if resident:
        on_bonus = rounded(tax_by(MONTH_TABLE, apart, months=12))
    else:
        on_bonus = rounded(6 * tax_by(MONTH_TABLE, apart / 6))
    severance, on_severance = severance_of(case)
    untaxed = sum(exact(one) for one in case.get("untaxed", {}).values())
    gross = one["taxed"] + untaxed + apart + severance
    return {
        "gross": gross,
        "net": gross - one["own"] - by_month[period] - on_bonus - on_severance,
        "employer_cost": sum((other for _, other in one["lines"].values()), Fraction()),
        "iit": by_month[period],
        "iit_by_month": by_month,
        "iit_bonus": on_bonus,
        "iit_severance": on_severance,
        "lines": {
            name: {"employee": own, "employer": other}
            for name, (own, other) in one["lines"].items()
        },
        "parts": {
            "wages": one["wages"], "leave_pay": one["leave_pay"], "severance": severance,
        },
        "overtime": one["overtime"],
    }  # fmt: skip


def as_json(value):
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    return float(value) if isinstance(value, Fraction) else value


def amount(chance, low, high):
    return chance.choice([chance.randint(low, high), round(chance.uniform(low, high), 2)])


def some_case(chance):
    """Each key of the closed list that the reference reads, alone and beside others."""
    period = chance.choice(MONTHS)
    days = days_of(period)
    some_day = lambda: str(chance.choice(days))  # noqa: E731 - as short as its use
    maybe = lambda share: chance.random() < share  # noqa: E731
    wage = chance.choice([amount(chance, 4_500, 60_000), amount(chance, 60_000, 300_000), 21_750])
    bases = [wage, amount(chance, 1_000, 50_000), 7_460, 37_302]
    case = {
        "city": "上海", "period": period, "facts": FACTS, "wage": wage,
        "hired": some_day() if maybe(0.3) else chance.choice(["2025-06-02", "2019-07-15"]),
        "si_base": chance.choice(bases), "hf_base": chance.choice(bases),
    }  # fmt: skip
    if maybe(0.2):
        case["left"] = max(some_day(), case["hired"])
        case["exit"] = chance.choice(
            ["mutual, proposed by employer", "resignation", "unlawful dismissal (double)"]
        )
        case["carried_service_months"] = chance.choice([0, 1, 5, 6, 30, 180])
    elif maybe(0.2) and case["hired"] < str(days[0]):
        turn = chance.choice(days[1:])
        case["wages"] = [
            {"wage": case.pop("wage"), "from": case["hired"], "to": str(turn - timedelta(days=1))},
            {"wage": amount(chance, 5_000, 50_000), "from": str(turn)},
        ]
    year, number = period.split("-")
    begin = max(f"{year}-01", case["hired"][:7], "2025-07")
    runs = [f"{year}-{month:02}" for month in range(1, int(number))]
    if maybe(0.4) and not case.get("holidays"):
        case["earlier_runs"] = [month for month in runs if month >= begin and month in MONTHS]
    optional = {
        "unpaid_leave": sorted({some_day() for _ in range(3)}),
        "holidays": [some_day()],
        "overtime": [
            {"date": some_day(), "day_kind": chance.choice(list(FACTORS)), "hours": hours}
            | ({"time_off_in_lieu": True} if maybe(0.3) else {})
            for hours in (1, 2.5, 0.25)
        ],
        "bonus": amount(chance, 100, 50_000),
        "annual_bonus_separate": chance.choice([36_000, 36_001, 144_001, 960_000, 10**6]),
        "annual_bonus_separate_in": {period: amount(chance, 1_000, 500_000)},
        "special_deductions": {
            code: chance.choice([500, 1_499.99, 3_000])
            for code in chance.sample([*CAPS, "elderly_support"], 2)
        },
        "only_child": True,
        "untaxed": {"one_child": 100, "missed_meal": 33.33},
        "heat_allowance": chance.choice([200, 300, 333.33]),
        "unused_leave_days": chance.choice([1, 2.5]),
        "facts_change": chance.choice([{"hf_supp": 5}, {"hf_rate": 5}, {"injury_rate": 0.4}]),
        "hf_first_ever": True,
        "foreign": True,
        "hf_agreed": True,
        "tax_resident": False,
        "draws_pension": True,
        "deduct_60000_from_january": True,
        "first_wage_income_this_year": True,
    } | {name: amount(chance, 100, 30_000) for name in DAMAGES}  # fmt: skip
    case |= {key: value for key, value in optional.items() if maybe(0.12)}
    if maybe(0.05):
        del case[chance.choice(["si_base", "hf_base"])]
    return case


@pytest.mark.parametrize("seed", range(5))
def test_each_key_counts_as_the_format_says(seed):
    chance = random.Random(seed)
    refused = 0
    for _ in range(60):
        case = some_case(chance)
        try:
            expect = as_json(expected(case))
        except RefusedError:
            expect = {"refused": "by the reference"}
            refused += 1

        found = run_case({"id": "any", "kind": "cn_month_pay", "input": case, "expect": expect})

        assert (found.result, found.differences) == ("passed", ()), case
    assert refused < 30

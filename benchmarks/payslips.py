"""How fast everybody's month is paid: the kernel, and the same law person by person in Decimal.

    python benchmarks/payslips.py [--people N] [--sample N] [--json]

kernel     int64 columns of people to slips with the compact trace (bases held, rates, bands)
decimal    an independent reading of the same law in Decimal, a dict of lines a person
traced     hr_core.pay.cn.month_pay, which writes every step of every line; on a sample, scaled

Every person's gross, net, tax and shares are compared between kernel and decimal, the sample's with
the traced one too; a single fen of difference, or a refusal of one alone, ends the run with 1. Seconds
are CPU seconds of one thread, best of five rounds for the kernel, one round of the loops.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.law.rows import FUNDS, INSURANCES, Item
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.kernel import pay_everybody
from hr_core.pay.cn.kernel_tables import (
    ITEMS,
    MILLION,
    PAID,
    UNTOLD,
    PayTable,
    PeopleTable,
    city_terms,
)
from hr_core.pay.cn.month import EmployerRates, Law, MonthFacts, MonthPay, Person
from hr_core.pay.cn.month_pay import pay_month
from hr_core.pay.cn.month_wage import Employment, WageSpan, paid_days
from hr_core.pay.cn.overtime import OvertimeWork

MONTH = Month(2026, 3)
CITY = "上海"
BOOK, NATIONAL = built_in_law(), national_law()
DAYS = paid_days(MONTH, load_calendar())
LAW = (
    NATIONAL.income_tax_on(MONTH.first),
    NATIONAL.annual_bonus_on(MONTH.first),
    NATIONAL.overtime_on(MONTH.first),
)
ROUNDS = 5
FEN, MONTH_DAYS = Decimal("0.01"), Decimal("21.75")
FACTORS = tuple(
    (f"overtime_{kind}", Decimal(factor))
    for kind, factor in zip(DayKind, ("1.5", "2", "3"), strict=True)
)
AMOUNTS = (
    "wage", "bonus", "untaxed", "bonus_apart", "special", "insurance_base", "fund_base",
    "income_before", "contributions_before", "special_before", "withheld_before",
)  # fmt: skip
FUND, SUPPLEMENT = ITEMS.index(Item.HOUSING_FUND), ITEMS.index(Item.HOUSING_FUND_SUPPLEMENT)
INJURY, UNEMPLOYMENT = ITEMS.index(Item.INJURY), ITEMS.index(Item.UNEMPLOYMENT)


def random_people(count: int, seed: int = 2026) -> PeopleTable:
    """Wages from below the minimum to beyond every band; hires, leave, overtime, retirees, foreigners."""
    random = np.random.default_rng(seed)
    wage = np.exp(random.normal(np.log(12_000_00), 0.9, count)).astype(np.int64)
    wage = np.clip(wage, 1_000_00, 300_000_00)
    resident = random.random(count) >= 0.02
    total = len(DAYS.all)
    part = random.random(count) < 0.1
    employed = np.where(part, random.integers(1, total + 1, count), total)
    unpaid = np.where(random.random(count) < 0.1, random.integers(0, total + 1, count), 0)
    unpaid = np.minimum(unpaid, employed)
    minutes = random.integers(0, 80, (3, count)) * 30
    minutes[random.random((3, count)) < 0.6] = 0
    rates = np.full((len(ITEMS), 2, count), UNTOLD, np.int64)
    rates[INJURY, 1] = random.choice([2000, 4000, 7000, 9000, 11000, 19000], count)
    rates[UNEMPLOYMENT] = 5000
    rates[FUND] = random.integers(5, 8, count) * 10_000
    supplement = random.integers(1, 6, count) * (random.random(count) < 0.3)
    rates[SUPPLEMENT] = supplement * 10_000
    insured = random.random(count) >= 0.03
    before = random.integers(0, 3, count)
    own = wage * 175 // 1000

    def rarely(share: float, most: int) -> Any:
        return np.where(random.random(count) < share, random.integers(1, most, count), 0)

    return PeopleTable(
        city=np.zeros(count, np.int64),
        wage=wage,
        employed_days=employed,
        unpaid_days=unpaid,
        no_workday_worked=(unpaid > 0) & (unpaid == employed),
        overtime_minutes=minutes.astype(np.int64),
        insurance_base=wage + random.integers(-100_000, 100_000, count).clip(-wage),
        fund_base=wage,
        rates=rates,
        insured=insured,
        in_fund=insured & (random.random(count) >= 0.05),
        resident=resident,
        bonus=rarely(0.2, 5_000_000),
        other_taxed=np.zeros(count, np.int64),
        untaxed=rarely(0.3, 100_000),
        bonus_apart=rarely(0.1, 120_000_000),
        special=random.choice([0, 100_000, 150_000, 300_000, 450_000], count),
        months=before + 1,
        basic_at_once=random.random(count) < 0.05,
        income_before=wage * before,
        contributions_before=own * before,
        special_before=np.zeros(count, np.int64),
        withheld_before=rarely(0.7, 500_000),
    )


def kernel(people: PeopleTable) -> PayTable:
    return pay_everybody(people, city_terms(BOOK, [CITY], MONTH), len(DAYS.all), LAW)


def as_rows(people: PeopleTable, count: int) -> list[dict[str, Any]]:
    """Plain Python values, sorted out before any loop is timed."""
    columns = {
        name: np.moveaxis(column, -1, 0)[:count].tolist()
        for name, column in people._asdict().items()
    }
    return [{name: column[at] for name, column in columns.items()} for at in range(count)]


class DecimalLaw:
    """The law's figures as Decimal, taken out of the rows once."""

    def __init__(self) -> None:
        self.rows = {
            item: BOOK.row(CITY, item, MONTH.first)
            for item in (*INSURANCES, *FUNDS)
            if BOOK.knows(CITY, item)
        }
        self.bounds = {
            item: (Decimal(row.floor or 0) / 100, Decimal(row.ceiling or 0) / 100)
            for item, row in self.rows.items()
        }
        self.rates = {
            item: tuple(
                None if rate is None else Decimal(rate.numerator) / rate.denominator
                for rate in (row.employee, row.employer)
            )
            for item, row in self.rows.items()
        }
        self.unit = {item: Decimal(1) if item in FUNDS else FEN for item in self.rows}
        self.minimum = Decimal(BOOK.row(CITY, Item.MINIMUM_WAGE, MONTH.first).amount or 0) / 100
        tax = LAW[0]
        self.year = [self.band(one) for one in tax.year_bands()]
        self.month = [self.band(one) for one in tax.month_bands()]

    @staticmethod
    def band(one: Any) -> tuple[Decimal | None, Decimal, Decimal]:
        edge = None if one.up_to is None else Decimal(one.up_to) / 100
        return edge, Decimal(one.numerator) / one.denominator, Decimal(one.quick) / 100


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(FEN, ROUND_HALF_UP)


def by_bands(amount: Decimal, bands: list[Any], months: int = 1, quicks: int = 1) -> Decimal:
    for edge, rate, quick in bands:
        if edge is None or amount <= edge * months:
            return cents(amount * rate) - quick * quicks
    raise AssertionError


def decimal_slip(row: dict[str, Any], law: DecimalLaw) -> dict[str, Any] | None:  # noqa: C901 - one loop's body, as a straight program would have it
    """A slip as lines of Decimal yuan; None for a refusal."""
    yuan = {name: Decimal(row[name]) / 100 for name in AMOUNTS}
    wage, days = yuan["wage"], MONTH_DAYS
    total, employed, unpaid = len(DAYS.all), row["employed_days"], row["unpaid_days"]
    if row["no_workday_worked"]:
        wages = Decimal(0)
    elif employed == total:
        wages = cents(max(wage - wage * unpaid / days, Decimal(0)))
    else:
        wages = min(cents(wage * (employed - unpaid) / days), wage)
    lines = {"wages": wages}
    for (name, factor), minutes in zip(FACTORS, row["overtime_minutes"], strict=True):
        lines[name] = cents(wage * minutes * factor / days / 8 / 60)
    lines["bonus"] = yuan["bonus"]
    taxed = sum(lines.values(), Decimal(0))
    own = employer = Decimal(0)
    for position, item in enumerate(ITEMS):
        if item not in law.rows or not row["in_fund" if item in FUNDS else "insured"]:
            continue
        if position == SUPPLEMENT and row["rates"][position][1] <= 0:
            continue
        base = yuan["fund_base"] if item in FUNDS else yuan["insurance_base"]
        floor, ceiling = law.bounds[item]
        base = min(max(base, floor), ceiling)
        for side in range(2):
            given = row["rates"][position][side]
            rate = law.rates[item][side] if given == UNTOLD else Decimal(given) / MILLION
            if rate is None:
                return None
            share = (base * rate).quantize(law.unit[item], ROUND_HALF_UP)
            lines[f"{item}_{side}"] = share
            own, employer = (own + share, employer) if side == 0 else (own, employer + share)
    if wage + yuan["bonus"] - own < law.minimum:
        return None
    if row["resident"]:
        basic = Decimal(60000) if row["basic_at_once"] else Decimal(5000) * row["months"]
        taxable = (
            yuan["income_before"] + taxed - basic - yuan["contributions_before"] - own
            - yuan["special_before"] - yuan["special"]
        )  # fmt: skip
        due = by_bands(max(taxable, Decimal(0)), law.year) - yuan["withheld_before"]
        tax = max(due, Decimal(0))
        on_bonus = by_bands(yuan["bonus_apart"], law.month, 12)
    else:
        tax = by_bands(max(taxed - 5000, Decimal(0)), law.month)
        on_bonus = by_bands(yuan["bonus_apart"], law.month, 6, 6)
    gross = taxed + yuan["untaxed"] + yuan["bonus_apart"]
    lines |= {"income_tax": tax, "bonus_tax": on_bonus, "gross": gross}
    return lines | {"net": gross - own - tax - on_bonus, "employer_cost": employer}


def traced_slip(row: dict[str, Any]) -> MonthPay | None:
    """The same person for month_pay: days of hire and leave are picked to give the same counts."""
    employed = DAYS.all[: row["employed_days"]]
    hired = date(2020, 1, 1)
    left = None if len(employed) == len(DAYS.all) else employed[-1]
    rates = row["rates"]
    person = Person(
        city=CITY,
        work=Employment(hired=hired, left=left, wages=(WageSpan(row["wage"], hired),)),
        insurance_base=row["insurance_base"],
        fund_base=row["fund_base"],
        draws_pension=not row["insured"],
        foreign=row["insured"] and not row["in_fund"],
        tax_resident=row["resident"],
        deduct_60000_at_once=row["basic_at_once"],
    )
    work = tuple(
        OvertimeWork(MONTH.first, kind, Fraction(minutes, 60), row["wage"])
        for kind, minutes in zip(DayKind, row["overtime_minutes"], strict=True)
        if minutes
    )
    facts = MonthFacts(
        month=MONTH,
        days=DAYS,
        rates=EmployerRates(
            injury=Fraction(rates[INJURY][1], MILLION),
            unemployment_employer=Fraction(rates[UNEMPLOYMENT][1], MILLION),
            unemployment_employee=Fraction(rates[UNEMPLOYMENT][0], MILLION),
            fund=Fraction(rates[FUND][1], MILLION),
            fund_supplement=Fraction(rates[SUPPLEMENT][1], MILLION),
        ),
        unpaid_leave=employed[: row["unpaid_days"]],
        overtime=work,
        bonus=row["bonus"],
        bonus_apart=row["bonus_apart"],
    )
    # Months that count, special deductions and untaxed sums go in through the year so far: the
    # loop's rows name them as bare amounts.
    year = TaxYear(
        income=row["income_before"],
        contributions=row["contributions_before"]
        + (0 if row["basic_at_once"] else (row["months"] - MONTH.month) * LAW[0].basic_month.fen),
        special=row["special_before"] + row["special"],
        withheld=row["withheld_before"],
    )
    try:
        return pay_month(person, facts, year, Law(BOOK, NATIONAL))
    except CoreError:
        return None


def fen(amount: Decimal) -> int:
    return int(amount * 100)


def differences(pay: PayTable, slips: list[dict[str, Any] | None]) -> int:
    """People with a fen of difference in any amount, or refused by one alone."""
    gross, net = pay.gross.tolist(), pay.net.tolist()
    tax, bonus_tax = pay.income_tax.tolist(), pay.bonus_tax.tolist()
    cost, wages, refused = pay.employer_cost.tolist(), pay.wages.tolist(), pay.refused.tolist()
    shares = np.moveaxis(pay.shares, -1, 0).tolist()
    found = 0
    for at, slip in enumerate(slips):
        if slip is None or refused[at] != PAID:
            found += (slip is None) != (refused[at] != PAID)
            continue
        told = (gross[at], net[at], tax[at], bonus_tax[at], cost[at], wages[at])
        keys = ("gross", "net", "income_tax", "bonus_tax", "employer_cost", "wages")
        equal = told == tuple(fen(slip[key]) for key in keys) and all(
            shares[at][item][side] == fen(slip.get(f"{name}_{side}", Decimal(0)))
            for item, name in enumerate(ITEMS)
            for side in range(2)
        )
        found += not equal
    return found


def traced_differences(people: PeopleTable, pay: PayTable, paid: list[MonthPay | None]) -> int:
    found = 0
    for at, slip in enumerate(paid):
        if slip is None or pay.refused[at] != PAID:
            found += (slip is None) != (pay.refused[at] != PAID)
            continue
        bonus_tax = slip.bonus_tax.fen if slip.bonus_tax else 0
        untaxed = int(people.untaxed[at])
        found += (slip.gross + untaxed, slip.net + untaxed, slip.income_tax.fen, bonus_tax) != (
            pay.gross[at], pay.net[at], pay.income_tax[at], pay.bonus_tax[at],
        )  # fmt: skip
    return int(found)


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def measure(count: int, sample: int) -> dict[str, Any]:
    people = random_people(count)
    of_kernel = min(cpu(lambda: kernel(people))[0] for _ in range(ROUNDS))
    pay = kernel(people)
    law, rows = DecimalLaw(), as_rows(people, count)
    of_decimal, slips = cpu(lambda: [decimal_slip(row, law) for row in rows])
    of_traced, paid = cpu(lambda: [traced_slip(row) for row in rows[:sample]])
    scaled = of_traced * count / max(sample, 1)
    return {
        "people": count,
        "refused": int((pay.refused != PAID).sum()),
        "kernel_s": round(of_kernel, 4),
        "decimal_s": round(of_decimal, 3),
        "decimal_over_kernel": round(of_decimal / of_kernel, 1),
        "traced_sample": sample,
        "traced_s_scaled": round(scaled, 2),
        "traced_over_kernel": round(scaled / of_kernel, 1),
        "trace_bytes_a_person": round(
            sum(c.nbytes for c in (pay.held_base, pay.rate, pay.taxable, pay.band, pay.bonus_band))
            / count
        ),
        "people_with_a_difference": differences(pay, slips),
        "sample_with_a_difference": traced_differences(people, pay, paid),
    }


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measure(chosen.people, min(chosen.sample, chosen.people))
    if chosen.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:26} {value}")
    return int(bool(found["people_with_a_difference"] or found["sample_with_a_difference"]))


if __name__ == "__main__":
    sys.exit(run())

"""The pure functions of pay: any person's amounts are whole fen, add up, and replay from the trace."""

import random
from datetime import date
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.law.book import LawBook, UnverifiedLawError
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.law.rows import Item, LawRow, Rounding, Status
from hr_core.pay.cn.contributions import Rates, shares
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.cn.minimum_wage import CountedWage, deduct_damages, minimum_wage_top_up
from hr_core.pay.cn.month import EmployerRates, Law, MonthFacts, Person
from hr_core.pay.cn.month_pay import pay_month
from hr_core.pay.cn.month_wage import (
    Employment,
    WageSpan,
    month_wage,
    paid_days,
    paid_days_with,
)
from hr_core.pay.cn.overtime import OvertimeWork
from hr_core.pay.cn.special_deductions import Household, special_deductions
from hr_core.trace.calculation import Trace, TraceMismatchError, replay

LAW = Law(built_in_law(), national_law())
OVERTIME = national_law().overtime_on(date(2026, 1, 1))
CALENDAR = load_calendar()
RATES = EmployerRates(injury=Fraction(2, 1000), fund=Fraction(7, 100))
SHANGHAI_MINIMUM = LAW.local.row("上海", Item.MINIMUM_WAGE, date(2026, 1, 1))


def row(**changes):
    facts = {
        "city": "甲", "item": Item.PENSION, "since": date(2026, 1, 1), "source": "a",
        "status": Status.SECONDARY, "employee": Fraction(8, 100), "employer": Fraction(16, 100),
        "floor": 400_000, "ceiling": 2_000_000, "rounding": Rounding.FEN,
    }  # fmt: skip
    return LawRow(**(facts | changes))


def lines_of(paid):
    found = [*paid.lines, *paid.overtime.values(), paid.income_tax]
    found += [side for one in paid.shares for side in (one.employee, one.employer)]
    return [*found, *(one for one in (paid.bonus_tax, paid.severance_tax) if one)]


@st.composite
def months_of_pay(draw):
    wage = draw(st.integers(300_000, 20_000_000))
    second = draw(st.integers(300_000, 20_000_000))
    changed = draw(st.dates(date(2026, 3, 1), date(2026, 4, 1)))
    hired = draw(st.sampled_from([date(2025, 6, 2), date(2026, 3, 1), date(2026, 3, 17)]))
    left = draw(st.none() | st.dates(date(2026, 3, 20), date(2026, 6, 1)))
    day = st.dates(date(2026, 3, 1), date(2026, 3, 31))
    hours = st.integers(0, 24).map(lambda half: Fraction(half, 2))
    work = draw(st.lists(st.tuples(day, st.sampled_from(list(DayKind)), hours), max_size=4))
    first = date(2020, 1, 1)
    person = Person(
        city="上海",
        work=Employment(
            hired=hired,
            left=left,
            wages=(WageSpan(wage, first, changed), WageSpan(second, changed)),
        ),
        insurance_base=wage,
        fund_base=wage,
        tax_resident=draw(st.booleans()),
        draws_pension=draw(st.booleans()),
    )
    facts = MonthFacts(
        month=Month(2026, 3),
        days=paid_days(Month(2026, 3), CALENDAR),
        rates=RATES,
        unpaid_leave=tuple(draw(st.lists(day, max_size=25))),
        overtime=tuple(OvertimeWork(on, kind, count, wage) for on, kind, count in work),
        bonus=draw(st.integers(0, 5_000_000)),
        bonus_apart=draw(st.integers(0, 150_000_000)),
        unused_leave_days=draw(st.sampled_from([Fraction(0), Fraction(5, 2)])),
    )
    return person, facts, TaxYear(income=draw(st.integers(0, 90_000_000)))


@given(months_of_pay())
def test_every_line_replays_and_the_month_adds_up(month):
    person, facts, year = month
    try:
        paid = pay_month(person, facts, year, LAW)
    except PayRefusedError:
        return
    for one in lines_of(paid):
        stored = msgspec.json.decode(msgspec.json.encode(one.trace), type=Trace)
        assert replay(stored) == one.fen
        assert type(one.fen) is int
        assert one.fen >= 0
        assert one.trace.source
    assert paid.net == paid.gross - paid.own_shares - paid.taxes
    assert paid.of("wages") <= max(span.fen for span in person.work.wages)


@given(months_of_pay())
def test_the_same_inputs_give_the_same_month(month):
    def answer():
        try:
            return pay_month(*month, LAW)
        except CoreError as refused:
            return str(refused)

    assert answer() == answer()


def test_a_changed_trace_is_found():
    line = shares(row(), 1_000_000, Rates()).employee
    *steps, last = line.trace.steps
    forged = msgspec.structs.replace(
        line.trace, steps=(*steps, msgspec.structs.replace(last, result=last.result - 1))
    )

    with pytest.raises(TraceMismatchError):
        replay(forged)


@pytest.mark.parametrize(
    ("rounding", "fen"),
    [
        (Rounding.FEN, 35_556),  # 355.5552 yuan
        (Rounding.JIAO, 35_560),
        (Rounding.YUAN, 35_600),
        (Rounding.JIAO_UP, 35_560),
        (Rounding.YUAN_UP, 35_600),
    ],
)
def test_a_share_is_rounded_in_its_row_s_unit(rounding, fen):
    assert shares(row(rounding=rounding), 444_444, Rates()).employee.fen == fen


def test_always_up_is_up_from_the_first_part_of_a_unit():
    up, half = row(rounding=Rounding.YUAN_UP), row(rounding=Rounding.YUAN)

    assert shares(up, 500_125, Rates()).employee.fen == 40_100
    assert shares(half, 500_125, Rates()).employee.fen == 40_000
    assert shares(up, 500_000, Rates()).employee.fen == 40_000


def test_a_fixed_amount_stands_on_top_of_the_rate():
    medical = row(employee=Fraction(2, 100), employee_fixed=300)

    assert shares(medical, 716_200, Rates()).employee.fen == 14_324 + 300


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        ({"employee": None}, Rates()),
        ({"rounding": None}, Rates()),
        ({"employee_range": (Fraction(5, 100), Fraction(7, 100))}, Rates()),
        ({"whole_percent": True}, Rates(employee=Fraction(65, 1000))),
        ({}, Rates(employer=Fraction(3, 2))),
    ],
)
def test_what_the_law_leaves_open_or_forbids_is_refused(changes, own):
    with pytest.raises(PayRefusedError) as refused:
        shares(row(**changes), 1_000_000, own)

    assert refused.value.remedy


def wage_of(hired, left, unpaid=(), fen=2_175_000, month="2026-03"):
    on = Month.parse(month)
    work = Employment(hired=hired, left=left, wages=(WageSpan(fen, date(2020, 1, 1)),))
    return month_wage(work, on, paid_days(on, CALENDAR), unpaid, OVERTIME).fen


def test_a_part_of_a_month_is_never_more_than_the_whole():
    # March 2026 has 22 paid days: 21 of them are paid by the day, all 22 are the wage.
    assert wage_of(date(2026, 3, 3), None) == 2_100_000
    assert wage_of(date(2026, 3, 1), None) == 2_175_000
    # July has 23, so 22 of them would be more than the wage.
    assert wage_of(date(2026, 7, 2), None, month="2026-07") == 2_175_000


def test_unpaid_leave_counts_workdays_alone():
    saturday, monday = date(2026, 3, 7), date(2026, 3, 9)

    assert wage_of(date(2020, 1, 1), None, [saturday]) == 2_175_000
    assert wage_of(date(2020, 1, 1), None, [monday, monday]) == 2_075_000


def test_a_month_without_a_day_of_work_is_nothing():
    month = Month(2026, 2)
    weekdays = [on for on in month.days() if on.weekday() < 5]
    away = [*weekdays, date(2026, 2, 14), date(2026, 2, 28)]

    assert wage_of(date(2020, 1, 1), None, away, month="2026-02") == 0


def test_statutory_holidays_are_paid_days():
    # Left on 8 October 2025: 1, 2, 3 and 6 October are statutory, 7 and 8 are swapped rest days.
    assert wage_of(date(2020, 1, 1), date(2025, 10, 8), month="2025-10") == 400_000


def test_holidays_of_the_employer_take_the_calendar_s_place():
    days = paid_days_with(Month(2026, 3), [date(2026, 3, 5), date(2026, 3, 7)])

    assert len(days.all) == 22
    assert days.holidays == {date(2026, 3, 5), date(2026, 3, 7)}


def test_the_minimum_wage_is_topped_up_by_days():
    counted = CountedWage(wage=300_000, own_shares=80_000)

    assert minimum_wage_top_up(counted, SHANGHAI_MINIMUM).fen == 54_000
    half = minimum_wage_top_up(CountedWage(wage=100_000), SHANGHAI_MINIMUM, days=11, full_days=22)
    assert half.fen == 37_000
    assert minimum_wage_top_up(CountedWage(wage=900_000), SHANGHAI_MINIMUM).fen == 0
    assert replay(half.trace) == 37_000


@given(st.integers(0, 2_000_000), st.integers(0, 5_000_000))
def test_damages_leave_the_minimum_wage_and_four_fifths(wage, wanted):
    law = national_law().wage_deduction_on(date(2026, 1, 1))
    taken = deduct_damages(wanted, wage, SHANGHAI_MINIMUM, law)

    assert 0 <= taken.line.fen <= wanted
    assert taken.line.fen + taken.left == wanted
    if taken.line.fen:
        assert wage - taken.line.fen >= 274_000
        assert taken.line.fen * 5 <= wage + 3
    assert replay(taken.line.trace) == taken.line.fen


def test_two_children_deduct_twice():
    law = national_law().deductions_on(date(2026, 1, 1))
    claimed = {"child_education": 500_000}

    assert special_deductions(claimed, Household(children=2), law) == {"child_education": 400_000}
    assert special_deductions(claimed, Household(), law) == {"child_education": 200_000}


def test_law_that_nobody_checked_pays_by_leave_and_says_so():
    rows = [
        msgspec.structs.replace(one, status=Status.UNVERIFIED)
        for one in built_in_law().rows
        if one.city == "上海"
    ]
    hired = date(2025, 1, 1)
    person = Person(
        city="上海",
        work=Employment(hired=hired, wages=(WageSpan(2_000_000, hired),)),
        insurance_base=2_000_000,
        fund_base=2_000_000,
    )
    month = Month(2026, 3)
    facts = MonthFacts(month=month, days=paid_days(month, CALENDAR), rates=RATES)

    with pytest.raises(UnverifiedLawError):
        pay_month(person, facts, TaxYear(), Law(LawBook(rows), national_law()))
    allowed = LawBook(rows, allow_unverified=True)
    paid = pay_month(person, facts, TaxYear(), Law(allowed, national_law()))
    assert paid.shares[0].employee.trace.facts["law_status"] == "unverified"


def test_a_year_of_months_withholds_the_year_s_tax():
    """Twelve cumulative months bear exactly the tax of their sum, whatever their order."""
    from hr_core.pay.cn.income_tax import (
        TaxMonth,
        after_month,
        basic_deduction,
        cumulative_tax,
    )

    law = national_law().income_tax_on(date(2026, 1, 1))
    chance = random.Random(6)
    for _ in range(200):
        start = chance.randrange(600_000, 4_000_000)
        months = sorted(start + chance.randrange(1_500_000) for _ in range(12))
        year = TaxYear()
        for count, income in enumerate(months, 1):
            month = TaxMonth(income=income)
            tax = cumulative_tax(year, month, basic_deduction(law, count), law)
            year = after_month(year, month, tax.fen)
        whole = TaxMonth(income=sum(months))
        at_once = cumulative_tax(TaxYear(), whole, basic_deduction(law, 12), law).fen
        assert year.withheld == at_once

"""Sick pay from values: by service, with its floor, replayed; and rows of law that cannot hold."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.attendance.day_parts import DayLeave
from hr_core.errors import InputFileError, NoLawError
from hr_core.law.book import LawBook
from hr_core.law.checking import check_law
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.law.reading import parse_law
from hr_core.law.rows import Item, LawRow, Status
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.leave.sick_pay import WageDay, full_years, minutes_on_leave, sick_pay
from hr_core.trace.calculation import replay

LAW = national_law().overtime_on(date(2026, 10, 1))
ROWS = """
schema = "clockline-law/1"
city = "甲"
[[row]]
items = ["sick_pay"]
from = 2020-01-01
status = "official"
source = "agreement of 2019-12-01"
by_service_percent = {shares}
{more}
"""
SHARES = '[[0, "60"], [2, "70"], [4, "80"], [6, "90"], [8, "100"]]'


def row(shares=SHARES, more='floor_of_minimum_percent = "80"'):
    (found,) = parse_law(ROWS.format(shares=shares, more=more), file="own.toml")
    return found


def minimum(fen=274_000):
    return LawRow(
        city="甲", item=Item.MINIMUM_WAGE, since=date(2026, 1, 1), status=Status.OFFICIAL,
        source="notice", amount=fen,
    )  # fmt: skip


def day(number=13, minutes=480, *, status=DayStatus.ON_LEAVE, kind="sick"):
    return DayResult(
        day=date(2026, 10, number),
        kind=DayKind.WORKDAY,
        shift="D",
        status=status,
        leave=(DayLeave(request=1, kind=kind, minutes=minutes),),
        rule_version="r",
    )


def fen(days, wage=1_000_000, hired=date(2025, 1, 1), law_row=None):
    held = [WageDay(one, minutes_on_leave(one, ("sick",), LAW), wage) for one in days]
    made = sick_pay(held, hired, law_row or row(), minimum(), LAW)
    assert replay(made.trace) == made.fen
    return made.fen


@pytest.mark.parametrize(
    ("years", "percent"),
    [(0, 60), (1, 60), (2, 70), (4, 80), (5, 80), (6, 90), (8, 100), (30, 100)],
)
def test_the_share_goes_by_full_years_of_service(years, percent):
    hired = date(2026 - years, 10, 13)
    assert full_years(hired, date(2026, 10, 13)) == years
    assert full_years(hired + timedelta(days=1), date(2026, 10, 13)) == years - 1
    exact = Fraction(1_000_000 * percent, 100) / Fraction("21.75")
    assert fen([day()], hired=hired) == int(exact + Fraction(1, 2))


def test_a_whole_day_is_a_day_whatever_the_shift_and_a_part_counts_its_minutes():
    assert fen([day(minutes=660)]) == fen([day()])
    part = day(minutes=120, status=DayStatus.PRESENT)
    assert fen([part]) == 6_897  # 10,000 x 60 % / 21.75 / 4
    assert minutes_on_leave(day(minutes=900, status=DayStatus.PRESENT), ("sick",), LAW) == 480


def test_below_the_floor_the_floor_is_paid_and_both_rows_of_law_are_named():
    days = [WageDay(day(), 480, 300_000)]
    made = sick_pay(days, date(2026, 1, 1), row(), minimum(), LAW)
    assert made.fen == 10_078  # 2,740 x 80 % / 21.75
    assert {one.item for one in made.trace.law} == {"sick_pay", "minimum_wage", "overtime"}
    assert made.trace.facts["floor_percent"] == "80"
    with pytest.raises(PayRefusedError, match="floor by the minimum wage"):
        sick_pay(days, date(2026, 1, 1), row(), None, LAW)


@given(
    wage=st.integers(0, 10**8),
    days=st.lists(st.integers(1, 480), min_size=1, max_size=20),
    months=st.integers(0, 600),
)
def test_sick_pay_lies_between_the_floor_and_the_wage(wage, days, months):
    hired = date(2026 - months // 12, 1 + months % 12 % 9, 1)
    held = [WageDay(day(1 + at), minutes, wage) for at, minutes in enumerate(days)]
    made = sick_pay(held, hired, row(), minimum(), LAW)
    assert replay(made.trace) == made.fen
    month_share = Fraction(sum(days), 480) / Fraction("21.75")
    low = min(Fraction(wage * 60, 100), Fraction(274_000 * 80, 100)) * month_share
    high = max(wage, Fraction(274_000 * 80, 100)) * month_share
    assert low - 1 <= made.fen <= high + 1
    assert made.fen >= Fraction(274_000 * 80, 100) * month_share - 1


def test_a_wage_that_changes_between_the_days_counts_each():
    held = [WageDay(day(13), 480, 1_000_000), WageDay(day(14), 480, 2_000_000)]
    made = sick_pay(held, date(2026, 1, 1), row(), minimum(), LAW)
    assert replay(made.trace) == made.fen == 82_759  # 30,000 x 60 % / 21.75


@pytest.mark.parametrize(
    ("shares", "more", "fault"),
    [
        ("[]", "", "needs it"),
        ('[[1, "60"]]', "", "begins at 0 years"),
        ('[[0, "60"], [0, "70"]]', "", "years rise"),
        ('[[0, "101"]]', "", "above 100 percent"),
        (SHARES, 'floor_of_minimum_percent = "-1"', "above 100 percent"),
        (SHARES, 'amount = "5"', "an amount belongs to"),
    ],
)
def test_a_row_that_cannot_hold_is_refused(shares, more, fault):
    with pytest.raises(InputFileError, match=fault):
        row(shares, more)


def test_a_row_has_no_rate_and_no_ceiling_to_miss_and_a_city_without_one_is_named():
    assert check_law([row()], date(2026, 10, 1)) == []
    with pytest.raises(NoLawError, match="乙: there is no sick_pay for 2026-10-01"):
        LawBook([row()]).row("乙", Item.SICK_PAY, date(2026, 10, 1))
    shanghai = built_in_law().row("上海", Item.SICK_PAY, date(2026, 10, 1))
    assert (shanghai.status, shanghai.floor_of_minimum) == (Status.SECONDARY, Fraction(4, 5))

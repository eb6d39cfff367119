"""Holidays of the time sheet: what an average pays, who is paid; premiums by shift and for no break."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import Absence, Direction, Entries, Punch
from hr_core.attendance.timesheet.rules import (
    NOWHERE,
    BoundsOf,
    Contribution,
    DayRule,
    DaysAround,
    HolidayAverage,
    HolidayEffect,
    HolidayRule,
    Only,
    OvertimePeriod,
    OvertimeRule,
    Place,
    PremiumRule,
    RegularRule,
    RowKind,
    Rules,
    TimeFilter,
)
from hr_core.attendance.timesheet.sheet import compute_sheet

H = 3600
HOLIDAY = date(2026, 3, 11)
LOCAL = LocalTime("Asia/Shanghai")
COUNTS = Contribution(pay_codes=frozenset({"regular"}))
AVERAGE = HolidayAverage(days=10)
RULES = Rules(
    zone="Asia/Shanghai",
    week_starts=1,
    day_rule=DayRule.STARTS,
    maximum_shift=16 * H,
    new_shift_gap=4 * H,
    regular=(RegularRule(counts=COUNTS, pay_code="regular", order=0),),
    overtime=(
        OvertimeRule(
            period=OvertimePeriod.DAILY, over=8 * H, pay_code="ot", multiplier=1.5, counts=COUNTS
        ),
    ),
    holidays=frozenset({HOLIDAY}),
)


def work(days_before, *hours, place=NOWHERE):
    day = HOLIDAY - timedelta(days=days_before)
    directions = (Direction.IN, Direction.OUT)
    return tuple(
        Punch(at=LOCAL.at(day, round(hour * H)), direction=directions[n % 2], place=place)
        for n, hour in enumerate(hours)
    )


def hours(rules, *punches, kind=RowKind.ABSENCE, day=HOLIDAY, absences=()):
    sheet = compute_sheet(Entries(punches=sum(punches, ()), absences=absences), rules).get(day)
    return [row.seconds / H for row in sheet.rows if row.kind is kind] if sheet else []


def paying(paid=0, **average):
    rule = HolidayRule(pay_code="holiday", paid=paid, average=replace(AVERAGE, **average))
    return replace(RULES, holiday_rules=(rule,))


TEN_AND_SIX = (work(2, 8, 18), work(1, 8, 14))


@pytest.mark.parametrize(
    ("average", "paid"),
    [
        ({}, 8),  # (10 + 6) over the two days worked
        ({"overtime": False}, 7),  # (8 + 6) over two
        ({"divisor": 10}, 1.6),
        ({"days": 1}, 6),
        ({"maximum": 5 * H}, 5),
        ({"paid": 9 * H}, 9),
    ],
)
def test_a_holiday_pays_an_average_day_within_its_bounds(average, paid):
    assert hours(paying(**average), *TEN_AND_SIX) == [paid]


def test_leave_is_a_day_of_the_average_where_it_counts():
    leave = (Absence(HOLIDAY - timedelta(days=3), 2 * H, "vacation"),)

    assert hours(paying(), *TEN_AND_SIX, absences=leave) == [6]
    assert hours(paying(absence=False), *TEN_AND_SIX, absences=leave) == [8]


def test_who_did_nothing_before_is_paid_nothing():
    assert hours(paying()) == []


def test_an_earlier_holiday_is_part_of_the_average_of_a_later_one():
    after = HOLIDAY + timedelta(days=1)
    rules = replace(paying(), holidays=frozenset({HOLIDAY, after}))

    assert hours(rules, *TEN_AND_SIX, day=after) == [8]  # (10 + 6 + 8) over three


@pytest.mark.parametrize(("came_before", "forced", "overtime"), [(1, 0, 1), (0, 1, 1), (0, 0, 0)])
def test_holiday_overtime_is_for_paid_holidays_or_by_a_rule_that_always_does(
    came_before, forced, overtime
):
    rule = HolidayRule(
        pay_code="holiday", paid=8 * H, before=DaysAround(1, 1), forces_overtime=bool(forced)
    )
    holiday = replace(RULES.overtime[0], period=OvertimePeriod.HOLIDAY, over=0, multiplier=3)
    rules = replace(RULES, holiday_rules=(rule,), overtime=(holiday,))
    before = work(1, 8, 16) if came_before else ()

    assert bool(hours(rules, before, work(0, 8, 12), kind=RowKind.OVERTIME)) == bool(overtime)


@pytest.mark.parametrize("came_before", [True, False])
def test_a_filter_for_paid_holidays_looks_whether_this_one_is(came_before):
    only_holidays = TimeFilter(weekdays=frozenset(), holidays=HolidayEffect.ELIGIBLE)
    rules = replace(
        RULES,
        holiday_rules=(HolidayRule(pay_code="holiday", paid=8 * H, before=DaysAround(1, 1)),),
        premiums=(PremiumRule(pay_code="p", multiplier=1, counts=COUNTS, filter=only_holidays),),
    )
    before = work(1, 8, 16) if came_before else ()

    found = hours(rules, before, work(0, 8, 12), kind=RowKind.PREMIUM)

    assert found == ([4] if came_before else [])


def premium(**more):
    rule = PremiumRule(pay_code="p", multiplier=1, counts=COUNTS, **more)
    return replace(RULES, premiums=(rule,))


@pytest.mark.parametrize(
    ("bounds", "paid"),
    [(BoundsOf.DAY, [2, 1]), (BoundsOf.SHIFT, [2, 1, 2]), (BoundsOf.PAIR, [2, 2, 2])],
)
def test_a_ceiling_is_of_the_day_the_shift_or_the_pair(bounds, paid):
    ceiling = 3 * H if bounds is not BoundsOf.PAIR else 2 * H
    punches = work(0, 0, 2, 3, 6, 16, 18)  # two pairs, a long gap, one more

    assert hours(premium(maximum=ceiling, bounds=bounds), punches, kind=RowKind.PREMIUM) == paid


@pytest.mark.parametrize(
    ("pressed", "paid"),
    [
        ((8, 13.5), [1]),
        ((8, 13), []),
        ((8, 12, 12.1, 15), [1]),  # six minutes are no break
        ((8, 12, 12.5, 16), []),
        ((8, 13.5, 18.5, 24), [1, 1]),  # two shifts
    ],
)
def test_work_without_a_break_is_paid_once_a_shift(pressed, paid):
    rules = premium(minimum=H, longest_without_break=5 * H, least_break=1800)

    assert hours(rules, work(0, *pressed), kind=RowKind.PREMIUM) == paid


def test_a_place_can_be_left_out():
    rules = premium(only=Only(not_branches=frozenset({"north"})))

    assert hours(rules, work(0, 8, 12, place=Place("south")), kind=RowKind.PREMIUM) == [4]
    assert hours(rules, work(0, 8, 12, place=Place("north")), kind=RowKind.PREMIUM) == []

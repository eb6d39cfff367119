"""Limits of hours projected to the end of their windows, and the account of a period."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.attendance.hours.law import (
    NoJurisdictionError,
    PeriodLength,
    System,
    load_law,
)
from hr_core.attendance.hours.limits import (
    OpenedPeriod,
    PersonHours,
    minutes_by_kind,
    outlook,
    project,
    reach,
    still_planned,
)
from hr_core.attendance.hours.period_account import (
    Statutory,
    WorkedDay,
    period_account,
    statutory_minutes,
)
from hr_core.attendance.hours.permits import Permit, PostSpan, SystemSpan, system_spans
from hr_core.attendance.hours.windows import DateSpan
from hr_core.errors import NoLawError

LAW = load_law()
CALENDAR = load_calendar()
ZONE = "Asia/Shanghai"
H = 60
OCTOBER = DateSpan(date(2026, 10, 1), date(2026, 11, 1))
QUARTER = DateSpan(date(2026, 10, 1), date(2027, 1, 1))
PERMIT = Permit(
    number="P-1", system=System.COMPREHENSIVE, posts=("guard",), period=PeriodLength.QUARTER,
    valid_from=date(2026, 1, 1), valid_until=date(2027, 1, 1),
)  # fmt: skip
STANDARD = SystemSpan(days=OCTOBER, system=System.STANDARD, reason="r")


def kind_of(day):
    return CALENDAR.day(day).kind


def limit(code, on=OCTOBER.first):
    return next(row for row in LAW.limits("CN", on) if row.code == code)


def day(number, minutes, month=10):
    on = date(2026, month, number)
    return WorkedDay(day=on, kind=kind_of(on), minutes=minutes)


def month_of(minutes, until=31):
    """Every workday of October 2026 (from the 8th) up to a day."""
    return tuple(
        day(n, minutes)
        for n in range(8, until + 1)
        if kind_of(date(2026, 10, n)) is DayKind.WORKDAY
    )


def test_what_a_minute_is_to_the_law():
    found = minutes_by_kind([day(8, 11 * H), day(9, 6 * H), day(17, 5 * H), day(1, 8 * H)], 8 * H)

    assert found == {
        "normal": 14 * H, "extended": 3 * H, "rest_day": 5 * H, "statutory_holiday": 8 * H,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("planned_h", "warned", "over"),
    [(28, None, False), (29, 80, False), (34, 80, False), (35, 95, False), (36, 100, False),
     (37, 100, True)],
)  # fmt: skip
def test_the_month_warns_at_80_95_and_100_percent(planned_h, warned, over):
    hours = PersonHours(
        worked=(day(17, 10 * H),),
        planned=(day(24, 10 * H), day(25, 10 * H), day(31, (planned_h - 30) * H)),
    )

    found = project(limit("cn.month"), OCTOBER, hours, 8 * H)

    assert (found.worked_min, found.planned_min) == (10 * H, (planned_h - 10) * H)
    assert (found.warned_at, found.over, found.over_already) == (warned, over, False)
    assert found.percent == planned_h * 100 // 36


def test_a_minute_past_the_limit_is_over_and_the_limit_itself_is_not():
    at = PersonHours(worked=(day(8, 11 * H),))
    past = PersonHours(worked=(day(8, 11 * H + 1),))
    window = DateSpan(date(2026, 10, 8), date(2026, 10, 9))

    assert not project(limit("cn.day"), window, at, 8 * H).over
    found = project(limit("cn.day"), window, past, 8 * H)
    assert (found.over, found.over_already, found.percent) == (True, True, 100)
    assert project(limit("cn.day.usual"), window, at, 8 * H).over


def test_six_days_of_eight_hours_break_the_week_and_six_shorter_ones_do_not():
    week = DateSpan(date(2026, 6, 8), date(2026, 6, 15))

    def six(minutes):
        days = tuple(
            WorkedDay(day=week.first + timedelta(days=n), kind=DayKind.WORKDAY, minutes=minutes)
            for n in range(6)
        )
        return project(limit("cn.week"), week, PersonHours(worked=days), 8 * H)

    assert six(8 * H).over
    assert not six(6 * H + 40).flagged


def test_a_week_may_hold_the_workday_that_the_notice_moved_there():
    asked = DateSpan(date(2026, 2, 9), date(2026, 2, 16))  # Saturday the 14th is a workday
    six = tuple(
        WorkedDay(day=one, kind=DayKind.WORKDAY, minutes=8 * H) for one in list(asked.days())[:6]
    )
    shifted = tuple(replace(one, day=one.day + timedelta(days=119)) for one in six)  # in June

    def flagged(days, span):
        hours = PersonHours(planned=days)
        return [row.limit for row in outlook(hours, [replace(STANDARD, days=span)], LAW, ZONE,
                                             span, kind_of).flagged]  # fmt: skip

    assert flagged(six, asked) == []
    june = DateSpan(asked.first + timedelta(days=119), asked.until + timedelta(days=119))
    assert flagged(shifted, june) == ["cn.week"]


def test_an_outlook_flags_the_day_and_the_month_that_break():
    hours = PersonHours(worked=month_of(10 * H, 20), planned=month_of(11 * H + 30, 31)[10:])

    found = outlook(hours, [STANDARD], LAW, ZONE, OCTOBER, kind_of)

    codes = {row.limit for row in found.flagged}
    assert codes == {"cn.day.usual", "cn.day", "cn.month"}
    (month,) = [row for row in found.flagged if row.limit == "cn.month"]
    assert month.over
    assert not month.over_already
    assert month.source.startswith("劳动法 art. 41")


def test_irregular_hours_have_no_limit_and_other_countries_no_law():
    irregular = replace(STANDARD, system=System.IRREGULAR)
    hours = PersonHours(worked=month_of(14 * H))

    assert outlook(hours, [irregular], LAW, ZONE, OCTOBER, kind_of).projections == ()
    with pytest.raises(NoJurisdictionError, match="Europe/Berlin"):
        outlook(hours, [STANDARD], LAW, "Europe/Berlin", OCTOBER, kind_of)
    with pytest.raises(NoLawError, match="limit of working hours in CN"):
        LAW.limits("CN", date(1994, 12, 31))


def test_forty_hours_a_week_are_the_law_since_may_1995():
    def weeks(on):
        return {row.minutes for row in LAW.limits("CN", on) if row.window == "week"}

    assert weeks(date(1995, 4, 30)) == {44 * H}
    assert weeks(date(1995, 5, 1)) == {40 * H}


def test_every_row_says_where_it_comes_from():
    rows = [*LAW.limit, *LAW.statutory_hours, *LAW.time_off, *LAW.jurisdiction]

    assert all(row.source and row.status in {"official", "secondary", "unverified"} for row in rows)
    assert all(row.counts_source and row.minutes > 0 for row in LAW.limit)
    assert len({row.code for row in LAW.limit}) == len(LAW.limit)


def test_the_known_quarter_540_hours_with_8_on_a_holiday():
    """cn.ot.comprehensive_year of the known answers: 540 - 8 - 496 = 36 h over, 8 h holiday."""
    worked = [day(1, 8 * H), *(day(n, 38 * H, 11) for n in range(2, 16))]
    statutory = statutory_minutes(PERMIT, QUARTER, QUARTER, LAW, ZONE, kind_of)

    account = period_account(PERMIT, QUARTER, QUARTER, worked, statutory)

    assert statutory.minutes == 496 * H
    assert "人社部发〔2025〕2号" in account.basis
    assert (account.worked_min, account.holiday_min, account.over_min) == (540 * H, 8 * H, 36 * H)
    filled = replace(PERMIT, holiday_fills_standard=True)
    assert period_account(filled, QUARTER, QUARTER, worked, statutory).over_min == 44 * H


def test_holiday_hours_stand_apart_even_when_the_period_is_not_full():
    account = period_account(
        PERMIT, QUARTER, QUARTER, [day(1, 8 * H)], Statutory(minutes=496 * H, basis="b")
    )

    assert (account.holiday_min, account.over_min) == (8 * H, 0)


@pytest.mark.parametrize(
    ("on", "length", "hours"),
    [
        (date(2026, 10, 1), PeriodLength.YEAR, 1984), (date(2024, 1, 1), PeriodLength.YEAR, 2000),
        (date(2026, 10, 1), PeriodLength.WEEK, 40), (date(2024, 1, 1), PeriodLength.QUARTER, 500),
    ],
)  # fmt: skip
def test_statutory_hours_of_whole_periods(on, length, hours):
    assert LAW.hours_of_period("CN", on).of(length) == hours * H
    assert LAW.hours_of_period("CN", date(2026, 1, 1)).month == 9920  # 248 / 12 days of 8 h


def test_a_part_of_a_period_goes_by_its_own_workdays():
    part = DateSpan(date(2026, 10, 1), date(2026, 10, 17))

    found = statutory_minutes(PERMIT, QUARTER, part, LAW, ZONE, kind_of)

    workdays = sum(kind_of(one) is DayKind.WORKDAY for one in part.days())
    assert found.minutes == workdays * 8 * H
    assert "part of a period" in found.basis
    by_calendar = replace(PERMIT, basis="calendar")
    whole = statutory_minutes(by_calendar, OCTOBER, OCTOBER, LAW, ZONE, kind_of)
    assert "by the permit" in whole.basis


def test_a_quarter_by_permit_is_judged_as_a_whole_and_by_days_after_it_lapses():
    lapsing = replace(PERMIT, valid_until=date(2026, 11, 1))
    known = reach(OCTOBER, [lapsing])
    systems = system_spans([lapsing], [PostSpan(post="guard")], known)
    worked = (day(1, 8 * H), *month_of(12 * H))
    november = tuple(day(n, 12 * H, 11) for n in (2, 3))

    found = outlook(
        PersonHours(worked=worked, planned=november), systems, LAW, ZONE, known, kind_of
    )

    assert known == (date(2026, 9, 28), date(2027, 1, 1))
    (account,) = [row for row in found.accounts if row.days.covers(date(2026, 10, 8))]
    assert account.days == OCTOBER
    assert account.over_min == len(month_of(1)) * 4 * H  # a part goes by its workdays of 8 h
    assert account.holiday_min == 8 * H
    november_days = {row.window.first for row in found.flagged if row.limit == "cn.day"}
    assert november_days == {date(2026, 11, 2), date(2026, 11, 3)}


def test_today_is_still_planned():
    rows = (day(8, H), day(9, H))

    assert still_planned(rows, date(2026, 10, 9)) == (rows[1],)


minutes = st.integers(0, 16 * H)
october_days = st.builds(day, st.integers(1, 31), minutes)
people = st.builds(
    PersonHours,
    worked=st.lists(october_days, max_size=12).map(tuple),
    planned=st.lists(october_days, max_size=12).map(tuple),
)


@given(people, october_days, st.booleans())
def test_more_work_or_a_longer_plan_never_lowers_a_projection(hours, more, as_plan):
    known = reach(OCTOBER, [PERMIT])
    grown = (
        replace(hours, planned=(*hours.planned, more))
        if as_plan
        else replace(hours, worked=(*hours.worked, more))
    )
    for posts in ([], [PostSpan(post="guard")]):
        systems = system_spans([PERMIT], posts, known)
        before, after = (
            outlook(one, systems, LAW, ZONE, OCTOBER, kind_of).projections for one in (hours, grown)
        )
        for old, new in zip(before, after, strict=True):
            assert (old.limit, old.window) == (new.limit, new.window)
            assert old.projected_min <= new.projected_min
            assert old.worked_min <= new.worked_min
            assert (old.warned_at or 0) <= (new.warned_at or 0)
            assert old.over <= new.over


@given(people, st.randoms(use_true_random=False))
def test_the_order_of_days_does_not_matter(hours, rng):
    shuffled = PersonHours(
        worked=tuple(rng.sample(hours.worked, len(hours.worked))),
        planned=tuple(rng.sample(hours.planned, len(hours.planned))),
    )
    found = [outlook(one, [STANDARD], LAW, ZONE, OCTOBER, kind_of) for one in (hours, shuffled)]
    assert found[0] == found[1]


def test_what_another_system_counted_of_a_period_is_in_its_account():
    """October was counted elsewhere; a day of it that was computed here too counts once."""
    span = SystemSpan(days=QUARTER, system=System.COMPREHENSIVE, reason="r", permit=PERMIT)
    elsewhere = OpenedPeriod(permit="P-1", days=OCTOBER, worked_min=170 * H, holiday_min=8 * H)
    other = replace(elsewhere, permit="P-2")
    hours = PersonHours(worked=(day(8, 9 * H), day(2, 8 * H, 11)), opened=(elsewhere, other))
    found = outlook(hours, [span], LAW, ZONE, QUARTER, kind_of)
    (account,) = found.accounts
    assert (account.worked_min, account.holiday_min) == (178 * H, 8 * H)
    alone = outlook(PersonHours(worked=hours.worked), [span], LAW, ZONE, QUARTER, kind_of)
    assert alone.accounts[0].worked_min == 17 * H

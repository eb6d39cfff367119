from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar_overtime import (
    Base,
    CalendarRule,
    When,
    WorkCalendar,
    calendar_overtime,
    check_out_at,
)
from hr_core.attendance.comprehensive import (
    HoursScheme,
    PeriodHours,
    average_year,
    period_overtime,
)
from hr_core.attendance.marking import Employment, ManualRecord, Mark, Plan, mark
from hr_core.attendance.presence import Press
from hr_core.attendance.rostered import Assignment, ShiftType
from hr_core.clock import DAY_S

H = 3600
MONDAY = date(2026, 3, 2)
DAY = MONDAY.toordinal() * DAY_S
CALENDAR = WorkCalendar(work=dict.fromkeys(range(5), ((8 * H, 12 * H), (13 * H, 17 * H))))
PER_DAY = CalendarRule(base=Base.QUANTITY_DAY)


def shift(**more):
    given = {"start": 8 * H, "end": 12 * H, "before": H, "after": H, "process_after": MONDAY}
    return ShiftType(name="S", **given | {"complete_until": DAY + 9 * DAY_S} | more)


def marks(shift_type, *hours, today=MONDAY, **more):
    plan = Plan(shifts=(shift_type,), assignments=(Assignment(shift="S", first=MONDAY),), **more)
    return mark([Press(DAY + round(hour * H)) for hour in hours], plan, today)


def test_thresholds_make_half_days_and_absence():
    rules = shift(half_day_below=3 * H, absent_below=2 * H)

    found = [marks(rules, 8, end).days[0].status for end in (9.9, 10, 10.9, 11, 12)]

    assert found == [Mark.ABSENT, Mark.HALF_DAY, Mark.HALF_DAY, Mark.PRESENT, Mark.PRESENT]


def test_late_and_early_only_beyond_the_grace():
    rules = shift(late_grace=600, early_exit_grace=600)

    [at_grace] = marks(rules, 8 + 600 / H, 12 - 600 / H).days
    [beyond] = marks(rules, 8 + 601 / H, 12 - 601 / H).days

    assert (at_grace.late, at_grace.early_exit) == (False, False)
    assert (beyond.late, beyond.early_exit) == (True, True)


@pytest.mark.parametrize("hours", [(), (8, 12)])
def test_nothing_is_said_before_the_data_are_complete(hours):
    window_closes = DAY + 13 * H

    assert marks(shift(complete_until=window_closes), *hours).days == ()
    later = marks(shift(complete_until=window_closes + DAY_S), *hours)
    assert [one.status for one in later.days] == [Mark.PRESENT if hours else Mark.ABSENT]


def test_a_manual_record_stands_and_people_who_left_are_not_absent():
    record = (ManualRecord(MONDAY, "leave"),)

    found = marks(shift(), 8, 12, manual=record)
    assert (found.skipped, [one.manual for one in found.days]) == (2, [True])
    gone = Employment(left=MONDAY)
    days = marks(shift(), today=MONDAY + timedelta(days=3), employment=gone).days
    assert [one.day for one in days] == [MONDAY]


def over(*spans, rules=(PER_DAY,), calendar=CALENDAR, **more):
    attendances = [
        (DAY + round(came * H), None if left is None else DAY + round(left * H))
        for came, left in spans
    ]
    return calendar_overtime(attendances, calendar, rules, **more)


def test_lunch_of_the_calendar_is_no_work():
    assert over((7, 16)).seconds == 0
    assert over((7, 18)).seconds == 2 * H
    assert over((7, None)).seconds == 0


def test_overtime_of_the_day_lies_in_its_last_hours():
    found = over((8, 19), (19, 20))

    assert found.by_attendance == (2 * H, H)
    assert [(line.start - DAY, line.end - DAY) for line in found.lines] == [(17 * H, 20 * H)]


def test_an_hour_that_two_rules_claim_is_one_hour():
    evening = CalendarRule(base=Base.TIMING, when=When.WORK_DAYS, start=18 * H, end=6 * H)

    assert over((8, 20), rules=(PER_DAY, evening)).seconds == 3 * H


def test_tolerance_is_all_or_nothing():
    tolerant = CalendarRule(base=Base.QUANTITY_DAY, overtime_tolerance=900)

    assert over((8, 17.25), rules=(tolerant,)).seconds == 0
    assert over((8, 17.5), rules=(tolerant,)).seconds == 1800


def test_short_time_is_the_least_that_a_rule_asks_for():
    rules = tuple(CalendarRule(base=Base.QUANTITY_DAY, expected=n * H) for n in (8, 10))

    assert over((13, 18), rules=rules, count_short_time=True).seconds == -3 * H
    assert over((13, 18), rules=rules).seconds == 0


@pytest.mark.parametrize(
    ("came", "now", "at"), [(8, 20, 18), (14, 24, 23), (8, 17.9, None), (12.5, 24, 22)]
)
def test_an_open_attendance_ends_after_the_expected_hours(came, now, at):
    attendance = [(DAY + round(came * H), None)]

    found = check_out_at(attendance, CALENDAR, H, DAY + round(now * H))

    assert found == (None if at is None else DAY + at * H)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=6),
    st.lists(st.sampled_from((PER_DAY, CalendarRule(base=Base.TIMING, start=18 * H, end=6 * H)))),
)
def test_overtime_is_worked_time_and_days_are_their_attendances(spans, rules):
    spans = sorted((start / 4, start / 4 + length / 4) for start, length in spans)
    apart = [one for n, one in enumerate(spans) if n == 0 or one[0] >= max(s[1] for s in spans[:n])]

    found = over(*apart, rules=rules)

    assert (
        sum(found.by_attendance)
        == found.seconds
        == sum(line.end - line.start for line in found.lines)
    )
    assert 0 <= found.seconds <= found.worked


def test_comprehensive_hours_are_judged_by_the_period():
    hours = PeriodHours(
        worked=540 * H, statutory_holiday=8 * H, standard=496 * H, holiday_fills_standard=False
    )

    found = period_overtime(HoursScheme.COMPREHENSIVE, hours)
    assert (found.over, found.holiday) == (36 * H, 8 * H)
    assert period_overtime(HoursScheme.IRREGULAR, hours).over == 0
    assert average_year(13).workdays == 248
    assert float(average_year(13).paid_days_of_month) == 21.75

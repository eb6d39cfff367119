"""Meals, leave, premiums and detection of the time sheet, one rule at a time."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from hr_core.attendance.timesheet.detection import detect, record
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Absence,
    Direction,
    Entries,
    Punch,
    PunchType,
    Schedule,
    ScheduleStatus,
)
from hr_core.attendance.timesheet.rules import (
    Contribution,
    DayRule,
    MealDetection,
    MealMode,
    MealRule,
    PremiumRule,
    RegularRule,
    RowKind,
    Rules,
    TimeFilter,
)
from hr_core.attendance.timesheet.sheet import compute_sheet

H = 3600
MONDAY = date(2026, 3, 2)
LOCAL = LocalTime("Asia/Shanghai")
COUNTS = Contribution(pay_codes=frozenset({"regular", "lunch"}))
RULES = Rules(
    zone="Asia/Shanghai",
    week_starts=1,
    day_rule=DayRule.STARTS,
    maximum_shift=16 * H,
    new_shift_gap=4 * H,
    regular=(RegularRule(counts=COUNTS, pay_code="regular", order=0),),
)
LUNCH = MealRule(
    kind=RowKind.LUNCH_ADJUST, mode=MealMode.DEDUCT, after=6 * H, amount=H, pay_code="lunch"
)


def at(hour, day=MONDAY):
    return LOCAL.at(day, round(hour * H))


def work(*hours, day=MONDAY):
    """In and out by turns."""
    directions = (Direction.IN, Direction.OUT)
    return Entries(
        punches=tuple(
            Punch(at=at(hour, day), direction=directions[n % 2]) for n, hour in enumerate(hours)
        )
    )


def plan(start, end, **more):
    return Schedule(day=MONDAY, start=at(start), end=at(end), **more)


def rows(entries, rules, kind):
    sheet = compute_sheet(entries, rules).get(MONDAY)
    return [row for row in sheet.rows if row.kind is kind] if sheet else []


def hours(entries, rules, kind=RowKind.REGULAR):
    return [row.seconds / H for row in rows(entries, rules, kind)]


@pytest.mark.parametrize(("end", "worked"), [(13.95, 5.95), (14, 5), (17, 8)])
def test_a_meal_is_taken_off_once_its_hours_are_worked(end, worked):
    rules = replace(RULES, meals=(LUNCH,))

    assert sum(hours(work(8, end), rules)) == pytest.approx(worked, abs=0.001)


def test_what_was_punched_as_a_meal_is_not_taken_off_again():
    rules = replace(RULES, meals=(replace(LUNCH, counts_punched=True),))
    entries = work(8, 12, 12.5, 17)
    punches = [
        replace(punch, type=PunchType.LUNCH) if n in (1, 2) else punch
        for n, punch in enumerate(entries.punches)
    ]

    assert sum(hours(replace(entries, punches=tuple(punches)), rules)) == 8
    assert sum(hours(entries, rules)) == 7.5


def test_leave_planned_beside_work_stays_and_across_it_goes():
    afternoon = plan(13, 17, status=ScheduleStatus.ABSENT, absence="annual")
    entries = replace(work(8, 12), schedules=(afternoon,))

    assert hours(entries, RULES, RowKind.ABSENCE) == [4]
    assert hours(replace(work(8, 14), schedules=(afternoon,)), RULES, RowKind.ABSENCE) == []


def test_leave_entered_by_hand_lies_before_the_first_punch_and_replaces_the_plan():
    leave = (Absence(MONDAY, 2 * H, "annual"),)
    planned = (plan(8, 17, status=ScheduleStatus.ABSENT, absence="annual"),)

    [before] = rows(replace(work(10, 17), absences=leave), RULES, RowKind.ABSENCE)
    [alone] = rows(Entries(absences=leave, schedules=planned), RULES, RowKind.ABSENCE)

    assert (before.start, before.end) == (at(8), at(10))
    assert (alone.start, alone.seconds) == (at(0), 2 * H)


def test_an_evening_premium_reaches_over_midnight():
    evening = PremiumRule(
        pay_code="evening",
        multiplier=0.5,
        counts=COUNTS,
        filter=TimeFilter(start=18 * H, end=3 * H),
    )
    rules = replace(RULES, premiums=(evening,))

    assert hours(work(17, 28), rules, RowKind.PREMIUM) == [9]
    whole = replace(rules, premiums=(replace(evening, whole_shift=True),))
    assert hours(work(17, 28), whole, RowKind.PREMIUM) == []
    assert hours(work(18, 27), whole, RowKind.PREMIUM) == [9]


def test_a_premium_has_a_floor_and_a_ceiling_a_day():
    bounded = PremiumRule(pay_code="p", multiplier=1, counts=COUNTS, minimum=H, maximum=2 * H)
    rules = replace(RULES, premiums=(bounded,))

    assert hours(work(8, 8.5), rules, RowKind.PREMIUM) == [1]
    assert hours(work(8, 9.5, 10, 12), rules, RowKind.PREMIUM) == [1.5, 0.5]


def test_a_spring_night_has_its_true_length():
    rules = replace(RULES, zone="America/Vancouver")
    local = LocalTime("America/Vancouver")
    spring = date(2015, 3, 7)
    night = Entries(
        punches=(
            Punch(at=local.at(spring, 18 * H), direction=Direction.IN),
            Punch(at=local.at(spring + timedelta(days=1), 3 * H), direction=Direction.OUT),
        )
    )

    [row] = [row for row in compute_sheet(night, rules)[spring].rows if row.pay_code]
    assert row.seconds == 8 * H


def test_in_and_out_follow_the_plan_until_somebody_came():
    planned = Entries(schedules=(plan(8, 17),))

    assert detect(at(12), planned, RULES).direction is Direction.IN
    assert detect(at(13), planned, RULES).direction is Direction.OUT
    came = record(at(8), detect(at(8), planned, RULES), planned, None)
    assert detect(at(12), came, RULES).direction is Direction.OUT


def test_a_short_absence_turns_out_to_have_been_a_meal():
    away = replace(LUNCH, detect=MealDetection.PUNCH_TIME, detect_from=1800, detect_length=2700)
    rules = replace(RULES, meals=(away,))
    entries = work(8, 12)

    found = detect(at(13), entries, rules)

    assert (found.direction, found.type) == (Direction.IN, PunchType.LUNCH)
    after = record(at(13), found, entries, None)
    assert [punch.type for punch in after.punches][1:] == [PunchType.LUNCH, PunchType.LUNCH]
    assert detect(at(14), entries, rules).type is PunchType.NORMAL

"""Leave of a day: entered by hand, planned in the roster, or a holiday's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from hr_core.attendance.periods import WEEK
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Entries,
    Row,
    Schedule,
    ScheduleStatus,
    Shift,
)
from hr_core.attendance.timesheet.rules import (
    CountedDays,
    DaysAround,
    HolidayAverage,
    HolidayRule,
    MealMode,
    OnHoliday,
    RowKind,
    Rules,
)

# How far back or ahead a scheduled day is looked for beside a holiday.
_HORIZON_DAYS = 180


# What each holiday pays by its rule's pay code, where that is an average.
Averages = Mapping[tuple[date, str], int]


def absence_rows(
    day: date, entries: Entries, rules: Rules, shifts: Sequence[Shift], averages: Averages
) -> list[Row]:
    """What is entered takes the place of the plan's and the holiday's of the same pay code."""
    local = LocalTime(rules.zone)
    own = [shift for shift in shifts if shift.day == day]
    worked = days_worked(shifts)
    entered = _entered(day, entries, own, local)
    codes = {row.pay_code for row in entered}
    planned = [
        schedule
        for schedule in _planned(day, entries.schedules)
        # Who came at the time of the planned leave did not take it.
        if not any(shift.start < schedule.end and schedule.start < shift.end for shift in own)
    ]
    rows = list(entered)
    for rule in rules.holiday_rules if day in rules.holidays else ():
        same = [schedule for schedule in planned if schedule.absence == rule.pay_code]
        planned = [schedule for schedule in planned if schedule not in same]
        paid = averages.get((day, rule.pay_code), 0) if rule.average else rule.paid
        if rule.pay_code in codes or not paid:
            continue
        if eligible(rule, day, entries.schedules, worked):
            others = [*(schedule.start for schedule in planned), *(shift.start for shift in own)]
            start = _holiday_start((day, paid), same, others, entries, local)
            rows.append(_row(day, rule.pay_code, start, paid))
    for schedule in planned:
        if schedule.absence and schedule.absence not in codes:
            seconds = scheduled_seconds(schedule)
            rows.append(_row(day, schedule.absence, schedule.start, seconds))
    return rows


def days_worked(shifts: Iterable[Shift]) -> frozenset[date]:
    return frozenset(shift.day for shift in shifts if any(pair.worked for pair in shift.pairs))


def average_paid(
    rule: HolidayRule, average: HolidayAverage, day: date, before: Mapping[date, Sequence[Row]]
) -> int:
    """Of the rows of the days before the holiday; within the rule's bounds."""
    kinds = {RowKind.REGULAR}
    if average.overtime:
        kinds.add(RowKind.OVERTIME)
    if average.absence:
        kinds.add(RowKind.ABSENCE)
    totals = [
        sum(row.seconds for row in rows if row.kind in kinds)
        for on, rows in before.items()
        if day - timedelta(days=average.days) <= on < day
    ]
    divisor = average.divisor or sum(1 for total in totals if total > 0)
    seconds = round(sum(totals) / divisor) if divisor else 0
    seconds = max(seconds, rule.paid)
    return min(seconds, average.maximum) if average.maximum else seconds


def _entered(day: date, entries: Entries, own: Sequence[Shift], local: LocalTime) -> list[Row]:
    """Directly before the first punch; without one from midnight on."""
    rows: list[Row] = []
    first = min((shift.start for shift in own), default=None)
    at = local.at(day) if first is None else first
    for absence in entries.absences:
        if absence.day != day:
            continue
        if first is None:
            rows.append(_row(day, absence.pay_code, at, absence.seconds))
            at += absence.seconds
        else:
            at -= absence.seconds
            rows.append(_row(day, absence.pay_code, at, absence.seconds))
    return rows


def _planned(day: date, schedules: Iterable[Schedule]) -> list[Schedule]:
    return [
        schedule
        for schedule in schedules
        if schedule.day == day and schedule.status is ScheduleStatus.ABSENT and schedule.absence
    ]


def scheduled_seconds(schedule: Schedule) -> int:
    seconds = schedule.end - schedule.start
    meal = schedule.meal
    if meal and meal.mode is not MealMode.ADD and seconds >= meal.after:
        seconds -= meal.amount
    return seconds


def _holiday_start(
    holiday: tuple[date, int],
    same: Sequence[Schedule],
    others: Sequence[int],
    entries: Entries,
    local: LocalTime,
) -> int:
    day, paid = holiday
    if same:
        return same[0].start
    if others:
        return min(others) - paid
    scheduled = [schedule.start for schedule in entries.schedules if schedule.day == day]
    return min(scheduled, default=local.at(day))


def eligible(
    rule: HolidayRule,
    day: date,
    schedules: Sequence[Schedule],
    worked: frozenset[date],
) -> bool:
    """Whether the holiday is paid: worked around it as asked, and on it as asked."""
    around = all(
        _worked_around(days, day, step, schedules, worked)
        for days, step in ((rule.before, -1), (rule.after, 1))
    )
    return around and _worked_on(rule, day, schedules, worked)


def _worked_around(
    days: DaysAround, day: date, step: int, schedules: Sequence[Schedule], worked: frozenset[date]
) -> bool:
    if not days.worked:
        return True
    near = _days_beside(days, day, step, schedules)
    return sum(1 for on in near if on in worked) >= days.worked


def _days_beside(
    days: DaysAround, day: date, step: int, schedules: Sequence[Schedule]
) -> list[date]:
    if days.counted is CountedDays.SCHEDULED:
        working = {one.day for one in schedules if one.status is ScheduleStatus.WORKING}
        near = (day + timedelta(days=step * offset) for offset in range(1, _HORIZON_DAYS))
        return [on for on in near if on in working][: days.among]
    if days.counted is CountedDays.SAME_WEEKDAY:
        step *= WEEK
    return [day + timedelta(days=step * n) for n in range(1, days.among + 1)]


def _worked_on(
    rule: HolidayRule, day: date, schedules: Sequence[Schedule], worked: frozenset[date]
) -> bool:
    present = day in worked
    plans = {schedule.status for schedule in schedules if schedule.day == day}
    working, absent = ScheduleStatus.WORKING in plans, ScheduleStatus.ABSENT in plans
    answers = {
        OnHoliday.MUST_WORK: present,
        OnHoliday.MUST_NOT_WORK: not present,
        OnHoliday.WORK_IF_SCHEDULED: present or not working,
        OnHoliday.NOT_WORK_IF_ABSENT: not (present and absent),
        OnHoliday.NOT_WORK_AND_ABSENT: not present and absent,
        OnHoliday.NOT_WORK_NOR_SCHEDULED: not present and not working,
    }
    return rule.on_holiday is None or answers[rule.on_holiday]


def _row(day: date, pay_code: str, start: int, seconds: int) -> Row:
    return Row(
        day=day,
        kind=RowKind.ABSENCE,
        seconds=seconds,
        start=start,
        end=start + seconds,
        pay_code=pay_code,
    )

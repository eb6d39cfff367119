"""The overtime of one stored day: what was punched and approved, counted by the plant's rule."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.attendance.calendar_overtime import Span, without
from hr_core.attendance.day import DayResult, load_rules
from hr_core.attendance.hours.counted_overtime import (
    CountedOvertime,
    CountingRules,
    counted_overtime,
)
from hr_core.attendance.month import compute_month
from hr_core.attendance.punches import punches_of_month
from hr_core.clock import DAY_S, Month, wall_seconds_at
from hr_core.errors import CoreError, NotFoundError
from hr_core.pay.run import imported_roster
from hr_core.people.model import Shift
from hr_core.store.work_plan import plan_of


class DayOvertime(Struct, frozen=True, kw_only=True):
    kind: DayKind
    counted: CountedOvertime
    events: tuple[str, ...]


class UnclearDayError(CoreError):
    """Overtime of a day that somebody must look at first would be a guess."""


def overtime_of_day(
    conn: sa.Connection, person: str, day: date, rules: CountingRules, now: datetime
) -> DayOvertime:
    """Computed now from the raw punches. Raises NotFoundError, NoLawError, UnclearDayError."""
    roster = imported_roster(conn)
    known = roster.people.get(person)
    if known is None:
        raise NotFoundError(
            f"there is no person {person!r}",
            remedy="use the employee number of the people file, not a device's user id",
        )
    month = Month(day.year, day.month)
    calendar = load_calendar()
    shift = roster.shifts[known.shift]
    results = compute_month(
        shift,
        [calendar.day(on) for on in month.days()],
        punches_of_month(conn, roster, month).by_person[person],
        load_rules(),
        wall_seconds_at(now, known.zone),
    )
    result = results.days[day.day - 1]
    if result.to_clarify:
        raise UnclearDayError(
            f"{day} of {person} is {result.status}: its overtime is not known",
            remedy=f"clear the day first: hr-core attendance show {person} --month {month}",
        )
    plan = plan_of(conn, person, day, day + timedelta(days=1))[day]
    approved = [(one.start, one.end) for one in plan.overtime_approved]
    counted = counted_overtime(
        punched_overtime(result, shift), approved, rules.on(day).of(result.kind)
    )
    return DayOvertime(kind=result.kind, counted=counted, events=result.used)


def punched_overtime(result: DayResult, shift: Shift) -> list[Span]:
    """What was worked beyond the plan: after the shift on a workday, all of it on another day, less
    the shift's break; coming early is no overtime.
    """
    if result.arrived is None or result.left is None:
        return []
    midnight = result.day.toordinal() * DAY_S
    start, end = midnight + shift.start_min * 60, midnight + shift.end_min * 60
    if result.kind is DayKind.WORKDAY:
        begin = max(result.arrived, end)
        return [(begin, result.left)] if begin < result.left else []
    begin = max(result.arrived, start)
    rest = midnight + shift.break_start_min * 60
    worked = [(begin, result.left)] if begin < result.left else []
    return without(worked, [(rest, rest + shift.break_min * 60)])

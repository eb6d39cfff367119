"""Present, half a day or absent: a person's days from punches, roster and completeness.

A day is judged only when device data are complete beyond its window; absence waits a day longer,
so that a manual record can still come.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.presence import Press, presence
from hr_core.attendance.rostered import (
    Assignment,
    Occurrence,
    ShiftType,
    occurrences,
    resolve,
)
from hr_core.clock import DAY_S


class Mark(StrEnum):
    PRESENT = "present"
    HALF_DAY = "half_day"
    ABSENT = "absent"
    LEAVE = "leave"


class MarkRules(Struct, frozen=True, kw_only=True):
    """All in seconds. A grace of None says that nobody asks whether a person was late."""

    late_grace: int | None = None
    early_exit_grace: int | None = None
    half_day_below: int = 0
    absent_below: int = 0

    def status(self, seconds: int) -> Mark:
        if seconds < self.absent_below:
            return Mark.ABSENT
        return Mark.HALF_DAY if seconds < self.half_day_below else Mark.PRESENT

    def is_late(self, arrived: int, start: int) -> bool:
        return self.late_grace is not None and arrived > start + self.late_grace

    def left_early(self, left: int, end: int) -> bool:
        return self.early_exit_grace is not None and left < end - self.early_exit_grace


class ManualRecord(Struct, frozen=True):
    """`shift` None: it stands for the whole day."""

    day: date
    status: str
    shift: str | None = None


class MarkedDay(Struct, frozen=True, kw_only=True):
    day: date
    shift: str | None
    status: str
    late: bool = False
    early_exit: bool = False
    seconds: int = 0
    manual: bool = False


class Employment(Struct, frozen=True):
    active: bool = True
    joined: date | None = None
    left: date | None = None

    def covers(self, day: date) -> bool:
        return (
            self.active
            and (self.joined is None or day >= self.joined)
            and (self.left is None or day <= self.left)
        )


class Marked(Struct, frozen=True):
    days: tuple[MarkedDay, ...]
    skipped: int


class Plan(Struct, frozen=True, kw_only=True):
    shifts: tuple[ShiftType, ...]
    assignments: tuple[Assignment, ...]
    holidays: frozenset[date] = frozenset()
    manual: tuple[ManualRecord, ...] = ()
    employment: Employment = Employment()


def mark(presses: Iterable[Press], plan: Plan, today: date) -> Marked:
    by_shift: dict[tuple[str, date], tuple[Occurrence, list[Press]]] = {}
    for press in sorted(presses):
        found = resolve(press.at, plan.shifts, plan.assignments)
        if found:
            by_shift.setdefault((found.shift.name, found.day), (found, []))[1].append(press)
    days = [
        MarkedDay(day=one.day, shift=one.shift, status=one.status, manual=True)
        for one in plan.manual
    ]
    skipped = 0
    for found, own in by_shift.values():
        if _taken(found, plan):
            skipped += len(own)
        elif _judged(found, plan):
            days.append(_present(found, own))
    days += _absences(plan, set(by_shift), today)
    return Marked(tuple(sorted(days, key=lambda one: (one.day, one.shift or ""))), skipped)


def _judged(found: Occurrence, plan: Plan) -> bool:
    shift = found.shift
    return (
        found.day >= shift.process_after
        and found.closes < shift.complete_until
        and plan.employment.covers(found.day)
        and (shift.mark_on_holidays or found.day not in plan.holidays)
    )


def _taken(found: Occurrence, plan: Plan) -> bool:
    """A manual record of the day, of this shift or of one that it overlaps, stands."""
    shifts = {shift.name: shift for shift in plan.shifts}
    for record in plan.manual:
        if record.day != found.day:
            continue
        other = shifts.get(record.shift or "")
        if other is None or shifts_overlap(found.shift, other):
            return True
    return False


def shifts_overlap(one: ShiftType, other: ShiftType) -> bool:
    def ends(shift: ShiftType) -> tuple[int, int]:
        return shift.start, shift.end + (DAY_S if shift.end <= shift.start else 0)

    start, end = ends(one)
    other_start, other_end = ends(other)
    return start < other_end and other_start < end


def _present(found: Occurrence, presses: Sequence[Press]) -> MarkedDay:
    shift = found.shift
    there = presence(presses, shift.pairing, shift.hours_from)
    rules = MarkRules(
        late_grace=shift.late_grace,
        early_exit_grace=shift.early_exit_grace,
        half_day_below=shift.half_day_below,
        absent_below=shift.absent_below,
    )
    return MarkedDay(
        day=found.day,
        shift=shift.name,
        status=rules.status(there.seconds),
        late=there.first_in is not None and rules.is_late(there.first_in, found.start),
        early_exit=there.last_out is not None and rules.left_early(there.last_out, found.end),
        seconds=there.seconds,
    )


def _absences(plan: Plan, seen: set[tuple[str, date]], today: date) -> list[MarkedDay]:
    assigned = any(one.first is not None for one in plan.assignments)
    expected = [
        # Somebody with a roster is not absent from the shift of people without one.
        one
        for one in plan.assignments
        if one.first is not None or not assigned
    ]
    days = []
    for found in occurrences(plan.shifts, expected, _dates(plan, today)):
        waited = found.opens + DAY_S <= found.shift.complete_until
        if (
            (found.shift.name, found.day) not in seen
            and waited
            and _judged(found, plan)
            and found.day not in plan.holidays
            and not _taken(found, plan)
        ):
            days.append(MarkedDay(day=found.day, shift=found.shift.name, status=Mark.ABSENT))
    return days


def _dates(plan: Plan, today: date) -> list[date]:
    first = min((shift.process_after for shift in plan.shifts), default=today)
    return [date.fromordinal(day) for day in range(first.toordinal(), today.toordinal() + 1)]

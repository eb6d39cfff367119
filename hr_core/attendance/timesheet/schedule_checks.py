"""Planned shifts of one person that cannot all hold, and those that a clock change touches."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.timesheet.clock_changes import WallClock, change_on, instant_of
from hr_core.attendance.timesheet.model import Schedule, ScheduleStatus

_LONGEST_S = 36 * 3600


class ScheduleProblem(StrEnum):
    OVERLAP = "overlaps another planned shift that begins before it"
    NO_LENGTH = "ends before it begins"
    TOO_LONG = "is longer than 36 hours"
    MEAL_TOO_LONG = "has a meal that is longer than the shift"


class ClockFlag(StrEnum):
    """A planned shift that is computed, and that a person should look at."""

    SKIPPED = "an end of it lies in the hour that the clock skips"
    TWICE = "an end of it lies in the hour that comes twice"
    CHANGES = "its day is not 24 hours long"


class Refused(Struct, frozen=True):
    """`row`: the place of the schedule in what was given, from 1."""

    row: int
    schedule: Schedule
    problem: ScheduleProblem


def refused(schedules: Sequence[Schedule]) -> list[Refused]:
    """Of one person. A planned absence may lie over a shift: it is what became of it."""
    rows = list(enumerate(schedules, 1))
    found = [Refused(row, one, problem) for row, one in rows for problem in _of_one(one)]
    working = [(row, one) for row, one in rows if one.status is ScheduleStatus.WORKING]
    ordered = sorted(working, key=lambda numbered: (numbered[1].start, numbered[1].end))
    taken_until = ordered[0][1].start if ordered else 0
    for row, one in ordered:
        if one.start < taken_until:
            found.append(Refused(row, one, ScheduleProblem.OVERLAP))
        taken_until = max(taken_until, one.end)
    return sorted(found, key=lambda one: one.row)


def _of_one(one: Schedule) -> Iterator[ScheduleProblem]:
    length = one.end - one.start
    if length <= 0:
        yield ScheduleProblem.NO_LENGTH
    elif length > _LONGEST_S:
        yield ScheduleProblem.TOO_LONG
    elif one.meal and one.meal.amount > length:
        yield ScheduleProblem.MEAL_TOO_LONG


def clock_flags(start: datetime, end: datetime, zone: str) -> tuple[ClockFlag, ...]:
    """Of a planned shift by its naive wall-clock times."""
    clocks = {instant_of(wall, zone).clock for wall in (start, end)}
    days = {start.date(), (end - timedelta(seconds=1)).date()}
    found = {
        ClockFlag.SKIPPED: WallClock.SKIPPED in clocks,
        ClockFlag.TWICE: WallClock.TWICE in clocks,
        ClockFlag.CHANGES: any(change_on(day, zone) for day in days),
    }
    return tuple(flag for flag, holds in found.items() if holds)

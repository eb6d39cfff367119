"""A month's grid as a table for spreadsheet programs: a line for each person, a column for each day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import OPEN, DayStatus
from hr_core.clock import Month
from hr_core.spreadsheet import Cell
from hr_core.store.attendance_grid import GridDay

_SUMS = (
    "regular", "overtime_workday", "overtime_rest_day", "overtime_statutory_holiday", "late",
    "early_leave", "days_worked", "open_days",
)  # fmt: skip


class TablePerson(NamedTuple):
    person: str
    employee_number: str | None
    name: str


def titles(month: Month) -> list[Cell]:
    days = [day.isoformat() for day in month.days()]
    return ["person", "employee_number", "name", *days, *_SUMS]


def line(who: TablePerson, month: Month, days: Mapping[date, GridDay]) -> list[Cell]:
    cells = [_cell(days.get(day)) for day in month.days()]
    return [*who, *cells, *_sums(list(days.values()))]


def open_days(days: Mapping[date, GridDay]) -> int:
    return sum(_is_open(day) for day in days.values())


def _cell(day: GridDay | None) -> Cell:
    """Hours of work with overtime; a word where there are none, or where they do not stand yet."""
    if day is None or day.status is DayStatus.OFF:
        return None
    minutes = day.regular_min + day.overtime_min
    if _is_open(day) or day.status is DayStatus.NOT_OVER or not minutes:
        return "keys_contradict" if day.keys_contradict else str(day.status)
    return timedelta(minutes=minutes)


def _is_open(day: GridDay) -> bool:
    return day.keys_contradict or day.status in OPEN


def _sums(days: Sequence[GridDay]) -> Iterator[Cell]:
    """Minutes of open days are in them as they stand."""

    def total(minutes: Iterator[int]) -> timedelta:
        return timedelta(minutes=sum(minutes))

    yield total(day.regular_min for day in days)
    for kind in (DayKind.WORKDAY, DayKind.REST_DAY, DayKind.STATUTORY_HOLIDAY):
        yield total(day.overtime_min for day in days if day.kind is kind)
    yield total(day.late_min for day in days)
    yield total(day.early_leave_min for day in days)
    yield sum(day.regular_min + day.overtime_min > 0 for day in days)
    yield sum(_is_open(day) for day in days)

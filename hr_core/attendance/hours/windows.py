"""Half-open spans of days in which hours are summed: day, week, month, and a permit's period."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from hr_core.attendance.hours.law import PeriodLength, Window
from hr_core.attendance.periods import WEEK, week_of

MONDAY = 1
_MONTHS = {PeriodLength.MONTH: 1, PeriodLength.QUARTER: 3, PeriodLength.YEAR: 12}


class DateSpan(NamedTuple):
    """`until` is the first day after it."""

    first: date
    until: date

    def days(self) -> Iterator[date]:
        for ordinal in range(self.first.toordinal(), self.until.toordinal()):
            yield date.fromordinal(ordinal)

    def covers(self, day: date) -> bool:
        return self.first <= day < self.until

    def overlap(self, other: "DateSpan") -> "DateSpan | None":
        first, until = max(self.first, other.first), min(self.until, other.until)
        return DateSpan(first, until) if first < until else None


def period_around(length: PeriodLength, on: date, anchor: date | None = None) -> DateSpan:
    """The period that holds `on`. Periods of months begin with the month of `anchor` (January) and
    follow each other from there, both ways; weeks are calendar weeks.
    """
    if length is PeriodLength.WEEK:
        monday = week_of(on, MONDAY)
        return DateSpan(monday, monday + timedelta(days=WEEK))
    months = _MONTHS[length]
    begins = 0 if anchor is None else _month(anchor)
    start = begins + (_month(on) - begins) // months * months
    return DateSpan(_first_day(start), _first_day(start + months))


def windows_in(window: Window, asked: DateSpan) -> Iterator[DateSpan]:
    """Every day, calendar week or month that has a day of `asked`, whole."""
    if window is Window.DAY:
        for day in asked.days():
            yield DateSpan(day, day + timedelta(days=1))
        return
    length = PeriodLength.WEEK if window is Window.WEEK else PeriodLength.MONTH
    yield from periods_in(length, asked)


def periods_in(
    length: PeriodLength, asked: DateSpan, anchor: date | None = None
) -> Iterator[DateSpan]:
    """Every period that has a day of `asked`, whole."""
    day = asked.first
    while day < asked.until:
        span = period_around(length, day, anchor)
        yield span
        day = span.until


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)

"""Weeks and periods of several weeks, as overtime counts them."""

from datetime import date, timedelta
from typing import NamedTuple

WEEK = 7


class Period(NamedTuple):
    """`end` is the last day. `week` counts the asked date's week from 0."""

    start: date
    end: date
    week: int
    weeks: int

    @property
    def is_first_week(self) -> bool:
        return self.week == 0

    @property
    def is_last_week(self) -> bool:
        return self.week == self.weeks - 1


def week_of(on: date, week_starts: int) -> date:
    """The first day of the week; `week_starts` 0 is Sunday, 1 Monday."""
    return on - timedelta(days=(on.isoweekday() - week_starts) % WEEK)


def period_of(on: date, weeks: int, first_period_start: date, week_starts: int) -> Period:
    """The period of `weeks` whole weeks around a date; the first began in the week of
    `first_period_start`, and dates before it are counted backwards.
    """
    this_week = week_of(on, week_starts)
    passed = (this_week - week_of(first_period_start, week_starts)).days // WEEK
    week = passed % weeks
    start = this_week - timedelta(days=week * WEEK)
    return Period(start, start + timedelta(days=weeks * WEEK - 1), week, weeks)

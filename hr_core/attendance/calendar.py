"""Which kind of day a date is: workday, rest day or statutory holiday, from dated sourced rows."""

from datetime import date
from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct

from hr_core.data_files import load
from hr_core.errors import NoLawError

SATURDAY = 5


class DayKind(StrEnum):
    WORKDAY = "workday"
    REST_DAY = "rest_day"
    STATUTORY_HOLIDAY = "statutory_holiday"


class CalendarDay(NamedTuple):
    on: date
    kind: DayKind


class CalendarYear(Struct, frozen=True, forbid_unknown_fields=True):
    """`free` are weekdays off, `worked` weekends worked in exchange; `status` says how far to trust.

    A statutory holiday on a weekend stays one; the weekday off in its place is a rest day.
    """

    year: int
    source: str
    statutory_source: str
    status: Literal["official", "secondary", "unverified"]
    statutory: frozenset[date]
    free: frozenset[date]
    worked: frozenset[date]

    def kind(self, on: date) -> DayKind:
        if on in self.statutory:
            return DayKind.STATUTORY_HOLIDAY
        if on in self.free or (on.weekday() >= SATURDAY and on not in self.worked):
            return DayKind.REST_DAY
        return DayKind.WORKDAY


class Calendar(Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    year: tuple[CalendarYear, ...]

    def day(self, on: date) -> CalendarDay:
        """Raises NoLawError for a year without sourced rows."""
        return CalendarDay(on, self.of_year(on).kind(on))

    def of_year(self, on: date) -> CalendarYear:
        for year in self.year:
            if year.year == on.year:
                return year
        raise NoLawError("working calendar", on)


def load_calendar() -> Calendar:
    return load("calendar_cn.toml", Calendar)

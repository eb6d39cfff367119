"""The calendar of a site: a country's holidays, its weekly rest days, and the site's own days."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from hr_core.attendance.calendar import Calendar, CalendarYear, DayKind
from hr_core.errors import NoLawError, RefusedError

if TYPE_CHECKING:
    from holidays import HolidayBase

CHINA = "CN"
# A site that nobody named: the calendar for every site that has none of its own.
ANY_SITE = "*"


class UnknownCalendarError(RefusedError):
    """There is no country or subdivision of this code."""


class NoCalendarError(NoLawError):
    """No calendar covers the date at the site. Never taken for an ordinary week."""

    def __init__(self, calendar: str, on: date, *, remedy: str) -> None:
        super().__init__(f"calendar of {calendar}", on)
        self.remedy = remedy


class OwnDay(Struct, frozen=True, forbid_unknown_fields=True):
    """A day that the site decided itself: a company holiday, a day worked in exchange."""

    on: date
    kind: DayKind
    reason: str


class SiteCalendar(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In force at `site` from `first` until the day `until` (excluded; None: open).

    observed      a holiday on a weekend moves as the country's law says
    rest_weekdays Monday is 0; None: the country's own week end. Six-day weeks: (6,)
    """

    site: str = ANY_SITE
    first: date
    until: date | None = None
    country: str
    subdivision: str | None = None
    observed: bool = True
    rest_weekdays: tuple[int, ...] | None = None
    own_days: tuple[OwnDay, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.until is None or day < self.until)


class CalendarBook(Struct, frozen=True, kw_only=True):
    """Every calendar of the sites, and China's rows. Without any site calendar China's is meant:
    the core knew no other until sites had calendars.
    """

    china: Calendar
    of_sites: tuple[SiteCalendar, ...] = ()

    def at(self, site: str, day: date) -> SiteCalendar:
        """Raises NoCalendarError."""
        if not self.of_sites:
            return SiteCalendar(first=date.min, country=CHINA)
        for wanted in (site, ANY_SITE):
            for calendar in self.of_sites:
                if calendar.site == wanted and calendar.covers(day):
                    return calendar
        raise NoCalendarError(
            f"site {site!r}", day, remedy=f"import a [[calendar]] for site {site!r} or {ANY_SITE!r}"
        )

    def kind(self, calendar: SiteCalendar, day: date) -> DayKind:
        """Raises NoLawError for a year that China's rows or the country's do not cover."""
        for own in calendar.own_days:
            if own.on == day:
                return own.kind
        if calendar.country != CHINA:
            return _foreign_kind(calendar, day)
        year = self.china.of_year(day)
        return (
            year.kind(day) if calendar.rest_weekdays is None else _other_week(calendar, year, day)
        )

    def source(self, calendar: SiteCalendar) -> str:
        if calendar.country == CHINA:
            return f"calendar {self.china.version}"
        return f"calendar {calendar.name}, holidays {version('holidays')}"


def check_calendar(calendar: SiteCalendar) -> None:
    """Raises UnknownCalendarError for a country, subdivision or weekday that does not exist."""
    if calendar.until is not None and calendar.until <= calendar.first:
        raise UnknownCalendarError(
            f"the calendar of site {calendar.site!r} ends before it begins",
            remedy="until is the first day on which it no longer holds",
        )
    if not set(calendar.rest_weekdays or ()) <= set(range(7)):
        raise UnknownCalendarError(
            f"rest_weekdays of site {calendar.site!r} are not weekdays",
            remedy="Monday is 0, Sunday is 6",
        )
    if calendar.country != CHINA:
        _country_year(
            calendar.country, calendar.subdivision, calendar.observed, calendar.first.year
        )


def overlapping_calendars(calendars: Sequence[SiteCalendar]) -> tuple[SiteCalendar, ...]:
    """Two of one site that hold on the same day; empty when there are none."""
    ordered = sorted(calendars, key=lambda one: (one.site, one.first))
    for before, after in pairwise(ordered):
        if before.site == after.site and before.covers(after.first):
            return before, after
    return ()


def _other_week(calendar: SiteCalendar, year: CalendarYear, day: date) -> DayKind:
    if day in year.statutory:
        return DayKind.STATUTORY_HOLIDAY
    if day in year.worked:
        return DayKind.WORKDAY
    rests = day in year.free or day.weekday() in (calendar.rest_weekdays or ())
    return DayKind.REST_DAY if rests else DayKind.WORKDAY


def _foreign_kind(calendar: SiteCalendar, day: date) -> DayKind:
    year = _country_year(calendar.country, calendar.subdivision, calendar.observed, day.year)
    if not year.start_year <= day.year <= year.end_year or not len(year):
        raise NoCalendarError(
            calendar.name,
            day,
            remedy=f"holidays {version('holidays')} has no days of {day.year}: update it, or "
            "give the site own_days under another country",
        )
    if day in year:
        return DayKind.STATUTORY_HOLIDAY
    if day in year.weekend_workdays:
        return DayKind.WORKDAY
    rest = year.weekend if calendar.rest_weekdays is None else calendar.rest_weekdays
    return DayKind.REST_DAY if day.weekday() in rest else DayKind.WORKDAY


@cache
def _country_year(
    country: str,
    subdivision: str | None,
    observed: bool,  # noqa: FBT001 - a key of the cache
    year: int,
) -> "HolidayBase":
    """One year only: `in` of a book that may grow would answer for any year."""
    import holidays  # noqa: PLC0415 - takes 0.2 s, which every command would pay for

    try:
        found = holidays.country_holidays(
            country, subdiv=subdivision, years=year, observed=observed, expand=False
        )
    except NotImplementedError as exc:
        raise UnknownCalendarError(
            f"there is no calendar of {country}{'-' + subdivision if subdivision else ''}",
            remedy="use an ISO 3166 code that the package holidays knows, like DE and BY",
        ) from exc
    return found

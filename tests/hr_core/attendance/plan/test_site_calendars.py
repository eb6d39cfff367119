from datetime import date

import pytest

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.plan.site_calendar import (
    CalendarBook,
    NoCalendarError,
    OwnDay,
    SiteCalendar,
    UnknownCalendarError,
    check_calendar,
    overlapping_calendars,
)
from hr_core.errors import NoLawError
from tests.hr_core.attendance.plan.plan_samples import CHINA

START = date(2020, 1, 1)


def kind(on, **fields):
    calendar = SiteCalendar(**{"site": "s", "first": START} | fields)
    check_calendar(calendar)
    book = CalendarBook(china=CHINA, of_sites=(calendar,))
    day = date.fromisoformat(on)
    return book.kind(book.at("s", day), day)


@pytest.mark.parametrize(("on", "fields", "expected"), [
    ("2026-10-10", {"country": "CN"}, DayKind.WORKDAY),  # a Saturday worked in exchange
    ("2026-10-01", {"country": "CN"}, DayKind.STATUTORY_HOLIDAY),
    ("2026-10-05", {"country": "CN"}, DayKind.REST_DAY),
    ("2026-11-07", {"country": "CN", "rest_weekdays": (6,)}, DayKind.WORKDAY),  # six-day week
    ("2026-11-08", {"country": "CN", "rest_weekdays": (6,)}, DayKind.REST_DAY),
    ("2026-10-05", {"country": "CN", "rest_weekdays": (6,)}, DayKind.REST_DAY),
    ("2026-10-01", {"country": "CN", "rest_weekdays": (6,)}, DayKind.STATUTORY_HOLIDAY),
    ("2026-01-06", {"country": "DE", "subdivision": "BY"}, DayKind.STATUTORY_HOLIDAY),
    ("2026-01-06", {"country": "DE", "subdivision": "NW"}, DayKind.WORKDAY),
    ("2026-01-10", {"country": "DE"}, DayKind.REST_DAY),
    ("2026-08-08", {"country": "HU"}, DayKind.WORKDAY),  # a Saturday worked by decree
    ("2026-11-06", {"country": "SA"}, DayKind.REST_DAY),  # Friday
    ("2026-07-03", {"country": "US"}, DayKind.STATUTORY_HOLIDAY),  # 4 July is a Saturday
    ("2026-07-03", {"country": "US", "observed": False}, DayKind.WORKDAY),
])  # fmt: skip
def test_kinds_of_days(on, fields, expected):
    assert kind(on, **fields) is expected


def test_the_sites_own_days_win():
    own = (OwnDay(date(2026, 11, 9), DayKind.REST_DAY, "founding day"),)
    assert kind("2026-11-09", country="CN", own_days=own) is DayKind.REST_DAY


@pytest.mark.parametrize(
    ("country", "on"), [("CN", "2031-05-04"), ("DE", "1985-05-06"), ("DE", "2101-05-04")]
)
def test_an_unknown_year_is_an_error_with_a_name(country, on):
    with pytest.raises(NoLawError) as refused:
        kind(on, country=country, first=date(1900, 1, 1))
    assert refused.value.on == date.fromisoformat(on)


def test_a_country_or_subdivision_that_does_not_exist_is_refused():
    for fields in ({"country": "ZQ"}, {"country": "DE", "subdivision": "ZQ"}):
        with pytest.raises(UnknownCalendarError, match="ZQ"):
            check_calendar(SiteCalendar(first=START, **fields))


@pytest.mark.parametrize("fields", [{"until": START}, {"rest_weekdays": (7,)}])
def test_a_calendar_that_cannot_hold_is_refused(fields):
    with pytest.raises(UnknownCalendarError):
        check_calendar(SiteCalendar(first=START, country="CN", **fields))


def test_sites_have_calendars_by_date_and_none_is_guessed():
    moved = date(2026, 7, 1)
    book = CalendarBook(
        china=CHINA,
        of_sites=(
            SiteCalendar(site="s", first=START, until=moved, country="CN"),
            SiteCalendar(site="s", first=moved, country="VN"),
        ),
    )
    assert [book.at("s", day).country for day in (date(2026, 6, 30), moved)] == ["CN", "VN"]
    assert not overlapping_calendars(book.of_sites)
    with pytest.raises(NoCalendarError):
        book.at("elsewhere", moved)
    with pytest.raises(NoCalendarError):
        book.at("s", date(2019, 12, 31))


def test_two_calendars_of_a_site_on_one_day_are_found():
    both = (
        SiteCalendar(site="s", first=START, country="CN"),
        SiteCalendar(site="s", first=date(2026, 1, 1), country="VN"),
    )
    assert overlapping_calendars(both) == both

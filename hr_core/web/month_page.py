"""The month grid of a team and the calendar of one person, from the stored days."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.calendar import CalendarDay, load_calendar
from hr_core.clock import Month
from hr_core.errors import NoLawError
from hr_core.people.model import Roster
from hr_core.store.attendance_grid import grid_days, people_with_open_days
from hr_core.store.people import load_roster
from hr_core.web.attendance_choice import GridChoice
from hr_core.web.errors import NoPageError
from hr_core.web.month_grid import GridCell, GridPerson, GridRow, grid_row, weeks
from hr_core.web.paging import Paged, paged
from hr_core.web.words import Words

PEOPLE_PER_PAGE = 100  # 3,100 cells are 45 KB gzip


class MonthPage(Struct, frozen=True, kw_only=True):
    """`clear`: people of `total` who have nothing open; `rows` those that the choice asks for."""

    choice: GridChoice
    month: Month
    calendar: tuple[CalendarDay, ...]
    rows: Paged[GridRow]
    clear: int
    total: int

    @property
    def month_before(self) -> Month:
        return _before(self.month)

    @property
    def month_after(self) -> Month:
        return _after(self.month)


class PersonMonth(Struct, frozen=True, kw_only=True):
    person: GridPerson
    month: Month
    row: GridRow
    weeks: list[list[date | None]]

    @property
    def month_before(self) -> Month:
        return _before(self.month)

    @property
    def month_after(self) -> Month:
        return _after(self.month)

    def cell(self, on: date) -> GridCell:
        return self.row.cells[on.day - 1]


def month_page(
    conn: sa.Connection, choice: GridChoice, words: Words, now: datetime, zone: ZoneInfo
) -> MonthPage:
    """Raises NoPageError for a month whose calendar nobody knows."""
    month = choice.month or _month_of(now, zone)
    roster = load_roster(conn)
    everybody = sorted(roster.people) if roster else []
    with_open = people_with_open_days(conn, month.first, month.after) & set(everybody)
    shown = everybody if choice.everybody else sorted(with_open)
    numbers = paged(shown, choice.page, PEOPLE_PER_PAGE)
    calendar = _calendar(month)
    letters = shift_letters(roster, words)
    days = grid_days(conn, numbers.rows, month.first, month.after)
    rows = [
        grid_row(_person(roster, number), calendar, days[number], letters)
        for number in numbers.rows
        if roster is not None
    ]
    return MonthPage(
        choice=choice.but(month=month),
        month=month,
        calendar=calendar,
        rows=Paged(rows=rows, page=numbers.page, pages=numbers.pages, total=numbers.total),
        clear=len(everybody) - len(with_open),
        total=len(everybody),
    )


def person_month(conn: sa.Connection, number: str, month: Month, words: Words) -> PersonMonth:
    """Raises NoPageError for somebody who is not there."""
    roster = load_roster(conn)
    if roster is None or number not in roster.people:
        raise NoPageError("no_person", person=number)
    person = _person(roster, number)
    days = grid_days(conn, [number], month.first, month.after)[number]
    return PersonMonth(
        person=person,
        month=month,
        row=grid_row(person, _calendar(month), days, shift_letters(roster, words)),
        weeks=weeks(month),
    )


def shift_letters(roster: Roster | None, words: Words) -> dict[str, str]:
    """The first letter of each shift's name."""
    if roster is None:
        return {}
    return {
        code: words.label(shift.name, shift.name_zh)[:1].upper()
        for code, shift in roster.shifts.items()
    }


def _person(roster: Roster, number: str) -> GridPerson:
    return GridPerson(number=number, name=roster.people[number].name)


def _calendar(month: Month) -> tuple[CalendarDay, ...]:
    calendar = load_calendar()
    try:
        return tuple(calendar.day(on) for on in month.days())
    except NoLawError as exc:
        raise NoPageError("no_calendar", year=month.year) from exc


def _month_of(now: datetime, zone: ZoneInfo) -> Month:
    today = now.astimezone(zone)
    return Month(today.year, today.month)


def _before(month: Month) -> Month:
    return Month(month.year - (month.month == 1), (month.month - 2) % 12 + 1)


def _after(month: Month) -> Month:
    return Month(month.after.year, month.after.month)

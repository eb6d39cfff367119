"""The month grid of a team and the calendar of one person, from the stored days."""

from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.model import Account
from hr_core.attendance.calendar import CalendarDay, load_calendar
from hr_core.clock import Month
from hr_core.errors import NoLawError
from hr_core.people.model import Days, Roster
from hr_core.store.attendance_grid import GridDay, grid_days, open_days
from hr_core.store.people import load_roster
from hr_core.web.attendance_choice import GridChoice
from hr_core.web.attendance_sight import Sight, sight_of
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
    conn: sa.Connection,
    account: Account | None,
    choice: GridChoice,
    words: Words,
    today: date,
) -> MonthPage:
    """Raises NoPageError for a month whose calendar nobody knows."""
    month = choice.month or Month(today.year, today.month)
    roster = load_roster(conn)
    sight = sight_of(conn, account, _looked_at(month, today))
    everybody = sight.people(roster.people if roster else ())
    with_open = {
        one.person
        for one in open_days(conn, month.first, month.after)
        if sight.covers(one.person, one.day)
    } & set(everybody)
    shown = everybody if choice.everybody else sorted(with_open)
    numbers = paged(shown, choice.page, PEOPLE_PER_PAGE)
    calendar = _calendar(month)
    letters = shift_letters(roster, words)
    days = grid_days(conn, numbers.rows, month.first, month.after)
    rows = [
        grid_row(
            _person(roster, number, month), calendar, seen(days[number], sight, number), letters
        )
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


def person_month(
    conn: sa.Connection,
    account: Account | None,
    place: tuple[str, Month],
    words: Words,
    today: date,
) -> PersonMonth:
    """`place`: (person, month). Raises NoPageError for somebody who is not there, or not seen."""
    number, month = place
    roster = load_roster(conn)
    sight = sight_of(conn, account, _looked_at(month, today))
    if roster is None or not sight.people({number} & roster.people.keys()):
        raise NoPageError("no_person", person=number)
    person = _person(roster, number, month)
    days = seen(grid_days(conn, [number], month.first, month.after)[number], sight, number)
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


def seen(days: dict[date, GridDay], sight: Sight, person: str) -> dict[date, GridDay]:
    return {on: day for on, day in days.items() if sight.covers(person, on)}


def employee_number(roster: Roster, person: str, held: Days) -> str:
    """The number that the person had then; the key of somebody who had none."""
    numbers = (
        number for number, who, days in roster.numbers if who == person and days.overlaps(held)
    )
    return next(numbers, person)


def _person(roster: Roster, key: str, month: Month) -> GridPerson:
    number = employee_number(roster, key, Days(month.first, month.after))
    return GridPerson(key=key, number=number, name=roster.people[key].name)


def _looked_at(month: Month, today: date) -> list[date]:
    """By today's organisation for what is yet to come."""
    return [day for day in month.days() if day <= today] or [today]


def _calendar(month: Month) -> tuple[CalendarDay, ...]:
    calendar = load_calendar()
    try:
        return tuple(calendar.day(on) for on in month.days())
    except NoLawError as exc:
        raise NoPageError("no_calendar", year=month.year) from exc


def _before(month: Month) -> Month:
    return Month(month.year - (month.month == 1), (month.month - 2) % 12 + 1)


def _after(month: Month) -> Month:
    return Month(month.after.year, month.after.month)

"""Which person is meant by an employee number: always a number and a day."""

from datetime import date

import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.people.half_width import half_width
from hr_core.people.model import Days
from hr_core.store.people import people
from hr_core.store.person_records import holders_of, merged_into
from hr_core.store.results import RunRow, slip_of

_KEY = "key:"


def person_of_number(conn: sa.Connection, number: str, on: date) -> str:
    """The key of whoever has the employee number on the day. A text that is nobody's number then may
    be a person's key, also of a record that was merged since; "key:1007" is the key in any case.

    Raises NotFoundError.
    """
    if number.startswith(_KEY):
        return _person_of_key(conn, number.removeprefix(_KEY))
    number = half_width(number)
    holders = holders_of(conn, number)
    for row in holders:
        if row.days.covers(on):
            return row.person
    if not holders:
        return _person_of_key(conn, number)
    had = "; ".join(f"person {row.person} has it {row.days.text()}" for row in holders)
    raise NotFoundError(
        f"nobody has the employee number {number!r} on {on}: {had}",
        remedy=f"give another day, or the person: {_KEY}{holders[-1].person}",
    )


def person_who_had(conn: sa.Connection, number: str, on: date) -> str:
    """Whoever has the number on the day, or had it last before. Raises NotFoundError."""
    before = [
        row for row in holders_of(conn, half_width(number)) if (row.valid_from or date.min) <= on
    ]
    return before[-1].person if before else person_of_number(conn, number, on)


def _person_of_key(conn: sa.Connection, key: str) -> str:
    now = merged_into(conn).get(key, key)
    found = conn.execute(sa.select(people.c.number).where(people.c.number == now)).scalar()
    if found is None:
        raise NotFoundError(
            f"there is no employee number and no person {key!r}",
            remedy="hr-core people list shows them",
        )
    return str(found)


def person_in_month(conn: sa.Connection, number: str, month: Month) -> str:
    """Whoever has the number in the month. Raises NotFoundError, also when two people have it."""
    holders = persons_of_number(conn, number, Days(month.first, month.after))
    if len(holders) > 1:
        raise _ambiguous(number, holders, month)
    return holders[0] if holders else person_of_number(conn, number, month.first)


def person_of_slip(conn: sa.Connection, run: RunRow, number: str) -> str:
    """The key under which a run has the slip of an employee number of its month; the text as it is
    when no such slip is there: old slips keep the key under which they were paid.

    Raises NotFoundError when two people had the number in that month and were paid.
    """
    month = Month.parse(run.month)
    holders = persons_of_number(conn, number, Days(month.first, month.after))
    paid = [person for person in holders if slip_of(conn, run.number, person) is not None]
    if len(paid) > 1:
        raise _ambiguous(number, paid, month)
    return paid[0] if paid else number.removeprefix(_KEY)


def persons_of_number(conn: sa.Connection, number: str, days: Days) -> list[str]:
    """Everybody who has the number on one of the days, in order of their days."""
    return list(
        dict.fromkeys(
            row.person for row in holders_of(conn, half_width(number)) if row.days.overlaps(days)
        )
    )


def _ambiguous(number: str, holders: list[str], month: Month) -> NotFoundError:
    return NotFoundError(
        f"{number!r} is the number of {' and then of '.join(holders)} in {month}",
        remedy=f"name the person: {_KEY}{holders[0]}",
    )

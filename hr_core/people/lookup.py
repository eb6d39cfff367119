"""Which person is meant by an employee number: always a number and a day."""

from datetime import date

import sqlalchemy as sa

from hr_core.errors import NotFoundError
from hr_core.people.model import Days
from hr_core.store.people import people
from hr_core.store.person_records import holders_of, merged_into


def person_of_number(conn: sa.Connection, number: str, on: date) -> str:
    """The key of whoever has the employee number on the day. A text that is nobody's number then may
    be a person's key, also of a record that was merged since.

    Raises NotFoundError.
    """
    holders = holders_of(conn, number)
    for row in holders:
        if row.days.covers(on):
            return row.person
    merged = merged_into(conn)
    key = merged.get(number, number)
    if key != number or number not in {row.employee_number for row in holders}:
        found = conn.execute(sa.select(people.c.number).where(people.c.number == key)).scalar()
        if found is not None:
            return str(found)
    had = "; ".join(f"person {row.person} has it {row.days.text()}" for row in holders)
    raise NotFoundError(
        f"nobody has the employee number {number!r} on {on}" + (f": {had}" if had else ""),
        remedy="hr-core people list --on DATE shows who has which number",
    )


def persons_of_number(conn: sa.Connection, number: str, days: Days) -> list[str]:
    """Everybody who has the number on one of the days, in order of their days."""
    return list(
        dict.fromkeys(row.person for row in holders_of(conn, number) if row.days.overlaps(days))
    )

"""Tables of people over time: their numbers, contracts, and the records that were merged."""

from datetime import date

import sqlalchemy as sa

from hr_core.people.model import Days
from hr_core.people.records import EmployeeNumber, Employment, Kind, Merged
from hr_core.store.database import insert_or_ignore, metadata
from hr_core.store.dated_rows import ALWAYS, day_columns, on_day, read_rows

# Every key that was ever a person's: none is given to another human, also when its record went.
person_keys = sa.Table(
    "person_keys",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
)

employee_numbers = sa.Table(
    "employee_numbers",
    metadata,
    sa.Column("employee_number", sa.Text, primary_key=True),
    *day_columns(),
    sa.Column("person", sa.Text, nullable=False, index=True),
)

employments = sa.Table(
    "employments",
    metadata,
    sa.Column("contract", sa.Text, primary_key=True),
    *day_columns(),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("employer", sa.Text, nullable=False),
    sa.Column("hourly_fen", sa.BigInteger),
)

merged_people = sa.Table(
    "merged_people",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("into", sa.Text, nullable=False, index=True),
)

# The last digits of an id card, by which two people of one name are told apart.
person_id_digits = sa.Table(
    "person_id_digits",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("digits", sa.Text, nullable=False),
)


def fill_in_missing(conn: sa.Connection, people: sa.Table) -> None:
    """Whoever is new has the key as employee number, and a contract, at all times."""
    known = sa.select(person_keys.c.person)
    number = people.c.number
    always = sa.literal(ALWAYS, sa.Date)
    never = sa.null()
    for table, columns, values in (
        (
            employee_numbers,
            ["employee_number", "valid_from", "valid_until", "person"],
            [number, always, never, number],
        ),
        (
            employments,
            ["contract", "valid_from", "valid_until", "person", "kind", "employer"],
            [
                number.concat("/1"),
                *(always, never, number),
                *(sa.literal(Kind.EMPLOYEE.value), sa.literal("")),
            ],
        ),
        (person_keys, ["person"], [number]),  # the last: it says who is new
    ):
        new = sa.select(*values).where(number.not_in(known))
        conn.execute(sa.insert(table).from_select(columns, new))


def claim_key(conn: sa.Connection, wanted: str) -> str:
    """`wanted` when nobody ever had it, else "1007~2", "1007~3", …"""
    taken = set(
        conn.execute(
            sa.select(person_keys.c.person).where(
                sa.or_(
                    person_keys.c.person == wanted,
                    person_keys.c.person.startswith(f"{wanted}~", autoescape=True),
                )
            )
        ).scalars()
    )
    key, n = wanted, 1
    while key in taken:
        n += 1
        key = f"{wanted}~{n}"
    conn.execute(insert_or_ignore(conn, person_keys).values(person=key))
    return key


def numbers_of(conn: sa.Connection, person: str) -> list[EmployeeNumber]:
    return read_rows(conn, employee_numbers, EmployeeNumber, employee_numbers.c.person == person)


def holders_of(conn: sa.Connection, number: str) -> list[EmployeeNumber]:
    """Everybody who had the employee number, oldest first."""
    return read_rows(
        conn, employee_numbers, EmployeeNumber, employee_numbers.c.employee_number == number
    )


def all_numbers(conn: sa.Connection) -> tuple[tuple[str, str, Days], ...]:
    """(employee number, person, days) of everybody."""
    columns = employee_numbers.c
    query = sa.select(
        columns.employee_number, columns.person, columns.valid_from, columns.valid_until
    ).order_by(*employee_numbers.primary_key)
    return tuple(
        (number, person, Days(None if first == ALWAYS else first, until))
        for number, person, first, until in conn.execute(query)
    )


def employments_of(conn: sa.Connection, person: str) -> list[Employment]:
    return read_rows(conn, employments, Employment, employments.c.person == person)


def employments_by_person(conn: sa.Connection) -> dict[str, list[Employment]]:
    found: dict[str, list[Employment]] = {}
    for row in read_rows(conn, employments, Employment):
        found.setdefault(row.person, []).append(row)
    return found


def merged_into(conn: sa.Connection) -> dict[str, str]:
    return {row.person: row.into for row in read_rows(conn, merged_people, Merged)}


def number_on(conn: sa.Connection, person: str, on: date) -> str | None:
    """The person's employee number on a day; the last one begun when there are several."""
    columns = employee_numbers.c
    query = (
        sa.select(columns.employee_number)
        .where(columns.person == person, on_day(employee_numbers, on))
        .order_by(columns.valid_from.desc(), columns.employee_number)
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none()

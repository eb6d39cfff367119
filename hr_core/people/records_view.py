"""A person's record as commands and pages show it: every number, contract, id and place with days."""

from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import AuditEntry, entries
from hr_core.people.model import Badge, DeviceUser, Person
from hr_core.people.moves import require_person, subject_of
from hr_core.people.records import EmployeeNumber, Employment, Membership, Role
from hr_core.store.dated_rows import on_day, read_rows
from hr_core.store.organisation import load_organisation, memberships, memberships_of
from hr_core.store.people import badges, device_users, people
from hr_core.store.person_records import (
    employee_numbers,
    employments,
    employments_of,
    merged_people,
    numbers_of,
    person_id_digits,
)


class ListedPerson(Struct, frozen=True, kw_only=True):
    """On one day. `employee_numbers` empty: none then; `kinds` empty: no contract then."""

    person: str
    name: str
    employee_numbers: tuple[str, ...]
    kinds: tuple[str, ...]
    employers: tuple[str, ...]
    units: tuple[str, ...]


class Record(Struct, frozen=True, kw_only=True):
    """Everything of one person. `merged`: keys of records that became part of this one."""

    person: Person
    id_digits: str
    numbers: tuple[EmployeeNumber, ...]
    employments: tuple[Employment, ...]
    memberships: tuple[Membership, ...]
    device_users: tuple[DeviceUser, ...]
    badges: tuple[str, ...]
    merged: tuple[str, ...]
    changes: tuple[AuditEntry, ...]


def listed_people(conn: sa.Connection, on: date) -> list[ListedPerson]:
    """Everybody, in order of their keys, as it is on the day."""
    numbers = _by_person(conn, employee_numbers, "employee_number", on)
    kinds = _by_person(conn, employments, "kind", on)
    employers = _by_person(conn, employments, "employer", on)
    units = _by_person(conn, memberships, "unit", on)
    everybody = sa.select(people.c.number, people.c.name).order_by(people.c.number)
    return [
        ListedPerson(
            person=key,
            name=name,
            employee_numbers=numbers.get(key, ()),
            kinds=kinds.get(key, ()),
            employers=tuple(one for one in employers.get(key, ()) if one),
            units=units.get(key, ()),
        )
        for key, name in conn.execute(everybody)
    ]


class ListedUnit(Struct, frozen=True, kw_only=True):
    """On one day. `managers`: keys of people; `members` counts those directly in it."""

    code: str
    kind: str
    name: str
    name_zh: str
    parents: tuple[str, ...]
    managers: tuple[str, ...]
    members: int


def listed_units(conn: sa.Connection, on: date) -> list[ListedUnit]:
    """In order of their codes."""
    organisation = load_organisation(conn)
    places = [row for row in organisation.memberships if row.days.covers(on)]
    return [
        ListedUnit(
            code=unit.code,
            kind=unit.kind.value,
            name=unit.name,
            name_zh=unit.name_zh,
            parents=tuple(
                row.parent
                for row in organisation.parents
                if row.unit == unit.code and row.days.covers(on)
            ),
            managers=tuple(
                row.person for row in places if row.unit == unit.code and row.role is Role.MANAGER
            ),
            members=len({row.person for row in places if row.unit == unit.code}),
        )
        for unit in organisation.units.values()
    ]


def record_of(conn: sa.Connection, person: str) -> Record:
    """Raises NotFoundError."""
    digits = sa.select(person_id_digits.c.digits).where(person_id_digits.c.person == person)
    merged = sa.select(merged_people.c.person).where(merged_people.c.into == person)
    return Record(
        person=Person(**require_person(conn, person)),
        id_digits=conn.execute(digits).scalar() or "",
        numbers=tuple(numbers_of(conn, person)),
        employments=tuple(employments_of(conn, person)),
        memberships=tuple(memberships_of(conn, person)),
        device_users=tuple(
            read_rows(conn, device_users, DeviceUser, device_users.c.number == person)
        ),
        badges=tuple(
            row.badge for row in read_rows(conn, badges, Badge, badges.c.number == person)
        ),
        merged=tuple(conn.execute(merged.order_by(merged_people.c.person)).scalars()),
        changes=tuple(entries(conn, subject=subject_of(person))),
    )


def _by_person(
    conn: sa.Connection, table: sa.Table, column: str, on: date
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    query = sa.select(table.c.person, table.c[column]).where(on_day(table, on))
    for person, value in conn.execute(query.order_by(table.c.person, table.c[column])):
        if value not in found.get(person, ()):
            found[person] = (*found.get(person, ()), value)
    return found

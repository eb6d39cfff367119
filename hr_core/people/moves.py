"""What happens to people: a new number, leaving, coming back, an id on a device.

Each is one change (hr_core.people.changes): applied whole, in the audit log, undone from there.
`person` is always the key; employee numbers are looked up before (hr_core.people.lookup).
"""

from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError
from hr_core.people.changes import Change, Row, Signature, begin, days_of, make, owned_rows
from hr_core.people.errors import ChangeRefusedError
from hr_core.people.model import Days
from hr_core.people.records import Kind
from hr_core.store.dated_rows import ALWAYS
from hr_core.store.organisation import memberships
from hr_core.store.people import device_users, people
from hr_core.store.person_records import employee_numbers, employments


class Contract(Struct, frozen=True, kw_only=True):
    """What a person is employed as. `employer`: empty for our own."""

    kind: Kind = Kind.EMPLOYEE
    employer: str = ""
    contract: str | None = None
    hourly_fen: int | None = None


def renumber(conn: sa.Connection, person: str, number: str, first: date, sign: Signature) -> int:
    """The person has the employee number from the day on, and no other one."""
    begin(conn)
    require_person(conn, person)
    change = Change()
    for row in owned_rows(conn, employee_numbers, person):
        days = days_of(row)
        if days.first is not None and days.first >= first:
            raise ChangeRefusedError(
                f"person {person} gets number {row['employee_number']} {days.text()}",
                row="employee_numbers",
                remedy="choose a later day, or undo that change first (hr-core audit log)",
            )
        cut(change, employee_numbers, row, first)
    change.add(employee_numbers, [number_row(person, number, first)])
    return make(conn, change, action="renumber", subject=subject_of(person), sign=sign)


def leave(conn: sa.Connection, person: str, until: date, sign: Signature) -> int:
    """`until` is the first day that no longer counts: contracts, numbers, ids on devices and places
    in the organisation end there, and all of them are free for others.
    """
    begin(conn)
    require_person(conn, person)
    change = Change()
    for table in (employments, employee_numbers, device_users, memberships):
        for row in owned_rows(conn, table, person):
            cut(change, table, row, until)
    if not change.removed:
        raise ChangeRefusedError(
            f"person {person} has left already",
            row="employments",
            remedy="hr-core people show tells when",
        )
    return make(conn, change, action="leave", subject=subject_of(person), sign=sign)


def rehire(
    conn: sa.Connection,
    person: str,
    first: date,
    sign: Signature,
    *,
    number: str | None = None,
    contract: Contract | None = None,
) -> int:
    """A contract from the day on, of a person who left, or one beside another contract.

    The number: the one given, else the one still held, else the last one if nobody else has it.
    """
    begin(conn)
    require_person(conn, person)
    contract = contract or Contract()
    change = Change()
    before = owned_rows(conn, employments, person)
    for row in before:
        same = (row["kind"], row["employer"]) == (contract.kind.value, contract.employer)
        if same and days_of(row).overlaps(Days(first)):
            raise ChangeRefusedError(
                f"person {person} has such a contract {days_of(row).text()}",
                row=f"employments {row['contract']}",
                remedy="choose a day after it, or give another employer or kind",
            )
    change.add(employments, [contract_row(person, contract, first, taken=before)])
    numbers = owned_rows(conn, employee_numbers, person)
    if number is not None or not any(days_of(row).overlaps(Days(first)) for row in numbers):
        chosen = number or max(numbers, key=_end)["employee_number"]
        change.add(employee_numbers, [number_row(person, chosen, first)])
    return make(conn, change, action="rehire", subject=subject_of(person), sign=sign)


def map_device_user(
    conn: sa.Connection, person: str, device_user: tuple[str, str], days: Days, sign: Signature
) -> int:
    """The id (serial, user id) is the person's on these days; its waiting punches are too."""
    begin(conn)
    require_person(conn, person)
    change = Change()
    change.add(device_users, [device_user_row(person, device_user, days)])
    return make(conn, change, action="map", subject=subject_of(person), sign=sign)


def require_person(conn: sa.Connection, person: str) -> Row:
    """Raises NotFoundError."""
    found = owned_rows(conn, people, person)
    if not found:
        raise NotFoundError(f"there is no person {person!r}", remedy="hr-core people list")
    return found[0]


def subject_of(person: str) -> str:
    """What the audit log calls a person."""
    return f"person {person}"


def cut(change: Change, table: sa.Table, row: Row, until: date) -> None:
    """Ends the row's days; one that would begin later goes."""
    days = days_of(row)
    if days.until is not None and days.until <= until:
        return
    if days.first is not None and days.first >= until:
        change.take(table, [row])
    else:
        entered = {"entered": True} if table is device_users else {}
        change.replace(table, row, valid_until=until, **entered)


def number_row(person: str, number: str, first: date | None) -> Row:
    return {
        "employee_number": number,
        "valid_from": first or ALWAYS,
        "valid_until": None,
        "person": person,
    }


def contract_row(person: str, contract: Contract, first: date | None, *, taken: list[Row]) -> Row:
    names = {row["contract"] for row in taken}
    n = next(n for n in range(1, len(names) + 2) if f"{person}/{n}" not in names)
    return {
        "contract": contract.contract or f"{person}/{n}",
        "valid_from": first or ALWAYS,
        "valid_until": None,
        "person": person,
        "kind": contract.kind.value,
        "employer": contract.employer,
        "hourly_fen": contract.hourly_fen,
    }


def device_user_row(person: str, device_user: tuple[str, str], days: Days) -> Row:
    serial, user_id = device_user
    return {
        "serial": serial,
        "user_id": user_id,
        "valid_from": days.first or ALWAYS,
        "valid_until": days.until,
        "number": person,
        "entered": True,
    }


def _end(row: Row) -> date:
    until: date | None = row["valid_until"]
    return until or date.max

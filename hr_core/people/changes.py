"""A change of people as the rows that it takes away and the rows that it adds.

Every change is applied whole, stands in the audit log as these rows, and can be undone from there:
undoing takes away what was added and adds what was taken. It is refused when one of those rows is no
longer as the change left it; the later change has to be undone first.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit import log
from hr_core.errors import NotFoundError
from hr_core.people.errors import ChangeRefusedError
from hr_core.people.model import Days
from hr_core.store.adoptions import adoptions
from hr_core.store.audit_log import lock_head
from hr_core.store.database import UtcInstant
from hr_core.store.dated_rows import ALWAYS
from hr_core.store.organisation import memberships
from hr_core.store.people import badges, device_users, people
from hr_core.store.person_records import (
    employee_numbers,
    employments,
    merged_people,
    person_id_digits,
)

Row = dict[str, Any]
Rows = dict[str, list[Row]]

# Whose a row is: the column with the person's key.
OWNER: dict[sa.Table, str] = {
    people: "number",
    device_users: "number",
    badges: "number",
    employee_numbers: "person",
    employments: "person",
    memberships: "person",
    person_id_digits: "person",
}
_TABLES = {table.name: table for table in (*OWNER, merged_people, adoptions)}
# One owner on a day: (the columns that are owned).
_ONE_AT_A_TIME = {
    device_users: ("serial", "user_id"),
    employee_numbers: ("employee_number",),
}
_ACTIONS = "people."


class Signature(Struct, frozen=True, kw_only=True):
    """Who changes it, when (aware UTC) and why. `also`: other names that mean `by`."""

    at: datetime
    by: str
    reason: str = ""
    also: frozenset[str] = frozenset()


class Change:
    """Collects rows; a row that is taken and added again is not changed."""

    def __init__(self) -> None:
        self.removed: Rows = {}
        self.added: Rows = {}

    def take(self, table: sa.Table, rows: Iterable[Row]) -> None:
        _move(table.name, rows, into=self.removed, instead_of=self.added)

    def add(self, table: sa.Table, rows: Iterable[Row]) -> None:
        _move(table.name, rows, into=self.added, instead_of=self.removed)

    def replace(self, table: sa.Table, old: Row, **columns: object) -> None:
        self.take(table, [old])
        self.add(table, [old | columns])


def _move(name: str, rows: Iterable[Row], *, into: Rows, instead_of: Rows) -> None:
    for row in rows:
        if row in instead_of.get(name, []):
            instead_of[name].remove(row)
        else:
            into.setdefault(name, []).append(row)


def begin(conn: sa.Connection) -> None:
    """Before a change reads what it depends on: one change of people at a time."""
    lock_head(conn)


def make(conn: sa.Connection, change: Change, *, action: str, subject: str, sign: Signature) -> int:
    """Applies the change and gives its number in the audit log. Raises ChangeRefusedError."""
    _apply(conn, change)
    return log.append(
        conn,
        sign.at,
        sign.by,
        f"{_ACTIONS}{action}",
        subject,
        _without_empty(change.removed),
        _without_empty(change.added),
        sign.reason,
    )


def undo(conn: sa.Connection, number: int, sign: Signature) -> int:
    """Takes a change back; itself a change, so it can be undone too. Gives its number.

    Raises NotFoundError for a number that is no change of people, ChangeRefusedError when a later
    change stands on it.
    """
    begin(conn)
    entry = log.entry(conn, number)
    if entry is None or not entry.action.startswith(_ACTIONS):
        raise NotFoundError(
            f"row {number} of the audit log is no change of people",
            remedy="hr-core audit log lists them: people.merge, people.split, …",
        )
    change = Change()
    change.removed, change.added = _from_json(entry.after), _from_json(entry.before)
    try:
        return make(conn, change, action="undo", subject=entry.subject, sign=sign)
    except ChangeRefusedError as refused:
        later = _later_changes(conn, number, change)
        if not later:
            raise
        raise ChangeRefusedError(
            f"{refused}; changed since by {', '.join(f'row {one}' for one in later)}",
            row=f"undo {number}",
            remedy=f"undo the last one first: hr-core people undo {later[-1]}",
        ) from refused


def rows_of(conn: sa.Connection, table: sa.Table, *wanted: sa.ColumnElement[bool]) -> list[Row]:
    query = sa.select(table).where(*wanted).order_by(*table.primary_key)
    names = [str(column.name) for column in table.columns]
    return [
        {"".join(name): value for name, value in zip(names, row, strict=True)}
        for row in conn.execute(query)
    ]


def owned_rows(conn: sa.Connection, table: sa.Table, person: str) -> list[Row]:
    return rows_of(conn, table, table.c[OWNER[table]] == person)


def days_of(row: Row) -> Days:
    first = row["valid_from"]
    return Days(None if first == ALWAYS else first, row["valid_until"])


def name_of(table: sa.Table, row: Row) -> str:
    """For messages: "device_users CQ1 1007"."""
    key = [str(row[column.name]) for column in table.primary_key if row[column.name] != ALWAYS]
    return " ".join([table.name, *key])


def _apply(conn: sa.Connection, change: Change) -> None:
    for name, rows in change.removed.items():
        for row in rows:
            _delete(conn, _TABLES[name], row)
    for name, rows in change.added.items():
        for row in rows:
            _insert(conn, _TABLES[name], row)
    for row in change.removed.get(people.name, []):
        _check_nothing_left(conn, row["number"])
    for table, owned in _ONE_AT_A_TIME.items():
        for row in change.added.get(table.name, []):
            _check_alone(conn, table, owned, row)


def _delete(conn: sa.Connection, table: sa.Table, row: Row) -> None:
    same = [
        table.c[name].is_(None) if value is None else table.c[name] == value
        for name, value in row.items()
    ]
    if conn.execute(sa.delete(table).where(*same)).rowcount != 1:
        raise ChangeRefusedError(
            "is not as it was any more",
            row=name_of(table, row),
            remedy="look at it again (hr-core people show), then repeat the change",
        )


def _insert(conn: sa.Connection, table: sa.Table, row: Row) -> None:
    key = [column == row[column.name] for column in table.primary_key]
    if conn.execute(sa.select(sa.literal(1)).select_from(table).where(*key)).first() is not None:
        raise ChangeRefusedError(
            "is there already",
            row=name_of(table, row),
            remedy="look at it (hr-core people show) and choose another day or number",
        )
    conn.execute(sa.insert(table).values(row))


def _check_nothing_left(conn: sa.Connection, person: str) -> None:
    if owned_rows(conn, people, person):  # added again
        return
    for table in OWNER:
        for row in owned_rows(conn, table, person):
            raise ChangeRefusedError(
                f"would be left without its person {person}",
                row=name_of(table, row),
                remedy="undo the change that gave it to the person first (hr-core audit log)",
            )


def _check_alone(conn: sa.Connection, table: sa.Table, owned: tuple[str, ...], row: Row) -> None:
    for other in rows_of(conn, table, *(table.c[name] == row[name] for name in owned)):
        if other != row and days_of(other).overlaps(days_of(row)):
            owner = OWNER[table]
            what = " ".join(str(row[name]) for name in owned)
            raise ChangeRefusedError(
                f"{what} would be both person {other[owner]} ({days_of(other).text()}) and person "
                f"{row[owner]} ({days_of(row).text()})",
                row=name_of(table, row),
                remedy="choose another day, or end the other one's days first",
            )


def _later_changes(conn: sa.Connection, number: int, change: Change) -> list[int]:
    """Changes after `number` that took a row which this one wants to take, or added one in its way."""
    keys = _keys(change.removed) | _keys(change.added)
    return [
        entry.number
        for entry in log.entries(conn)
        if entry.number > number
        and entry.action.startswith(_ACTIONS)
        and keys & (_keys(_from_json(entry.before)) | _keys(_from_json(entry.after)))
    ]


def _keys(rows: Rows) -> set[tuple[str, ...]]:
    return {
        (name, *(str(row[column.name]) for column in _TABLES[name].primary_key))
        for name, of_one in rows.items()
        for row in of_one
    }


def _without_empty(rows: Rows) -> Rows:
    return {name: of_one for name, of_one in rows.items() if of_one}


def _from_json(rows: dict[str, list[dict[str, Any]]]) -> Rows:
    return {
        name: [
            {column: _value(_TABLES[name].c[column], value) for column, value in row.items()}
            for row in of_one
        ]
        for name, of_one in rows.items()
    }


def _value(column: sa.Column[Any], value: Any) -> Any:
    if value is not None and isinstance(column.type, sa.Date):
        return date.fromisoformat(value)
    if value is not None and isinstance(column.type, UtcInstant):
        return datetime.fromisoformat(value)
    return value

"""Tables of people, shifts, lines and the ids by which devices and lines know the people."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from hr_core.pay.scheme import BUILT_IN
from hr_core.people.model import Badge, DeviceUser, Line, Person, Roster, Shift, Station
from hr_core.store.approvals import APPROVED_TEXT
from hr_core.store.database import metadata
from hr_core.store.dated_rows import day_columns, read_rows, to_row
from hr_core.store.guards import Guard, guard
from hr_core.store.person_records import all_numbers, fill_in_missing, merged_into

Value = TypeVar("Value", bound=msgspec.Struct)

shifts = sa.Table(
    "shifts",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_zh", sa.Text, nullable=False),
    sa.Column("start_min", sa.Integer, nullable=False),
    sa.Column("end_min", sa.Integer, nullable=False),
    sa.Column("break_min", sa.Integer, nullable=False),
    sa.Column("break_start_min", sa.Integer, nullable=False),
    sa.Column("early_in_min", sa.Integer, nullable=False),
    sa.Column("late_out_min", sa.Integer, nullable=False),
)

people = sa.Table(
    "people",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("shift", sa.Text, nullable=False),
    sa.Column("base_fen", sa.BigInteger, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
)

ERASED_NAME = "—"
# A name is the first thing that erasing takes: without an approval nobody's record loses it.
_ERASING = "SELECT 1 FROM approvals a WHERE a.state = 'approved' AND a.kind = 'erasure'"
_NAMED = {
    "sqlite": "SELECT 1 FROM json_each(a.content, '$.keys') k WHERE k.value = NEW.number",
    "postgresql": "SELECT 1 FROM json_array_elements_text("
    "CASE WHEN a.kind = 'erasure' THEN a.content::json -> 'keys' END) k WHERE k = NEW.number",
}
guard(
    people,
    Guard(
        "UPDATE",
        "erased",
        {
            name: f"NEW.name = '{ERASED_NAME}' AND OLD.name <> '{ERASED_NAME}' "
            f"AND NOT EXISTS ({_ERASING} AND EXISTS ({query}))"
            for name, query in _NAMED.items()
        },
        "four eyes: erasing this person was not approved",
    ),
)

device_users = sa.Table(
    "device_users",
    metadata,
    sa.Column("serial", sa.Text, primary_key=True),  # "*": on every device
    sa.Column("user_id", sa.Text, primary_key=True),
    *day_columns(),
    sa.Column("number", sa.Text, nullable=False, index=True),
    sa.Column("entered", sa.Boolean, nullable=False, server_default=sa.false()),
)

badges = sa.Table(
    "badges",
    metadata,
    sa.Column("badge", sa.Text, primary_key=True),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("entered", sa.Boolean, nullable=False, server_default=sa.false()),
)

lines = sa.Table(
    "lines",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_zh", sa.Text, nullable=False),
)

stations = sa.Table(
    "stations",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("modulus", sa.BigInteger),
    sa.Column("max_rate_per_s", sa.BigInteger),
    sa.Column("retentive", sa.Boolean),
)

site = sa.Table(
    "site",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("scheme", sa.Text, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

# The text as imported, so that a run never depends on a file that somebody may edit.
schemes = sa.Table(
    "schemes",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)
_SHIPPED = ", ".join(f"'{code}'" for code in sorted(BUILT_IN))
guard(
    schemes,
    Guard(
        "INSERT",
        "approved",
        {
            name: f"NEW.code NOT IN ({_SHIPPED}) AND NOT EXISTS ({query} "
            "AND a.kind = 'scheme' AND a.subject = 'scheme ' || NEW.code)"
            for name, query in APPROVED_TEXT.items()
        },
        "four eyes: this pay scheme was not approved",
    ),
    Guard("UPDATE", "kept", "TRUE", "a pay scheme is not changed: import a newer file"),
)


def load_roster(conn: sa.Connection) -> Roster | None:
    """Everything that was imported; None before the first import."""
    settings = conn.execute(sa.select(site.c.zone, site.c.scheme)).one_or_none()
    if settings is None:
        return None
    return Roster(
        zone=settings.zone,
        scheme=settings.scheme,
        shifts={row.code: row for row in _rows(conn, shifts, Shift)},
        people={row.number: row for row in _rows(conn, people, Person)},
        device_users=tuple(read_rows(conn, device_users, DeviceUser)),
        badges=tuple(_rows(conn, badges, Badge)),
        lines={row.code: row for row in _rows(conn, lines, Line)},
        stations=tuple(_rows(conn, stations, Station)),
        numbers=all_numbers(conn),
        merged=merged_into(conn),
    )


def load_site_zone(conn: sa.Connection) -> str | None:
    """None before the first import."""
    return conn.execute(sa.select(site.c.zone)).scalar()


def save_roster(conn: sa.Connection, roster: Roster) -> None:
    """Replaces what is stored by `roster`, in the caller's transaction. Numbers and merges stay: they
    change one by one (hr_core.people.changes).
    """
    _replace(conn, site, [{"id": 1, "zone": roster.zone, "scheme": roster.scheme}])
    _replace(conn, shifts, _dicts(roster.shifts.values()))
    _replace(conn, people, _dicts(roster.people.values()))
    _replace(conn, device_users, [to_row(row) for row in roster.device_users])
    _replace(conn, badges, _dicts(roster.badges))
    _replace(conn, lines, _dicts(roster.lines.values()))
    _replace(conn, stations, _dicts(roster.stations))
    fill_in_missing(conn, people)


def scheme_text(conn: sa.Connection, code: str) -> str | None:
    return conn.execute(sa.select(schemes.c.text).where(schemes.c.code == code)).scalar()


def choose_scheme(conn: sa.Connection, code: str) -> None:
    """What the site pays by from now on."""
    conn.execute(sa.update(site).values(scheme=code))


def scheme_codes(conn: sa.Connection) -> list[str]:
    return list(conn.execute(sa.select(schemes.c.code).order_by(schemes.c.code)).scalars())


def save_scheme(conn: sa.Connection, code: str, text: str) -> None:
    """The database asks for the approval of exactly this text, unless it ships with the core."""
    conn.execute(sa.delete(schemes).where(schemes.c.code == code))
    conn.execute(sa.insert(schemes).values(code=code, text=text))


def _rows(conn: sa.Connection, table: sa.Table, shape: type[Value]) -> list[Value]:
    ordered = sa.select(table).order_by(*table.primary_key)
    return [shape(**row) for row in conn.execute(ordered).mappings()]


def _dicts(values: Iterable[msgspec.Struct]) -> list[dict[str, object]]:
    return [msgspec.structs.asdict(value) for value in values]


def _replace(conn: sa.Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
    conn.execute(sa.delete(table))
    if rows:
        conn.execute(sa.insert(table), rows)

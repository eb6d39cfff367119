"""Tables of rosters: rotations, assignments, site calendars, places of work, correction policies."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from hr_core.attendance.plan.correction_policy import CorrectionPolicy
from hr_core.attendance.plan.place import Place
from hr_core.attendance.plan.roster import Assignment, DayDuty, KindFrom, Rotation, Subject
from hr_core.attendance.plan.site_calendar import SiteCalendar
from hr_core.store.database import UtcInstant, metadata

Shape = TypeVar("Shape", bound=msgspec.Struct)

# Values that are read whole and never searched by their parts are stored as JSON.
rotations = sa.Table(
    "rotations",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

roster_assignments = sa.Table(
    "roster_assignments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("until", sa.Date),
    sa.Column("rotation", sa.Text),
    sa.Column("cycle_offset", sa.Integer, nullable=False),
    sa.Column("duty", sa.Text, nullable=False),
    sa.Column("kind_from", sa.Text, nullable=False),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("rules", sa.Text),
    sa.Column("origin", sa.Text, nullable=False),
    # A row that another version replaced stays, for whoever asks what was planned then.
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("replaced_by", sa.Integer),
    sa.Index(None, "subject", "subject_kind"),
)

roster_versions = sa.Table(
    "roster_versions",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("imported_at", UtcInstant, nullable=False),
    sa.Column("imported_by", sa.Text, nullable=False),
)

site_calendars = sa.Table(
    "site_calendars",
    metadata,
    sa.Column("site", sa.Text, primary_key=True),
    sa.Column("first_day", sa.Date, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

places = sa.Table(
    "places",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

correction_policies = sa.Table(
    "correction_policies",
    metadata,
    sa.Column("first_day", sa.Date, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)


class RosterVersion(NamedTuple):
    version: int
    file: str
    sha256: str
    imported_at: datetime
    imported_by: str


_MOST_IN = 500  # SQLite takes 32,766 variables a statement, PostgreSQL 65,535: far below both


def load_rotations(conn: sa.Connection) -> dict[str, Rotation]:
    return {one.code: one for one in _bodies(conn, rotations, Rotation)}


def load_calendars(conn: sa.Connection) -> tuple[SiteCalendar, ...]:
    return tuple(_bodies(conn, site_calendars, SiteCalendar))


def load_places(conn: sa.Connection) -> tuple[Place, ...]:
    return tuple(_bodies(conn, places, Place))


def load_policies(conn: sa.Connection) -> tuple[CorrectionPolicy, ...]:
    return tuple(_bodies(conn, correction_policies, CorrectionPolicy))


def load_assignments(conn: sa.Connection, subjects: Collection[Subject]) -> list[Assignment]:
    """Of these subjects, in order of subject and first day."""
    found = []
    keys = sorted({subject.key for subject in subjects})
    for at in range(0, len(keys), _MOST_IN):
        rows = conn.execute(
            sa.select(roster_assignments).where(
                roster_assignments.c.subject.in_(keys[at : at + _MOST_IN]),
                roster_assignments.c.replaced_by.is_(None),
            )
        )
        found += [one for row in rows if (one := _assignment(row)).subject in subjects]
    return sorted(found, key=lambda one: (one.subject, one.first, one.origin))


def replace_assignments(
    conn: sa.Connection, subject: Subject, whole: Sequence[Assignment], version: int
) -> None:
    """`whole` is the subject's roster from now on."""
    conn.execute(
        sa.update(roster_assignments)
        .where(
            roster_assignments.c.subject == subject.key,
            roster_assignments.c.subject_kind == subject.kind,
            roster_assignments.c.replaced_by.is_(None),
        )
        .values(replaced_by=version)
    )
    if whole:
        rows = [_row(one) | {"version": version} for one in whole]
        conn.execute(sa.insert(roster_assignments), rows)


def rotations_in_use(conn: sa.Connection) -> set[str]:
    used = sa.select(roster_assignments.c.rotation).where(
        roster_assignments.c.rotation.is_not(None), roster_assignments.c.replaced_by.is_(None)
    )
    return set(conn.execute(used.distinct()).scalars())


def last_version(conn: sa.Connection) -> int:
    """0 before the first import."""
    return conn.execute(sa.select(sa.func.max(roster_versions.c.version))).scalar() or 0


def add_version(conn: sa.Connection, row: RosterVersion) -> None:
    conn.execute(sa.insert(roster_versions).values(**row._asdict()))


def save_rotation(conn: sa.Connection, one: Rotation) -> None:
    _save(conn, rotations, {"code": one.code}, one)


def save_calendar(conn: sa.Connection, one: SiteCalendar) -> None:
    _save(conn, site_calendars, {"site": one.site, "first_day": one.first}, one)


def save_place(conn: sa.Connection, one: Place) -> None:
    _save(conn, places, {"code": one.code}, one)


def save_policy(conn: sa.Connection, one: CorrectionPolicy) -> None:
    _save(conn, correction_policies, {"first_day": one.first}, one)


def _bodies(conn: sa.Connection, table: sa.Table, shape: type[Shape]) -> Iterable[Shape]:
    ordered = sa.select(table.c.body).order_by(*table.primary_key)
    return [msgspec.json.decode(body, type=shape) for body in conn.execute(ordered).scalars()]


def _save(
    conn: sa.Connection, table: sa.Table, key: dict[str, str | date], value: msgspec.Struct
) -> None:
    conn.execute(sa.delete(table).where(*(table.c[name] == part for name, part in key.items())))
    conn.execute(sa.insert(table).values(**key, body=msgspec.json.encode(value).decode()))


def _assignment(row: sa.Row[tuple[object, ...]]) -> Assignment:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Assignment(
        subject=msgspec.convert(
            {"kind": fields["subject_kind"], "key": fields["subject"]}, Subject
        ),
        first=fields["first_day"],
        until=fields["until"],
        rotation=fields["rotation"],
        offset=fields["cycle_offset"],
        duty=msgspec.json.decode(fields["duty"], type=DayDuty),
        kind_from=KindFrom(fields["kind_from"]),
        site=fields["site"],
        rules=fields["rules"],
        origin=fields["origin"],
    )


def _row(one: Assignment) -> dict[str, object]:
    return {
        "subject_kind": one.subject.kind,
        "subject": one.subject.key,
        "first_day": one.first,
        "until": one.until,
        "rotation": one.rotation,
        "cycle_offset": one.offset,
        "duty": msgspec.json.encode(one.duty).decode(),
        "kind_from": one.kind_from,
        "site": one.site,
        "rules": one.rules,
        "origin": one.origin,
    }

"""The computed days: one current result for each person and day, and what stood there before.

A day is a view over raw punches, plan and rules; it is never edited. Each result names its rules,
its plan and its punches. A result that replaces one of a day that was over keeps that one as an
earlier revision, so that a difference can be shown; what a day looked like while it went on is not
kept.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite

from hr_core.attendance.day import DayResult
from hr_core.store.database import UtcInstant, metadata

attendance_days = sa.Table(
    "attendance_days",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    # 1 for the first result; grows with each result that differs
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    # somebody has to look, or to wait: what grids and waiting lists ask for
    sa.Column("to_clarify", sa.Boolean, nullable=False),
    # JSON of DayResult
    sa.Column("result", sa.LargeBinary, nullable=False),
    sa.Column("computed_at", UtcInstant, nullable=False),
    # what the result was computed for: "punch 3a25…", "roster", "watermark ZK1"
    sa.Column("cause", sa.Text, nullable=False),
    # when it has to be looked at again without anything coming in: its window closes; else NULL
    sa.Column("look_at", UtcInstant),
    sqlite_with_rowid=False,
)
_by_day = sa.Index(None, attendance_days.c.day)
_by_look = sa.Index(
    None,
    attendance_days.c.look_at,
    sqlite_where=attendance_days.c.look_at.is_not(None),
    postgresql_where=attendance_days.c.look_at.is_not(None),
)

attendance_revisions = sa.Table(
    "attendance_revisions",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("result", sa.LargeBinary, nullable=False),
    sa.Column("computed_at", UtcInstant, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DayResult).decode


class StoredDay(Struct, frozen=True, kw_only=True):
    """`cause`: what it was computed for. `look_at`: aware UTC, or None once the day is over."""

    person: str
    revision: int
    result: DayResult
    computed_at: datetime
    cause: str
    look_at: datetime | None = None


def days_of_person(
    conn: sa.Connection, person: str, first: date, until: date
) -> dict[date, StoredDay]:
    """The stored ones of the half-open span."""
    there = attendance_days.c
    query = (
        sa.select(attendance_days)
        .where(there.person == person, there.day >= first, there.day < until)
        .order_by(there.day)
    )
    return {row.day: _stored(row, row.look_at) for row in conn.execute(query)}


def days_of_people(
    conn: sa.Connection, people: Collection[str], first: date, until: date
) -> list[StoredDay]:
    """For grids: sorted by person and day. At most some hundred people at a time."""
    there = attendance_days.c
    query = (
        sa.select(attendance_days)
        .where(there.person.in_(sorted(people)), there.day >= first, there.day < until)
        .order_by(there.person, there.day)
    )
    return [_stored(row, row.look_at) for row in conn.execute(query)]


def earlier_revisions(conn: sa.Connection, person: str, day: date) -> list[StoredDay]:
    """Oldest first, without the current one."""
    there = attendance_revisions.c
    query = (
        sa.select(attendance_revisions)
        .where(there.person == person, there.day == day)
        .order_by(there.revision)
    )
    return [_stored(row, None) for row in conn.execute(query)]


def put_days(conn: sa.Connection, days: Iterable[StoredDay]) -> None:
    """Each takes the place of what is stored of its day, in the caller's write transaction."""
    rows = [
        {
            "person": one.person,
            "day": one.result.day,
            "revision": one.revision,
            "status": one.result.status,
            "to_clarify": one.result.to_clarify,
            "result": _encode(one.result),
            "computed_at": one.computed_at,
            "cause": one.cause,
            "look_at": one.look_at,
        }
        for one in days
    ]
    if not rows:
        return
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    insert = make(attendance_days)
    changing = ("revision", "status", "to_clarify", "result", "computed_at", "cause", "look_at")
    conn.execute(
        insert.on_conflict_do_update(
            index_elements=["person", "day"],
            set_={name: insert.excluded[name] for name in changing},
        ),
        rows,
    )


def keep_revision(conn: sa.Connection, replaced: StoredDay) -> None:
    """Before `put_days` puts another in its place."""
    conn.execute(
        sa.insert(attendance_revisions).values(
            person=replaced.person,
            day=replaced.result.day,
            revision=replaced.revision,
            result=_encode(replaced.result),
            computed_at=replaced.computed_at,
            cause=replaced.cause,
        )
    )


def drop_days(conn: sa.Connection, person: str, days: Collection[date]) -> None:
    """Days that are none any more: the person was not employed then after all."""
    there = attendance_days.c
    conn.execute(
        sa.delete(attendance_days).where(there.person == person, there.day.in_(sorted(days)))
    )


def status_counts(conn: sa.Connection, first: date, until: date) -> dict[str, int]:
    """How many stored days of the half-open span have which status."""
    there = attendance_days.c
    query = (
        sa.select(there.status, sa.func.count().label("days"))
        .where(there.day >= first, there.day < until)
        .group_by(there.status)
    )
    return {row.status: row.days for row in conn.execute(query)}


def days_going_on(conn: sa.Connection, first: date, until: date) -> bool:
    """Whether the window of a stored day of the half-open span was open when it was computed."""
    there = attendance_days.c
    query = sa.select(there.day).where(
        there.look_at.is_not(None), there.day >= first, there.day < until
    )
    return conn.execute(query.limit(1)).one_or_none() is not None


def _stored(row: sa.Row[tuple[object, ...]], look_at: datetime | None) -> StoredDay:
    return StoredDay(
        person=row.person,
        revision=row.revision,
        result=_decode(row.result),
        computed_at=row.computed_at,
        cause=row.cause,
        look_at=look_at,
    )

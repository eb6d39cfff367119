"""Tables of goals: sets in versions, what was done to each, templates and who has which.

Rows are added and never changed (the database refuses): a change is a new version. A set is its
canonical text with its SHA-256; what does not give its hash is not read.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.errors import CoreError
from hr_core.performance.exact_json import decode, digest_of
from hr_core.performance.goals import GoalSet, Level
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.unchanging import keep_unchanged

goal_sets = sa.Table(
    "goal_sets",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON of GoalSet
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the content, hex
    sa.Column("made_at", UtcInstant, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.UniqueConstraint("level", "owner", "period", "version"),
)
keep_unchanged(goal_sets)

goal_steps = sa.Table(
    "goal_steps",
    metadata,
    sa.Column("goal_set", sa.BigInteger, sa.ForeignKey(goal_sets.c.number), primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),  # as whom: employee, manager, next_level
    sa.Column("person", sa.Text, nullable=False),  # key of who did it
    sa.Column("name", sa.Text, nullable=False),  # under which name it was done
    sa.Column("at", UtcInstant, nullable=False),
    sa.Column("before", sa.Text, nullable=False),  # state
    sa.Column("after", sa.Text, nullable=False),  # state
    sa.Column("digest", sa.Text, nullable=False),  # of the set that it was done to
    sa.Column("wanted", sa.Text),  # JSON of what was asked for instead
    sa.Column("note", sa.Text, nullable=False),
)
keep_unchanged(goal_steps)
# One human gives one signature to a set, whatever it may sign as.
_one_signature = sa.Index(
    "uq_goal_steps_signature",
    goal_steps.c.goal_set,
    goal_steps.c.person,
    unique=True,
    sqlite_where=goal_steps.c.act == "sign",
    postgresql_where=goal_steps.c.act == "sign",
)


class StoredSet(NamedTuple):
    number: int
    goals: GoalSet
    digest: str
    made_at: datetime
    made_by: str
    reason: str


class StepRow(NamedTuple):
    """The order of the columns."""

    goal_set: int
    step: int
    act: str
    role: str
    person: str
    name: str
    at: datetime
    before: str
    after: str
    digest: str
    wanted: str | None
    note: str


def add_set(conn: sa.Connection, goals: GoalSet, at: datetime, by: str, reason: str) -> StoredSet:
    """In the caller's write transaction."""
    last = conn.execute(sa.select(sa.func.max(goal_sets.c.number))).scalar()
    stored = StoredSet((last or 0) + 1, goals, goals.digest, at, by, reason)
    conn.execute(
        sa.insert(goal_sets).values(
            number=stored.number,
            level=goals.level.value,
            owner=goals.owner,
            period=goals.period,
            version=goals.version,
            content=goals.text,
            digest=stored.digest,
            made_at=at,
            made_by=by,
            reason=reason,
        )
    )
    return stored


def add_step(conn: sa.Connection, row: StepRow) -> None:
    conn.execute(sa.insert(goal_steps).values(row._asdict()))


def set_by_number(conn: sa.Connection, number: int) -> StoredSet | None:
    """Raises CoreError for a set that is not as it was stored."""
    found = _sets(conn, goal_sets.c.number == number)
    return found[0] if found else None


def sets_of(conn: sa.Connection, level: Level, owners: Collection[str]) -> list[StoredSet]:
    """Every version of every period, in the order in which they were made."""
    return _sets(conn, goal_sets.c.level == level.value, goal_sets.c.owner.in_(sorted(owners)))


def all_sets(conn: sa.Connection, people: Collection[str] | None = None) -> list[StoredSet]:
    """In the order in which they were made: of all units, and of everybody or of these people."""
    if people is None:
        return _sets(conn)
    there = goal_sets.c
    return _sets(conn, sa.or_(there.level != Level.PERSON.value, there.owner.in_(sorted(people))))


def steps_of(conn: sa.Connection, number: int) -> list[StepRow]:
    query = sa.select(goal_steps).where(goal_steps.c.goal_set == number).order_by(goal_steps.c.step)
    return [StepRow(*row) for row in conn.execute(query)]


def last_states(conn: sa.Connection, people: Collection[str] | None = None) -> dict[int, str]:
    """The state of each set that something was done to: of everybody, or of these people."""
    there = goal_steps.c
    query = sa.select(there.goal_set, there.after).order_by(there.goal_set, there.step)
    if people is not None:
        own = sa.select(goal_sets.c.number).where(
            goal_sets.c.level == Level.PERSON.value, goal_sets.c.owner.in_(sorted(people))
        )
        query = query.where(there.goal_set.in_(own))
    return {row.goal_set: row.after for row in conn.execute(query)}


def _sets(conn: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[StoredSet]:
    query = sa.select(goal_sets).where(*wanted).order_by(goal_sets.c.number)
    return [_stored(row) for row in conn.execute(query)]


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredSet:
    goals = decode(row.content, GoalSet)
    columns = (goals.level.value, goals.owner, goals.period, goals.version)
    if digest_of(row.content) != row.digest or columns != (
        row.level,
        row.owner,
        row.period,
        row.version,
    ):
        raise CoreError(
            f"goal set {row.number} is not as it was stored: its content does not give its hash",
            remedy="restore the database from a backup; hr-core audit verify tells since when",
        )
    return StoredSet(row.number, goals, row.digest, row.made_at, row.made_by, row.reason)

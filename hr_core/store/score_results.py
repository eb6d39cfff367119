"""Table of locked results: a score, once locked, never changes; another one is a new version."""

from collections.abc import Iterable
from datetime import date, datetime
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged

score_results = sa.Table(
    "score_results",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("period_from", sa.Date, nullable=False),
    sa.Column("period_until", sa.Date, nullable=False),  # the first day after it
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("score", sa.Text, nullable=False),  # exact: "84" or "253/3"
    sa.Column("scheme", sa.Text, nullable=False),
    sa.Column("grade", sa.Text),
    sa.Column("coefficient", sa.Text),
    sa.Column("content", sa.Text, nullable=False),  # JSON of everything that the score rests on
    sa.Column("locked_by", sa.Text, nullable=False),
    sa.Column("locked_at", UtcInstant, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.UniqueConstraint("person", "period", "version"),
    sa.CheckConstraint("locked_by <> person", name="not_by_the_rated"),
    sa.Index("ix_score_results_period_until", "period_until"),
)

score_feedback = sa.Table(
    "score_feedback",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("result", sa.ForeignKey(score_results.c.number), nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("entered_at", UtcInstant, nullable=False),
)

keep_unchanged(score_results)
keep_unchanged(score_feedback)
guard(
    score_results,
    Guard(
        "INSERT",
        "four_eyes",
        "EXISTS (SELECT 1 FROM assessments AS a WHERE a.person = NEW.person "
        "AND a.period = NEW.period AND a.rater = NEW.locked_by "
        "AND a.number NOT IN (SELECT w.assessment FROM assessment_withdrawals AS w))",
        "a rater cannot lock the score that he gave",
    ),
)


class ResultRow(Struct, frozen=True, kw_only=True):
    """`content`: JSON text as it was locked (hr_core.performance.locking.Content)."""

    number: int
    person: str
    period: str
    period_from: date
    period_until: date
    version: int
    score: Fraction
    scheme: str
    grade: str | None
    coefficient: Fraction | None
    content: str
    locked_by: str
    locked_at: datetime
    reason: str


def add_result(conn: sa.Connection, new: ResultRow) -> int:
    """`new.number` is not looked at. Raises sa.exc.IntegrityError for a version that is there."""
    row = {name: getattr(new, name) for name in new.__struct_fields__ if name != "number"}
    row["score"] = str(new.score)
    row["coefficient"] = None if new.coefficient is None else str(new.coefficient)
    made = conn.execute(score_results.insert().values(row))
    assert made.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has it
    number: int = made.inserted_primary_key[0]
    return number


def result_by_number(conn: sa.Connection, number: int) -> ResultRow | None:
    found = _read(conn, score_results.c.number == number)
    return found[0] if found else None


def versions_of(conn: sa.Connection, people: Iterable[str], period: str) -> list[ResultRow]:
    """Oldest first. `people`: the keys that mean one person."""
    columns = score_results.c
    return _read(conn, columns.person.in_(sorted(people)), columns.period == period)


def newest_result(conn: sa.Connection, people: Iterable[str], period: str) -> ResultRow | None:
    """None where nothing is locked."""
    found = versions_of(conn, people, period)
    return found[-1] if found else None


def newest_results(
    conn: sa.Connection, *wanted: sa.ColumnElement[bool], up_to: int | None = None
) -> list[ResultRow]:
    """The newest version of each person and period, in the order of the numbers.

    `up_to`: as it was when this was the highest number.
    """
    bound = () if up_to is None else (score_results.c.number <= up_to,)
    newest = {(row.person, row.period): row for row in _read(conn, *wanted, *bound)}
    return sorted(newest.values(), key=lambda row: row.number)


def results_of(conn: sa.Connection, people: Iterable[str]) -> list[ResultRow]:
    """The newest version of each period, by the end of the period. `people`: one person's keys."""
    found = newest_results(conn, score_results.c.person.in_(sorted(people)))
    return sorted(found, key=lambda row: (row.period_until, row.period))


def feedback_of(conn: sa.Connection, result: int) -> list[tuple[datetime, str, str]]:
    """When, by whom, what."""
    columns = score_feedback.c
    query = (
        sa.select(columns.entered_at, columns.entered_by, columns.text)
        .where(columns.result == result)
        .order_by(columns.number)
    )
    return [(row.entered_at, row.entered_by, row.text) for row in conn.execute(query)]


def _read(conn: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[ResultRow]:
    rows = conn.execute(sa.select(score_results).where(*wanted).order_by(score_results.c.number))
    return [
        ResultRow(
            number=row.number,
            person=row.person,
            period=row.period,
            period_from=row.period_from,
            period_until=row.period_until,
            version=row.version,
            score=Fraction(row.score),
            scheme=row.scheme,
            grade=row.grade,
            coefficient=None if row.coefficient is None else Fraction(row.coefficient),
            content=row.content,
            locked_by=row.locked_by,
            locked_at=row.locked_at,
            reason=row.reason,
        )
        for row in rows
    ]

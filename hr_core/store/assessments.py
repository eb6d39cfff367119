"""Tables of two-way assessments: what is judged, each side's marks, why two sides lie apart.

A side is one row, written at once. Its marks are frozen when both sides are in: a trigger says so.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged, not_replaced

Side = Literal["self", "manager"]

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

assessments = sa.Table(
    "assessments",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("post", sa.Text, nullable=False),  # empty: the only one
    sa.Column("share_percent", sa.Text, nullable=False),  # of this post in the person's score
    sa.Column("rater", sa.Text, nullable=False),
    sa.Column("goals_version", sa.Integer),
    sa.Column("indicators", sa.Text, nullable=False),  # JSON of tuple[Indicator, ...]
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("opened_at", UtcInstant, nullable=False),
    sa.Index(None, "period", "person"),
    sa.CheckConstraint("rater <> person", name="two_people"),
)

assessment_sides = sa.Table(
    "assessment_sides",
    metadata,
    sa.Column("assessment", sa.ForeignKey(assessments.c.number), primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("marks", sa.Text),  # JSON of dict[indicator, mark]; NULL: this side gives none
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("entered_at", UtcInstant, nullable=False),
)

assessment_reasons = sa.Table(
    "assessment_reasons",
    metadata,
    sa.Column("assessment", sa.ForeignKey(assessments.c.number), primary_key=True),
    sa.Column("indicator", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("entered_at", UtcInstant, nullable=False),
)

# Opened by mistake, or its rater left: it stays to be read, and another one takes its place.
assessment_withdrawals = sa.Table(
    "assessment_withdrawals",
    metadata,
    sa.Column("assessment", sa.ForeignKey(assessments.c.number), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("withdrawn_by", sa.Text, nullable=False),
    sa.Column("withdrawn_at", UtcInstant, nullable=False),
)

keep_unchanged(assessments)
keep_unchanged(assessment_withdrawals)
keep_unchanged(assessment_reasons)
_BOTH = "(SELECT count(*) FROM assessment_sides AS s WHERE s.assessment = OLD.assessment) = 2"
_FROZEN = "the marks are frozen: both sides are in"
guard(assessment_sides, Guard("UPDATE", "frozen", _BOTH, _FROZEN))
guard(assessment_sides, Guard("DELETE", "kept", "TRUE", "a side is never deleted"))
guard(assessment_sides, not_replaced(assessment_sides, _FROZEN))


class Indicator(Struct, frozen=True, kw_only=True):
    """Percentages and scores are exact text, like "40" or "250/3"; `first` comes from the data."""

    code: str
    weight_percent: str
    first: str | None = None


class Assessment(Struct, frozen=True, kw_only=True):
    number: int
    person: str
    period: str
    post: str
    share_percent: str
    rater: str
    goals_version: int | None
    indicators: tuple[Indicator, ...]


class SideRow(Struct, frozen=True, kw_only=True):
    """`marks` None: the side was excused, `note` says why."""

    side: Side
    marks: dict[str, str] | None
    note: str
    entered_by: str
    entered_at: datetime


_json = msgspec.json.Encoder(order="deterministic")
_indicators = msgspec.json.Decoder(tuple[Indicator, ...])
_marks = msgspec.json.Decoder(dict[str, str])


def add_assessment(conn: sa.Connection, new: Assessment, by: str, at: datetime) -> int:
    """`new.number` is not looked at; gives the number that the row got."""
    row = msgspec.structs.asdict(new)
    del row["number"]
    row["indicators"] = _json.encode(new.indicators).decode()
    made = conn.execute(assessments.insert().values(**row, opened_by=by, opened_at=at))
    assert made.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has it
    number: int = made.inserted_primary_key[0]
    return number


def assessment_by_number(conn: sa.Connection, number: int) -> Assessment | None:
    """None for one that was withdrawn too, as in every read here."""
    found = _read(conn, assessments.c.number == number)
    return found[0] if found else None


def assessments_of(conn: sa.Connection, person: str, period: str) -> list[Assessment]:
    return _read(conn, assessments.c.person == person, assessments.c.period == period)


def assessments_of_period(conn: sa.Connection, period: str) -> list[Assessment]:
    return _read(conn, assessments.c.period == period)


def assessments_listed(
    conn: sa.Connection,
    sides: Collection[str] | None,
    *,
    period: str | None,
    before: int | None,
    limit: int,
) -> list[Assessment]:
    """Newest first. `sides`: whose person or rater is one of these; None: all."""
    columns = assessments.c
    wanted = []
    if sides is not None:
        keys = sorted(sides)
        wanted.append(sa.or_(columns.person.in_(keys), columns.rater.in_(keys)))
    if period is not None:
        wanted.append(columns.period == period)
    if before is not None:
        wanted.append(columns.number < before)
    return _read(conn, *wanted, newest=limit)


def sides_of(conn: sa.Connection, number: int) -> dict[Side, SideRow]:
    columns = assessment_sides.c
    rows = conn.execute(sa.select(assessment_sides).where(columns.assessment == number))
    return {
        row.side: SideRow(
            side=row.side,
            marks=None if row.marks is None else _marks.decode(row.marks),
            note=row.note,
            entered_by=row.entered_by,
            entered_at=row.entered_at,
        )
        for row in rows
    }


def put_side(conn: sa.Connection, number: int, side: SideRow) -> None:
    """Replaces what the side gave before. Raises sa.exc.IntegrityError once both sides are in."""
    values = {
        "marks": None if side.marks is None else _json.encode(side.marks).decode(),
        "note": side.note,
        "entered_by": side.entered_by,
        "entered_at": side.entered_at,
    }
    columns = assessment_sides.c
    here = (columns.assessment == number, columns.side == side.side)
    if conn.execute(assessment_sides.update().where(*here).values(values)).rowcount == 0:
        conn.execute(assessment_sides.insert().values(assessment=number, side=side.side, **values))


def reasons_of(conn: sa.Connection, number: int) -> dict[str, str]:
    columns = assessment_reasons.c
    query = sa.select(columns.indicator, columns.reason).where(columns.assessment == number)
    return {row.indicator: row.reason for row in conn.execute(query)}


def withdraw(conn: sa.Connection, number: int, reason: str, by: str, at: datetime) -> None:
    conn.execute(
        assessment_withdrawals.insert().values(
            assessment=number, reason=reason, withdrawn_by=by, withdrawn_at=at
        )
    )


def _read(
    conn: sa.Connection, *wanted: sa.ColumnElement[bool], newest: int | None = None
) -> list[Assessment]:
    """`newest`: only so many, from the highest number down."""
    gone = sa.select(assessment_withdrawals.c.assessment)
    query = sa.select(assessments).where(assessments.c.number.not_in(gone), *wanted)
    if newest is None:
        query = query.order_by(assessments.c.number)
    else:
        query = query.order_by(assessments.c.number.desc()).limit(newest)
    rows = conn.execute(query)
    return [
        Assessment(
            number=row.number,
            person=row.person,
            period=row.period,
            post=row.post,
            share_percent=row.share_percent,
            rater=row.rater,
            goals_version=row.goals_version,
            indicators=_indicators.decode(row.indicators),
        )
        for row in rows
    ]

"""Tables of 360-degree ratings. Who rated stands here alone: the rated person's reads never take it."""

from datetime import datetime
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.performance.relations import Relation
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged, not_replaced

rounds_360 = sa.Table(
    "rounds_360",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("closed_by", sa.Text, nullable=False),
    sa.Column("closed_at", UtcInstant, nullable=False),
)

ratings_360 = sa.Table(
    "ratings_360",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("rater", sa.Text, primary_key=True),
    sa.Column("relation", sa.Text, nullable=False),
    sa.Column("invited_by", sa.Text, nullable=False),
    sa.Column("invited_at", UtcInstant, nullable=False),
    sa.Column("score", sa.Text),  # exact; NULL until the rater answers
    sa.Column("note", sa.Text),
    sa.Column("rated_at", UtcInstant),
    sa.CheckConstraint("rater <> person", name="two_people"),
)

_CLOSED = (
    "EXISTS (SELECT 1 FROM rounds_360 AS r WHERE r.person = NEW.person AND r.period = NEW.period)"
)
guard(ratings_360, Guard("UPDATE", "closed", _CLOSED, "the round is closed"))
guard(ratings_360, Guard("INSERT", "late", _CLOSED, "the round is closed"))
# One rating less is another mean: an answer stays, and a round that was closed stays closed.
_STAYS = "an invitation and its rating stay"
guard(ratings_360, Guard("DELETE", "kept", "TRUE", _STAYS), not_replaced(ratings_360, _STAYS))
keep_unchanged(rounds_360, "a round that was closed stays closed")


class Invitation(Struct, frozen=True, kw_only=True):
    person: str
    period: str
    rater: str
    relation: Relation
    score: Fraction | None


def add_invitation(conn: sa.Connection, new: Invitation, by: str, at: datetime) -> None:
    conn.execute(
        ratings_360.insert().values(
            person=new.person,
            period=new.period,
            rater=new.rater,
            relation=new.relation,
            invited_by=by,
            invited_at=at,
        )
    )


def put_rating(
    conn: sa.Connection, invited: Invitation, score: Fraction, note: str, at: datetime
) -> None:
    columns = ratings_360.c
    conn.execute(
        ratings_360.update()
        .where(
            columns.person == invited.person,
            columns.period == invited.period,
            columns.rater == invited.rater,
        )
        .values(score=str(score), note=note, rated_at=at)
    )


def invitations(conn: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[Invitation]:
    rows = conn.execute(sa.select(ratings_360).where(*wanted).order_by(*ratings_360.primary_key))
    return [
        Invitation(
            person=row.person,
            period=row.period,
            rater=row.rater,
            relation=row.relation,
            score=None if row.score is None else Fraction(row.score),
        )
        for row in rows
    ]


def is_closed(conn: sa.Connection, person: str, period: str) -> bool:
    columns = rounds_360.c
    query = sa.select(columns.person).where(columns.person == person, columns.period == period)
    return conn.execute(query).first() is not None


def close(conn: sa.Connection, person: str, period: str, by: str, at: datetime) -> None:
    conn.execute(
        rounds_360.insert().values(person=person, period=period, closed_by=by, closed_at=at)
    )

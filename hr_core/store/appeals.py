"""Tables of appeals, and of who must not review them: the database refuses these too."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged, not_replaced


class About(StrEnum):
    SCORE = "score"  # a locked score
    GOALS = "goals"  # goals that are not signed yet
    PERIOD = "period"  # a period that is over: the person asks to look at it again, together


class Outcome(StrEnum):
    CHANGED = "changed"
    UPHELD = "upheld"


appeals = sa.Table(
    "appeals",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("result", sa.ForeignKey("score_results.number")),  # what is appealed against
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", UtcInstant, nullable=False),
    sa.Column("reviewed_by", sa.Text),
    sa.Column("reviewed_at", UtcInstant),
    sa.Column("outcome", sa.Text),
    sa.Column("answer", sa.Text),
    sa.Column("new_result", sa.ForeignKey("score_results.number")),
    sa.CheckConstraint("reviewed_by <> asked_by", name="four_eyes"),
)

appeal_barred = sa.Table(
    "appeal_barred",
    metadata,
    sa.Column("appeal", sa.ForeignKey(appeals.c.number), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
)

keep_unchanged(appeal_barred)
guard(appeals, Guard("DELETE", "kept", "TRUE", "an appeal is never deleted"))
guard(appeals, not_replaced(appeals, "an appeal is never deleted"))
_DONE = "OLD.reviewed_by IS NOT NULL"
guard(appeals, Guard("UPDATE", "once", _DONE, "an appeal is reviewed once"))
guard(
    appeals,
    Guard(
        "UPDATE",
        "four_eyes",
        "EXISTS (SELECT 1 FROM appeal_barred AS b "
        "WHERE b.appeal = NEW.number AND b.name = NEW.reviewed_by)",
        "who rated or appealed cannot review",
    ),
)


class Appeal(Struct, frozen=True, kw_only=True):
    """Open until `outcome` is there."""

    number: int
    about: About
    person: str
    period: str
    result: int | None
    reason: str
    asked_by: str
    asked_at: datetime
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    outcome: Outcome | None = None
    answer: str | None = None
    new_result: int | None = None


def add_appeal(conn: sa.Connection, new: Appeal, barred: frozenset[str]) -> int:
    """`new.number` is not looked at; `barred`: every name that must not review it."""
    row = {name: getattr(new, name) for name in new.__struct_fields__ if name != "number"}
    made = conn.execute(appeals.insert().values(row))
    assert made.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has it
    number: int = made.inserted_primary_key[0]
    rows = [{"appeal": number, "name": name} for name in sorted(barred)]
    conn.execute(appeal_barred.insert(), rows)
    return number


def barred_from(conn: sa.Connection, number: int) -> frozenset[str]:
    query = sa.select(appeal_barred.c.name).where(appeal_barred.c.appeal == number)
    return frozenset(conn.execute(query).scalars())


def settle_appeal(conn: sa.Connection, settled: Appeal) -> None:
    """Raises sa.exc.IntegrityError for a reviewer who is barred."""
    names = ("reviewed_by", "reviewed_at", "outcome", "answer", "new_result")
    conn.execute(
        appeals.update()
        .where(appeals.c.number == settled.number)
        .values({name: getattr(settled, name) for name in names})
    )


def appeal_by_number(conn: sa.Connection, number: int) -> Appeal | None:
    found = appeals_where(conn, appeals.c.number == number)
    return found[0] if found else None


def appeals_where(conn: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[Appeal]:
    rows = conn.execute(sa.select(appeals).where(*wanted).order_by(appeals.c.number)).mappings()
    return [
        Appeal(
            **{
                **row,
                "about": About(row["about"]),
                "outcome": None if row["outcome"] is None else Outcome(row["outcome"]),
            }
        )
        for row in rows
    ]

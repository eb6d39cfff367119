"""Tables of what locked results led to: one row each, kept; how it ended is a row of its own.

`once` is what makes a consequence one and the same: the database refuses a second row of it.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.unchanging import keep_unchanged

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

consequences = sa.Table(
    "consequences",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("once", sa.Text, nullable=False, unique=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False, index=True),
    sa.Column("result", sa.ForeignKey("score_results.number"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),  # JSON object
    sa.Column("approval", sa.Integer),  # of approvals, where a second person decides
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_at", UtcInstant, nullable=False),
)

consequence_ends = sa.Table(
    "consequence_ends",
    metadata,
    sa.Column("consequence", sa.ForeignKey(consequences.c.number), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("ended_by", sa.Text, nullable=False),
    sa.Column("ended_at", UtcInstant, nullable=False),
)

plan_goals = sa.Table(
    "plan_goals",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("consequence", sa.ForeignKey(consequences.c.number), nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("due", sa.Date, nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("entered_at", UtcInstant, nullable=False),
)

keep_unchanged(consequences)
keep_unchanged(consequence_ends)
keep_unchanged(plan_goals)


class ConsequenceKind(StrEnum):
    RAISE = "raise"
    BONUS = "bonus"
    TRAINING = "training"
    TEAM_LEAD_CANDIDATE = "team_lead_candidate"
    IMPROVEMENT_PLAN = "improvement_plan"
    TRANSFER_PROPOSAL = "transfer_proposal"
    HR_NOTICE = "hr_notice"
    BONUS_TO_DECIDE = "bonus_to_decide"  # the scheme names no percentage: people enter the sum
    GOAL_REVIEW = "goal_review"  # goals that were missed, each with its figures
    LEAVING_PROPOSAL = "leaving_proposal"  # people decide; nothing is done by it
    PROMOTION_CANDIDATE = "promotion_candidate"
    TAKE_BACK = "take_back"  # approved by an earlier version of the score, which no longer stands


class End(StrEnum):
    DONE = "done"
    WITHDRAWN = "withdrawn"  # a later version of the score does not lead to it


class ConsequenceRow(Struct, frozen=True, kw_only=True):
    """`ended` None: nobody has ended it; of a proposal the desk says how it stands."""

    number: int
    once: str
    person: str
    period: str
    result: int
    kind: ConsequenceKind
    detail: dict[str, Any]
    approval: int | None
    made_by: str
    made_at: datetime
    ended: End | None = None
    note: str = ""


class PlanGoal(Struct, frozen=True, kw_only=True):
    text: str
    due: date


_json = msgspec.json.Encoder(order="deterministic")


def add_consequence(conn: sa.Connection, new: ConsequenceRow) -> int:
    """`new.number` is not looked at. Raises sa.exc.IntegrityError for one that is there."""
    row = msgspec.structs.asdict(new)
    for name in ("number", "ended", "note"):
        del row[name]
    row["detail"] = _json.encode(new.detail).decode()
    made = conn.execute(consequences.insert().values(row))
    assert made.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has it
    number: int = made.inserted_primary_key[0]
    return number


def end_consequence(
    conn: sa.Connection, number: int, state: End, note: str, by: str, at: datetime
) -> None:
    conn.execute(
        consequence_ends.insert().values(
            consequence=number, state=state, note=note, ended_by=by, ended_at=at
        )
    )


def consequences_where(
    conn: sa.Connection, *wanted: sa.ColumnElement[bool]
) -> list[ConsequenceRow]:
    """Oldest first."""
    ends = consequence_ends.c
    query = (
        sa.select(consequences, ends.state, ends.note)
        .outerjoin(consequence_ends, ends.consequence == consequences.c.number)
        .where(*wanted)
        .order_by(consequences.c.number)
    )
    return [
        ConsequenceRow(
            number=row.number,
            once=row.once,
            person=row.person,
            period=row.period,
            result=row.result,
            kind=ConsequenceKind(row.kind),
            detail=msgspec.json.decode(row.detail),
            approval=row.approval,
            made_by=row.made_by,
            made_at=row.made_at,
            ended=None if row.state is None else End(row.state),
            note=row.note or "",
        )
        for row in conn.execute(query)
    ]


def add_plan_goal(
    conn: sa.Connection, consequence: int, goal: PlanGoal, by: str, at: datetime
) -> None:
    conn.execute(
        plan_goals.insert().values(
            consequence=consequence, text=goal.text, due=goal.due, entered_by=by, entered_at=at
        )
    )


def goals_of_plan(conn: sa.Connection, consequence: int) -> list[PlanGoal]:
    columns = plan_goals.c
    query = (
        sa.select(columns.text, columns.due)
        .where(columns.consequence == consequence)
        .order_by(columns.number)
    )
    return [PlanGoal(text=row.text, due=row.due) for row in conn.execute(query)]

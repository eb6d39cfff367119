"""Tasks that grades and missed goals led to and that nobody has ended, and whose turn it is."""

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.performance.signers import chain_of
from hr_core.performance.units import Units
from hr_core.store.consequences import (
    ConsequenceKind,
    ConsequenceRow,
    PlanGoal,
    consequence_ends,
    consequences,
    consequences_where,
    goals_of_plan,
)

# What the superior does with the person. The others are HR's: they decide on money, posts and leaving.
OF_THE_MANAGER = frozenset(
    {ConsequenceKind.GOAL_REVIEW, ConsequenceKind.IMPROVEMENT_PLAN, ConsequenceKind.TRAINING}
)


class OpenTask(Struct, frozen=True, kw_only=True):
    """`goals`: of an improvement plan, each with its date."""

    row: ConsequenceRow
    goals: tuple[PlanGoal, ...]


class ReviewWaiting(Struct, frozen=True, kw_only=True):
    """A missed goal that is to be talked over; `managers`: keys of those who may."""

    row: ConsequenceRow
    managers: tuple[str, ...]


def open_tasks(
    conn: sa.Connection, kinds: Collection[ConsequenceKind] = tuple(ConsequenceKind)
) -> list[OpenTask]:
    """Oldest first; without those that wait on the desk of approvals."""
    here = consequences.c
    rows = consequences_where(
        conn,
        here.approval.is_(None),
        consequence_ends.c.state.is_(None),
        here.kind.in_(sorted(kinds)),
    )
    return [OpenTask(row=row, goals=tuple(goals_of_plan(conn, row.number))) for row in rows]


def reviews_waiting(conn: sa.Connection, on: date) -> list[ReviewWaiting]:
    units = Units.load(conn)
    return [
        ReviewWaiting(
            row=task.row, managers=tuple(sorted(chain_of(units, task.row.person, on).managers))
        )
        for task in open_tasks(conn, (ConsequenceKind.GOAL_REVIEW,))
    ]

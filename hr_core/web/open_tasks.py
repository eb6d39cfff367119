"""Open tasks on the page of grades: who sees which, and who ends one."""

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.field_policy import Field, roles_seeing
from hr_core.errors import NotFoundError
from hr_core.performance.follow_up import existing_consequence
from hr_core.performance.open_tasks import OF_THE_MANAGER, OpenTask, open_tasks
from hr_core.store.consequences import ConsequenceKind, ConsequenceRow
from hr_core.web.admission import Visitor
from hr_core.web.errors import NoPageError
from hr_core.web.performance_sight import PerformanceSight, runs_scores


class ShownTask(Struct, frozen=True, kw_only=True):
    """`facts`: of a task that is no review of goals, as (name, value)."""

    task: OpenTask
    name: str
    facts: tuple[tuple[str, str], ...]


def shown_tasks(
    conn: sa.Connection, visitor: Visitor, seen: PerformanceSight
) -> tuple[ShownTask, ...]:
    kinds = _kinds(visitor)
    if not kinds:
        return ()
    return tuple(
        ShownTask(
            task=one,
            name=seen.name(one.row.person),
            facts=()
            if one.row.kind is ConsequenceKind.GOAL_REVIEW
            else tuple((name, str(value)) for name, value in one.row.detail.items()),
        )
        for one in open_tasks(conn, kinds)
        if _is_seen(one.row, seen)
    )


def task_to_end(
    conn: sa.Connection, visitor: Visitor, seen: PerformanceSight, number: int
) -> ConsequenceRow:
    """Raises NoPageError for one that the visitor does not see."""
    try:
        row = existing_consequence(conn, number)
    except NotFoundError as exc:
        raise NoPageError("no_task", number=number) from exc
    if row.kind not in _kinds(visitor) or not _is_seen(row, seen):
        raise NoPageError("no_task", number=number)
    return row


def _kinds(visitor: Visitor) -> frozenset[ConsequenceKind]:
    """A take-back has amounts in it, and a leaving proposal is for HR alone."""
    account = visitor.account
    if account is None or not runs_scores(visitor):
        return frozenset()
    if account.has_role(*roles_seeing(Field.AMOUNTS)):
        return frozenset(ConsequenceKind)
    return OF_THE_MANAGER


def _is_seen(row: ConsequenceRow, seen: PerformanceSight) -> bool:
    return seen.sees(row.person) and row.person not in seen.own

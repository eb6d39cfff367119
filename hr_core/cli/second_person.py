"""Commands that two people give: the first one asks, the second one makes it happen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hr_core.cli.options import print_json

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.approvals.kinds import Kind


def waits(conn: sa.Connection, kind: Kind, subject: str) -> bool:
    from hr_core.approvals.desk import open_approvals

    return bool(open_approvals(conn, kind, subject))


def approved_by_second(
    conn: sa.Connection, kind: Kind, subject: str, name: str, at: datetime, reason: str = ""
) -> object:
    """What its effect gives. Raises RefusedError when it is the one who asked."""
    from hr_core.approvals.actors import approver_named
    from hr_core.approvals.desk import approve, open_approvals
    from hr_core.approvals.effects import take_effect

    waiting = open_approvals(conn, kind, subject)[0]
    actor = approver_named(conn, name, kind)
    return take_effect(conn, approve(conn, waiting.number, at=at, by=actor, reason=reason))


def print_asked(engine: sa.Engine, number: int, *, again: str, as_json: bool) -> None:
    """Who can make it happen, and how."""
    from hr_core.approvals.actors import actor_named, who_can
    from hr_core.approvals.desk import approval

    with engine.connect() as conn:
        found = approval(conn, number)
        can = who_can(conn, found.kind, actor_named(conn, found.proposed_by))
    if as_json:
        print_json({"approval": number, "subject": found.subject, "done": False, "who_can": can})
        return
    print(f"{found.subject}: waits for a second person as approval {number}; nothing is done yet")
    print(f"  another person gives the same command: {again} --by NAME (can: {can})")

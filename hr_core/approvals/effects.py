"""What an approval does, by its kind: each is done in the transaction of the approval."""

from collections.abc import Callable

import sqlalchemy as sa

from hr_core.approvals.desk import Approval
from hr_core.approvals.kinds import Kind
from hr_core.errors import RefusedError
from hr_core.opening.desk import take_opening

Effect = Callable[[sa.Connection, Approval], None]

EFFECTS: dict[Kind, Effect] = {
    Kind.OPENING: take_opening,
}


def take_effect(conn: sa.Connection, approval: Approval) -> None:
    """Raises RefusedError for a kind that is approved elsewhere, and what the effect raises."""
    effect = EFFECTS.get(approval.kind)
    if effect is None:
        raise RefusedError(
            f"a {approval.kind} is not approved by its number alone",
            remedy=f"use the command of what it is about: hr-core approvals show {approval.number}",
        )
    effect(conn, approval)

"""What an approval does, by its kind: each is done in the transaction of the approval."""

from collections.abc import Callable

import sqlalchemy as sa

from hr_core.approvals.desk import Approval
from hr_core.approvals.kinds import Kind
from hr_core.errors import RefusedError
from hr_core.opening.desk import take_opening
from hr_core.pay.agreement_desk import take_agreements
from hr_core.pay.piece import price_desk
from hr_core.pay.proposals import add_approved_entry

Effect = Callable[[sa.Connection, Approval], object]

EFFECTS: dict[Kind, Effect] = {
    Kind.OPENING: take_opening,
    Kind.PIECE_PRICE: price_desk.take_effect,
    Kind.PAY_AGREEMENT: take_agreements,
    Kind.PAY_ENTRY: add_approved_entry,
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

"""What an approval does, by its kind: each is done in the transaction of the approval."""

from collections.abc import Callable

import sqlalchemy as sa

from hr_core.approvals.desk import Approval
from hr_core.approvals.kinds import Kind
from hr_core.attendance.live.locking import carry_out
from hr_core.errors import RefusedError
from hr_core.law.imported import add_approved_law
from hr_core.opening.desk import take_opening
from hr_core.pay.agreement_desk import take_agreements
from hr_core.pay.leaving_desk import take_leaving
from hr_core.pay.order_desk import take_order
from hr_core.pay.piece import price_desk
from hr_core.pay.proposals import add_approved_entry
from hr_core.pay.retro_settling import lock_run_and_settle
from hr_core.pay.reversal import take_back
from hr_core.pay.run_life import mark_paid
from hr_core.pay.scheme_approval import adopt_scheme
from hr_core.people.erasing import carry_out_erasing
from hr_core.performance.rule_desk import adopt_rules

Effect = Callable[[sa.Connection, Approval], object]

EFFECTS: dict[Kind, Effect] = {
    Kind.COURT_ORDER: take_order,
    Kind.ERASURE: carry_out_erasing,
    Kind.LAW: add_approved_law,
    Kind.LEAVING: take_leaving,
    Kind.MONTH_LOCK: carry_out,
    Kind.OPENING: take_opening,
    Kind.PERFORMANCE_RULES: adopt_rules,
    Kind.PIECE_PRICE: price_desk.take_effect,
    Kind.PAY_AGREEMENT: take_agreements,
    Kind.PAY_ENTRY: add_approved_entry,
    Kind.PAYMENT: mark_paid,
    Kind.REVERSAL: take_back,
    Kind.RUN: lock_run_and_settle,
    Kind.SCHEME: adopt_scheme,
}


def take_effect(conn: sa.Connection, approval: Approval) -> object:
    """Raises RefusedError for a kind that is approved elsewhere, and what the effect raises."""
    effect = EFFECTS.get(approval.kind)
    if effect is None:
        raise RefusedError(
            f"a {approval.kind} is not approved by its number alone",
            remedy=f"use the command of what it is about: hr-core approvals show {approval.number}",
        )
    return effect(conn, approval)

"""Court orders on people's pay: one person enters what the court wrote, another compares and approves."""

from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.actors import refuse_own_pay
from hr_core.approvals.desk import Actor, Approval, propose
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import NotFoundError, RefusedError
from hr_core.money import MAX_FEN
from hr_core.pay.claims import ClaimKind
from hr_core.store.court_orders import (
    CourtOrder,
    SignedOrder,
    StoredOrder,
    add_order,
    end_order,
    orders,
)

_WHOLE = 10_000  # hundredths of a percent
_AGAIN = "compare it with the court's letter and enter it anew"


class OrderEnd(Struct, frozen=True, kw_only=True):
    """`last_month`: the last one in which something is taken."""

    order: int
    last_month: str
    reason: str


class _Content(Struct, frozen=True, kw_only=True):
    order: CourtOrder | None = None
    end: OrderEnd | None = None


def propose_order(
    conn: sa.Connection, order: CourtOrder, *, at: datetime, by: Actor, reason: str = ""
) -> int:
    """The approval's number. Raises RefusedError."""
    _check(order)
    if any(_same(one.order, order) for one in orders(conn, order.person)):
        raise RefusedError(
            f"{order.court} {order.reference} was entered for {order.person} before",
            remedy="see hr-core pay orders list; a changed order: end the old one, enter the new one",
        )
    subject = f"court order {order.court} {order.reference} for {order.person}"
    return propose(
        conn, Kind.COURT_ORDER, subject, _Content(order=order), at=at, by=by, reason=reason
    )


def propose_end(
    conn: sa.Connection, number: int, last_month: str, *, at: datetime, by: Actor, reason: str
) -> int:
    """The approval's number. Raises NotFoundError, RefusedError."""
    found = _order(conn, number)
    if not reason.strip():
        raise RefusedError(f"order {number} does not end without a reason", remedy="say --reason")
    _month(last_month)
    end = OrderEnd(order=number, last_month=last_month, reason=reason.strip())
    subject = f"end of court order {found.told} for {found.order.person}"
    return propose(conn, Kind.COURT_ORDER, subject, _Content(end=end), at=at, by=by, reason=reason)


def take_order(conn: sa.Connection, approval: Approval) -> None:
    """What the approval does. Raises NotFoundError, RefusedError."""
    content = msgspec.convert(approval.content, _Content)
    assert approval.decided_by is not None  # noqa: S101 - an approved one
    assert approval.decided_at is not None  # noqa: S101 - as above
    signed = SignedOrder(
        approval=approval.number,
        entered_by=approval.proposed_by,
        approved_by=approval.decided_by,
        at=approval.decided_at,
    )
    if content.order is not None:
        refuse_own_pay(conn, approval, [content.order.person])
        after: object = content.order
        number = add_order(conn, content.order, signed)
    elif content.end is not None:
        after, number = content.end, content.end.order
        refuse_own_pay(conn, approval, [_order(conn, number).order.person])
        end_order(conn, number, content.end.last_month, content.end.reason, signed)
    else:
        raise RefusedError(f"approval {approval.number} says nothing", remedy="propose it anew")
    told = {"order": number, "content": after, "approval": approval.number}
    append(
        conn, signed.at, signed.approved_by, "pay.court-order", approval.subject, None, told,
        approval.decision,
    )  # fmt: skip


def _order(conn: sa.Connection, number: int) -> StoredOrder:
    """One that has not ended."""
    found = next((one for one in orders(conn) if one.number == number), None)
    if found is None:
        raise NotFoundError(f"there is no court order {number}", remedy="hr-core pay orders list")
    if found.last_month is not None:
        raise RefusedError(
            f"order {number} ended with {found.last_month}: {found.why_ended}",
            remedy="enter a new order when the court sent one",
        )
    return found


def _check(order: CourtOrder) -> None:
    """Raises RefusedError."""
    _month(order.first_month)
    figures = (order.total_fen, order.instalment_fen, order.net_percent)
    fault = ""
    if order.kind is ClaimKind.OWN:
        fault = "is the employer's own claim, no court's"
    elif not order.court.strip() or not order.reference.strip():
        fault = "names no court or no number"
    elif all(one is None for one in figures):
        fault = "says neither a sum, nor an instalment, nor a share"
    elif order.total_fen is None and None not in (order.instalment_fen, order.net_percent):
        fault = "has no sum, and both an instalment and a share: which of them is owed?"
    elif any(one is not None and not 0 < one <= MAX_FEN for one in figures):
        fault = "has an amount that is not above zero"
    elif order.net_percent is not None and order.net_percent > _WHOLE:
        fault = "takes more than the whole pay"
    elif order.protected_fen is not None and not 0 <= order.protected_fen <= MAX_FEN:
        fault = "protects less than nothing"
    if fault:
        raise RefusedError(f"the order {order.court} {order.reference} {fault}", remedy=_AGAIN)


def _month(text: str) -> None:
    try:
        Month.parse(text)
    except ValueError as exc:
        raise RefusedError(str(exc), remedy="write it like 2026-10") from exc


def _same(known: CourtOrder, new: CourtOrder) -> bool:
    return (known.court, known.reference) == (new.court, new.reference)

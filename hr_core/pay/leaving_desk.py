"""Leavings from proposal to the last slip. The approval itself is what holds: of several of one person
and last day the one approved last counts.
"""

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa

from hr_core.approvals.actors import refuse_own_pay
from hr_core.approvals.desk import (
    Actor,
    Approval,
    ApprovalState,
    approvals_in,
    open_approvals,
    propose,
)
from hr_core.approvals.kinds import Kind
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.money import MAX_FEN
from hr_core.pay.cn.severance import Exit
from hr_core.pay.leaving import Leaving, SignedLeaving
from hr_core.people.records import Kind as ContractKind
from hr_core.store.person_records import employments_by_person

_AGAIN = "enter it anew: hr-core pay leaving add"
# Nobody has more leave or service than this; what is above it is a slip of the pen.
_MOST_HALF_DAYS, _MOST_MONTHS = 2 * 60, 12 * 60


def propose_leaving(conn: sa.Connection, new: Leaving, *, at: datetime, by: Actor) -> int:
    """The approval's number. Raises RefusedError."""
    _check(conn, new)
    for waiting in open_approvals(conn, Kind.LEAVING):
        if waiting.content["person"] == new.person:
            raise RefusedError(
                f"a {waiting.subject} waits already as approval {waiting.number}",
                remedy="another person approves it, or refuses it and it is entered anew: "
                f"hr-core approvals approve|refuse {waiting.number}",
            )
    subject = f"leaving of {new.person} on {new.last_day}"
    return propose(conn, Kind.LEAVING, subject, new, at=at, by=by, reason=new.reason)


def take_leaving(conn: sa.Connection, approval: Approval) -> None:
    """What the approval does: it holds. Raises RefusedError."""
    new = msgspec.convert(approval.content, Leaving)
    refuse_own_pay(conn, approval, [new.person])
    _check(conn, new)


def leavings(conn: sa.Connection, month: Month | None = None) -> dict[str, SignedLeaving]:
    """Approved ones by person, of those whose last day is in the month; without it the newest of all."""
    approved = approvals_in(conn, ApprovalState.APPROVED, Kind.LEAVING)
    approved.sort(key=lambda one: (one.decided_at or one.proposed_at, one.number))
    found: dict[str, SignedLeaving] = {}
    for one in approved:
        leaving = msgspec.convert(one.content, Leaving)
        if month in (None, leaving.month):
            found[leaving.person] = SignedLeaving(
                approval=one.number,
                entered_by=one.proposed_by,
                approved_by=one.decided_by or "",
                at=one.decided_at or one.proposed_at,
                leaving=leaving,
            )
    return found


def last_days_of(conn: sa.Connection, person: str) -> list[str]:
    """Of the own contracts that have one, as text."""
    ends = [
        one.valid_until
        for one in employments_by_person(conn).get(person, ())
        if one.kind is ContractKind.EMPLOYEE and one.valid_until is not None
    ]
    return [str(until - timedelta(days=1)) for until in ends]


def _check(conn: sa.Connection, new: Leaving) -> None:
    fault, remedy = "", _AGAIN
    if new.exit.upper() not in Exit.__members__:
        fault = f"ends by {new.exit!r}, which is none of {', '.join(one.code for one in Exit)}"
    elif new.service_from > new.last_day:
        fault = f"begins on {new.service_from}, after the last day"
    elif new.notice_pay and not new.how.may_pay_notice:
        fault = f"pays a month in place of notice, which {new.exit} does not know"
    elif not 0 <= new.leave_half_days <= _MOST_HALF_DAYS:
        fault = f"has {new.leave_half_days} half days of leave a year"
    elif not 0 <= (new.leave_taken_half_days or 0) <= _MOST_HALF_DAYS:
        fault = f"took {new.leave_taken_half_days} half days of leave"
    elif not 0 <= new.months_before <= _MOST_MONTHS:
        fault = f"counts {new.months_before} months served before"
    elif new.average_wage_fen is not None and not 0 < new.average_wage_fen <= MAX_FEN:
        fault = "has an average wage that is not above zero"
    elif str(new.last_day) not in (known := last_days_of(conn, new.person)):
        told = f"ends on {', '.join(known)}" if known else "has no last day"
        fault = f"has the last day {new.last_day}, and the contract {told}"
        until = new.last_day + timedelta(days=1)
        remedy = f"end it first: hr-core people leave {new.person} --until {until} --reason …"
    if fault:
        raise RefusedError(f"the leaving of {new.person} {fault}", remedy=remedy)

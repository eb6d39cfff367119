"""Pay agreements and single sums that wait for a second person, and what their approval does."""

from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.actors import refuse_own_pay
from hr_core.approvals.desk import Actor, Approval, propose
from hr_core.approvals.kinds import Kind
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.pay.agreement import PayAgreement, on_day
from hr_core.pay.entry import EntryKind, NewEntry
from hr_core.pay.known_schemes import scheme_by_code
from hr_core.store.pay_agreements import add_agreement, agreements_until
from hr_core.store.pay_entries import add_entry
from hr_core.store.pay_run_steps import approved_run
from hr_core.store.results import run_by_number

# Comes off or is taxed apart on the slip of its own month only (hr_core.pay.retro).
_NO_CORRECTION = (EntryKind.ADVANCE, EntryKind.ANNUAL_BONUS)


class EntryProposal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As `NewEntry`, without the two people: the desk knows them."""

    person: str
    month: str
    kind: EntryKind
    name: str
    amount_fen: int
    reason: str
    subject: str = ""


class AgreementProposal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`replaces`: the agreement that held on the day when it was proposed; None: there was none."""

    person: str
    valid_from: date
    terms: PayAgreement
    replaces: int | None


def propose_entry(conn: sa.Connection, new: EntryProposal, *, at: datetime, by: Actor) -> int:
    """Raises RefusedError for a sum of a paid month that no later slip would bring."""
    paid_by(conn, new.kind, new.month)
    subject = f"{new.kind.value} of {new.person}, {new.month}"
    return propose(conn, Kind.PAY_ENTRY, subject, new, at=at, by=by, reason=new.reason)


def paid_by(conn: sa.Connection, kind: EntryKind, month: str) -> int | None:
    """The approved run of the month: the sum comes with a later one. Raises RefusedError where it
    never would.
    """
    number = approved_run(conn, month)
    row = None if number is None else run_by_number(conn, number)
    if row is None:
        return None
    by_law = scheme_by_code(conn, row.scheme).on(Month.parse(month).first).law is not None
    if kind in _NO_CORRECTION or not by_law:
        raise RefusedError(
            f"{month} is paid by the approved run {row.number}, and no later slip would bring "
            f"{kind.value} of it",
            remedy="enter it for the month in which it is to be paid or taken off",
        )
    return row.number


def propose_agreement(
    conn: sa.Connection, new: AgreementProposal, *, at: datetime, by: Actor, reason: str
) -> int:
    subject = f"pay agreement of {new.person} from {new.valid_from}"
    return propose(conn, Kind.PAY_AGREEMENT, subject, new, at=at, by=by, reason=reason)


def add_approved_entry(conn: sa.Connection, approval: Approval) -> None:
    """Raises RefusedError: approved by whom it pays, entered before, or of a month paid meanwhile."""
    new = msgspec.convert(approval.content, EntryProposal)
    paid_by(conn, new.kind, new.month)
    approver = _by_another(conn, new.person, approval)
    made = NewEntry(
        **msgspec.structs.asdict(new), entered_by=approval.proposed_by, approved_by=approver
    )
    add_entry(conn, made, at=_decided_at(approval), approval=approval.number)


def add_approved_agreement(conn: sa.Connection, approval: Approval) -> None:
    """Raises RefusedError: approved by whom it pays, or another agreement was entered meanwhile."""
    new = msgspec.convert(approval.content, AgreementProposal)
    approver = _by_another(conn, new.person, approval)
    if agreement_on(conn, new.person, new.valid_from) != new.replaces:
        raise RefusedError(
            f"the pay agreement of {new.person} on {new.valid_from} is another one than when "
            f"approval {approval.number} was entered",
            remedy=f"refuse it and enter it anew: hr-core approvals refuse {approval.number}",
        )
    add_agreement(
        conn,
        new.person,
        new.valid_from,
        new.terms,
        by=(approval.proposed_by, approver),
        at=_decided_at(approval),
        approval=approval.number,
    )


def agreement_on(conn: sa.Connection, person: str, day: date) -> int | None:
    held = on_day(agreements_until(conn, day, [person]).get(person, ()), day)
    return None if held is None else held.number


def _by_another(conn: sa.Connection, person: str, approval: Approval) -> str:
    """The approver's name."""
    refuse_own_pay(conn, approval, [person])
    return approval.decided_by or ""


def _decided_at(approval: Approval) -> datetime:
    assert approval.decided_at is not None  # noqa: S101 - an effect follows a decision
    return approval.decided_at

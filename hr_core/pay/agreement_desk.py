"""A file of pay agreements: one person proposes it, another approves it whole, then it pays."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.errors import CoreError, InputFileError
from hr_core.pay.agreement import PayAgreement, on_day
from hr_core.pay.agreement_file import ReadAgreement
from hr_core.pay.proposals import AgreementProposal, add_approved_agreement
from hr_core.people.lookup import person_of_number
from hr_core.store.pay_agreements import agreements_until


class ProposedAgreements(Struct, frozen=True, kw_only=True):
    """`approval` None: all of them hold already."""

    approval: int | None
    new: int
    unchanged: int


def propose_agreements(
    conn: sa.Connection, rows: Sequence[ReadAgreement], file: str, *, at: datetime, by: Actor
) -> ProposedAgreements:
    """The same file again waits under its first number. Raises InputFileError for an unknown person
    and for two agreements of one person from one day.
    """
    found: dict[tuple[str, object], AgreementProposal] = {}
    for row in rows:
        try:
            person = person_of_number(conn, row.person, row.since)
        except CoreError as exc:
            raise InputFileError(
                str(exc), file=file, key=f"{row.where}.person", remedy=exc.remedy
            ) from exc
        if (person, row.since) in found:
            raise InputFileError(
                f"a second agreement of {row.person} from {row.since}",
                file=file,
                key=row.where,
                remedy="keep one of the two; nothing was stored",
            )
        found[person, row.since] = AgreementProposal(
            person=person, valid_from=row.since, terms=row.terms, replaces=None
        )
    new = [made for one in found.values() if (made := _against_held(conn, one)) is not None]
    unchanged = len(found) - len(new)
    if not new:
        return ProposedAgreements(approval=None, new=0, unchanged=unchanged)
    content = msgspec.to_builtins({"file": file, "agreements": new})
    subject = f"{len(new)} pay agreements of {file}"
    for waiting in open_approvals(conn, Kind.PAY_AGREEMENT, subject):
        if waiting.content == content:
            return ProposedAgreements(approval=waiting.number, new=len(new), unchanged=unchanged)
    number = propose(conn, Kind.PAY_AGREEMENT, subject, content, at=at, by=by)
    return ProposedAgreements(approval=number, new=len(new), unchanged=unchanged)


def take_agreements(conn: sa.Connection, approval: Approval) -> None:
    """What the approval does, of a file or of a single agreement. Raises RefusedError for the own
    pay, and when an agreement that one of them replaces is another one by now.
    """
    content = approval.content
    for one in content.get("agreements", [content]):
        add_approved_agreement(conn, msgspec.structs.replace(approval, content=one))


def _against_held(conn: sa.Connection, new: AgreementProposal) -> AgreementProposal | None:
    """None: exactly that is agreed from that day already."""
    held = on_day(
        agreements_until(conn, new.valid_from, [new.person]).get(new.person, ()), new.valid_from
    )
    if held is None:
        return new
    if (held.valid_from, held.terms) == (new.valid_from, new.terms):
        return None
    return msgspec.structs.replace(new, replaces=held.number)


def without_account(terms: PayAgreement) -> PayAgreement:
    """For lists: the bank account's last four digits alone."""
    hidden = "…" + terms.bank_account[-4:] if terms.bank_account else ""
    return msgspec.structs.replace(terms, bank_account=hidden)

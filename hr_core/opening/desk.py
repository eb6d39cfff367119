"""Opening balances from the file to the tables: one person proposes, another approves, then they hold."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.actors import refuse_own_pay
from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.attendance.lots.booking import Act, open_lot
from hr_core.attendance.lots.ledger import Entry, Origin
from hr_core.audit.log import append
from hr_core.opening.rows import (
    OpeningFile,
    OpeningKind,
    OpeningRow,
    TimeOffOpening,
    balance_of,
)
from hr_core.store.opening_balances import Approved, StoredOpening, add_openings, openings

# A lot that another system earned: no computing of its day here can take it back.
_CONTRACT = "opening"


class Proposed(Struct, frozen=True, kw_only=True):
    """`approval` None: every row is here already. `rows`: those that are new or say something else."""

    approval: int | None
    rows: dict[str, int]
    unchanged: int


def propose_opening(
    conn: sa.Connection, file: OpeningFile, *, at: datetime, by: Actor, reason: str = ""
) -> Proposed:
    """In a write transaction. The same file again is harmless: it waits under its first number, or
    is here already. Raises CoreError.
    """
    stored = openings(conn, people={row.person for row in file.rows})
    known = {(one.row.person, one.row.kind, one.row.key): one.row.balance for one in stored}
    new = [row for row in file.rows if known.get((row.person, row.kind, row.key)) != row.balance]
    counted = {
        kind.value: sum(row.kind is kind for row in new)
        for kind in OpeningKind
        if any(row.kind is kind for row in new)
    }
    unchanged = len(file.rows) - len(new)
    if not new:
        return Proposed(approval=None, rows={}, unchanged=unchanged)
    content = msgspec.to_builtins(
        {
            "file": file.file,
            "source": file.source,
            "first_month": file.first_month,
            "rows": [_plain(row) for row in new],
        }
    )
    subject = f"opening balances before {file.first_month}: {file.file}"
    for waiting in open_approvals(conn, Kind.OPENING, subject):
        if waiting.content == content:
            return Proposed(approval=waiting.number, rows=counted, unchanged=unchanged)
    number = propose(conn, Kind.OPENING, subject, content, at=at, by=by, reason=reason)
    return Proposed(approval=number, rows=counted, unchanged=unchanged)


def take_opening(conn: sa.Connection, approval: Approval) -> None:
    """What the approval does: the rows stand, and time off can be taken. Raises NotFoundError,
    RefusedError (approved by one whose balance is among them).
    """
    assert approval.decided_by is not None  # noqa: S101 - an approved one
    assert approval.decided_at is not None  # noqa: S101 - as above
    signed = Approved(
        approval=approval.number,
        entered_by=approval.proposed_by,
        approved_by=approval.decided_by,
        at=approval.decided_at,
    )
    rows = msgspec.convert(approval.content["rows"], list[_Proposed])
    refuse_own_pay(conn, approval, {one.person for one in rows})
    added = add_openings(conn, [one.row for one in rows], signed)
    booked = list(_book_lots(conn, added))
    # Not each number: those of 50,000 people would be more than a row of the log may hold.
    told = {
        "approval": approval.number,
        "digest": approval.digest,
        "balances": len(added),
        "first_balance": added[0].number if added else None,
        "time_off_entries": len(booked),
    }
    append(conn, signed.at, signed.approved_by, "opening.import", approval.subject, None, told, "")


class _Proposed(Struct, frozen=True, kw_only=True):
    kind: OpeningKind
    person: str
    balance: dict[str, object]
    source: str

    @property
    def row(self) -> OpeningRow:
        balance = balance_of(self.kind, self.balance)
        return OpeningRow(person=self.person, balance=balance, source=self.source)


def _plain(row: OpeningRow) -> dict[str, object]:
    return {
        "kind": row.kind,
        "person": row.person,
        "balance": row.balance,
        "source": row.source,
    }


def _book_lots(conn: sa.Connection, added: Iterable[StoredOpening]) -> Iterable[Entry]:
    for one in added:
        if not isinstance(one.row.balance, TimeOffOpening):
            continue
        given = one.row.balance
        origin = Origin(
            day=given.day,
            kind=given.day_kind,
            contract=_CONTRACT,
            last_day=given.last_day,
            rule=f"opening {one.number}",
            law=one.row.source,
        )
        act = Act(actor=one.signed.approved_by, at=one.signed.at, reason=one.origin)
        yield from open_lot(conn, one.row.person, origin, given.minutes, act)

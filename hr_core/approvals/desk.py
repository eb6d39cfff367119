"""Proposing and deciding: what was approved is exactly what was entered, by another human.

What an approval does is done by the module of its kind (effects.py); here it is recorded.
"""

import unicodedata
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.kinds import Kind
from hr_core.audit.log import append
from hr_core.errors import CoreError, NotFoundError, RefusedError
from hr_core.store import approvals as store
from hr_core.store.approvals import ApprovalRow

MAX_CONTENT_BYTES = 16 * 2**20  # a law file of 346 cities has 80 kB


class ApprovalState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"  # by whoever proposed it


class Actor(Struct, frozen=True):
    """Who acts, and every other name that means the same human (`accounts.acting.names_of`)."""

    name: str
    names: frozenset[str] = frozenset()

    @property
    def spelled(self) -> frozenset[str]:
        """Each name in its one spelling: "Ａlice " is alice."""
        return frozenset(_spelling(name) for name in (self.name, *self.names))


class Approval(Struct, frozen=True, kw_only=True):
    """`content`: the JSON value that was proposed; `digest`: SHA-256 of its canonical JSON, hex."""

    number: int
    kind: Kind
    subject: str
    content: Any
    digest: str
    state: ApprovalState
    proposed_at: datetime
    proposed_by: str
    reason: str = ""
    decided_at: datetime | None = None
    decided_by: str | None = None
    decision: str = ""


def propose(  # noqa: PLR0913 - the columns of a row
    conn: sa.Connection,
    kind: Kind,
    subject: str,
    content: object,
    *,
    at: datetime,
    by: Actor,
    reason: str = "",
) -> int:
    """In the caller's write transaction; gives the number. `content`: whatever msgspec encodes.

    Raises CoreError (a text that the audit log refuses, too much content).
    """
    text = canonical(content)
    if len(text) > MAX_CONTENT_BYTES:
        raise CoreError(
            f"the proposal takes {len(text)} bytes, {MAX_CONTENT_BYTES} are the most",
            remedy="propose it in smaller parts; nothing was stored",
        )
    digest = digest_of(text)
    columns = {
        "kind": str(kind),
        "subject": subject,
        "content": text,
        "digest": digest,
        "proposed_at": at,
        "proposed_by": by.name.strip(),
        "reason": reason.strip(),
    }
    number = store.add_proposal(conn, columns, by.spelled)
    told = {"approval": number, "kind": kind, "digest": digest}
    append(conn, at, by.name.strip(), "approval.propose", subject, None, told, reason.strip())
    return number


def approve(
    conn: sa.Connection, number: int, *, at: datetime, by: Actor, reason: str = ""
) -> Approval:
    """Records it only. Raises NotFoundError, RefusedError (decided already, the same human)."""
    found = _waiting(conn, number)
    if not by.name.strip() or by.spelled & store.proposer_names(conn, number):
        raise RefusedError(
            f"approval {number} ({found.kind}, {found.subject}) was entered by "
            f"{found.proposed_by}: {by.name.strip() or 'nobody'} cannot approve it",
            remedy=f"let another person look at it: hr-core approvals approve {number} --by NAME",
        )
    store.add_approver(conn, number, by.spelled)
    return _decide(conn, found, ApprovalState.APPROVED, at, by, reason)


def refuse(conn: sa.Connection, number: int, *, at: datetime, by: Actor, reason: str) -> Approval:
    """Whoever proposed it takes it back that way. Raises NotFoundError, RefusedError."""
    found = _waiting(conn, number)
    if not reason.strip():
        raise RefusedError(f"approval {number} is not refused without a reason", remedy="say why")
    own = by.spelled & store.proposer_names(conn, number)
    state = ApprovalState.WITHDRAWN if own else ApprovalState.REFUSED
    return _decide(conn, found, state, at, by, reason)


def approval(conn: sa.Connection, number: int) -> Approval:
    """Raises NotFoundError, CoreError (the stored content is not what was proposed)."""
    row = store.approval_row(conn, number)
    if row is None:
        raise NotFoundError(
            f"there is no approval {number}", remedy="list them: hr-core approvals list --all"
        )
    return _approval(row)


def open_approvals(
    conn: sa.Connection, kind: Kind | None = None, subject: str | None = None
) -> list[Approval]:
    """Those that wait for a second person, oldest first."""
    return approvals_in(conn, ApprovalState.PROPOSED, kind, subject)


def approvals_in(
    conn: sa.Connection,
    state: ApprovalState | None,
    kind: Kind | None = None,
    subject: str | None = None,
) -> list[Approval]:
    """Of one state or all, oldest first."""
    rows = store.approval_rows(conn, kind=kind, state=state, subject=subject)
    return [_approval(row) for row in rows]


def canonical(content: object) -> str:
    """Keys sorted, no blanks: one text for one value."""
    return msgspec.json.encode(content, order="sorted").decode()


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _waiting(conn: sa.Connection, number: int) -> Approval:
    found = approval(conn, number)
    if found.state is not ApprovalState.PROPOSED:
        raise RefusedError(
            f"approval {number} was {found.state} by {found.decided_by} at "
            f"{found.decided_at:%Y-%m-%d %H:%M} UTC",
            remedy="a decision stays; propose it anew",
        )
    return found


def _decide(
    conn: sa.Connection,
    found: Approval,
    state: ApprovalState,
    at: datetime,
    by: Actor,
    reason: str,
) -> Approval:
    name, why = by.name.strip(), reason.strip()
    columns = {"state": str(state), "decided_at": at, "decided_by": name, "decision": why}
    if not store.decide(conn, found.number, columns):
        raise RefusedError(
            f"approval {found.number} was decided meanwhile",
            remedy=f"look at it: hr-core approvals show {found.number}",
        )
    verb = {
        ApprovalState.APPROVED: "approval.approve",
        ApprovalState.REFUSED: "approval.refuse",
        ApprovalState.WITHDRAWN: "approval.withdraw",
    }[state]
    told = {"approval": found.number, "kind": found.kind, "digest": found.digest}
    before = told | {"proposed_by": found.proposed_by}
    append(conn, at, name, verb, found.subject, before, told | {"state": state}, why)
    return approval(conn, found.number)


def _approval(row: ApprovalRow) -> Approval:
    if digest_of(row.content) != row.digest:
        raise CoreError(
            f"the content of approval {row.number} is not what was proposed: its SHA-256 differs",
            remedy="somebody changed the database; restore it from a backup",
        )
    columns = {name: getattr(row, name) for name in row.__struct_fields__}
    kind, state = Kind(row.kind), ApprovalState(row.state)
    content = msgspec.json.decode(row.content)
    return Approval(**columns | {"kind": kind, "state": state, "content": content})


def _spelling(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()

"""What one person entered and another has to approve: the content, who, when, how it was decided.

The database itself refuses an approval by any name of whoever entered it, a change of what was
entered, and every change of what was decided (guards.py). `approval_names` holds each human's names
once: a name of the one who entered cannot stand there for the one who approves.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON, as it was hashed
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the content, hex
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("proposed_at", UtcInstant, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decided_at", UtcInstant),
    sa.Column("decided_by", sa.Text),
    sa.Column("decision", sa.Text, nullable=False),
    sa.CheckConstraint("state IN ('proposed', 'approved', 'refused', 'withdrawn')", name="state"),
    sa.CheckConstraint(
        "(state = 'proposed') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
        name="decided",
    ),
    sa.Index(None, "kind", "state", "subject"),
    sqlite_autoincrement=True,  # no number comes twice, so no old decision fits a new content
)

approval_names = sa.Table(
    "approval_names",
    metadata,
    sa.Column("approval", sa.ForeignKey(approvals.c.number), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # in its one spelling (desk.py)
    sa.Column("side", sa.Text, nullable=False),
    sa.CheckConstraint("side IN ('proposer', 'approver')", name="side"),
    sqlite_with_rowid=False,
)

# For guards of other tables.
APPROVED = "SELECT 1 FROM approvals a WHERE a.state = 'approved'"
APPROVED_TEXT = {  # whose content holds exactly the text of the new row
    "sqlite": f"{APPROVED} AND json_extract(a.content, '$.text') = NEW.text",
    "postgresql": f"{APPROVED} AND (a.content::json ->> 'text') = NEW.text",
}


def approved_rules(which: str) -> tuple[Guard, ...]:
    """For a table of rules of performance: exactly the text that two people brought comes in."""
    is_of = {
        "sqlite": f"json_extract(a.content, '$.rules') = '{which}'",
        "postgresql": f"(a.content::json ->> 'rules') = '{which}'",
    }
    approved = {
        name: f"NOT EXISTS ({query} AND a.kind = 'performance_rules' AND {is_of[name]})"
        for name, query in APPROVED_TEXT.items()
    }
    return (Guard("INSERT", "approved", approved, "four eyes: these rules were not approved"),)


ENTERED = ("number", "kind", "subject", "content", "digest", "proposed_at", "proposed_by", "reason")
_NAMES = "SELECT 1 FROM approval_names n WHERE n.approval = NEW.number"

guard(
    approvals,
    Guard(
        "INSERT",
        "begins",
        # SQLite's INSERT OR REPLACE deletes without asking a guard.
        "NEW.state <> 'proposed' OR EXISTS (SELECT 1 FROM approvals a WHERE a.number = NEW.number)",
        "an approval begins as a proposal",
    ),
    Guard(
        "UPDATE",
        "decided",
        "OLD.state <> 'proposed'",
        "a decision stays: this approval was decided",
    ),
    Guard(
        "UPDATE",
        "content",
        " OR ".join(f"NEW.{name} <> OLD.{name}" for name in ENTERED),
        "what was proposed is not changed: propose it anew",
    ),
    Guard(
        "UPDATE",
        "four_eyes",
        "NEW.state = 'approved' AND ("
        f"EXISTS ({_NAMES} AND n.side = 'proposer' AND n.name IN "
        "(NEW.decided_by, lower(trim(NEW.decided_by)))) "
        f"OR NOT EXISTS ({_NAMES} AND n.side = 'proposer') "
        f"OR NOT EXISTS ({_NAMES} AND n.side = 'approver'))",
        "four eyes: whoever entered it does not approve it",
    ),
    Guard("DELETE", "kept", "TRUE", "approvals are kept"),
)
guard(
    approval_names,
    Guard(
        "INSERT",
        "open",
        "EXISTS (SELECT 1 FROM approvals a WHERE a.number = NEW.approval "
        "AND a.state <> 'proposed')",
        "a decision stays: this approval was decided",
    ),
    Guard(
        "INSERT",
        "one_side",
        f"EXISTS ({_NAMES.replace('NEW.number', 'NEW.approval')} AND n.name = NEW.name)",
        "four eyes: a name stands on one side of an approval only",
    ),
    Guard("UPDATE", "kept", "TRUE", "the names of an approval are kept"),
    Guard("DELETE", "kept_too", "TRUE", "the names of an approval are kept"),
)


class ApprovalRow(Struct, frozen=True, kw_only=True):
    number: int
    kind: str
    subject: str
    content: str
    digest: str
    state: str
    proposed_at: datetime
    proposed_by: str
    reason: str
    decided_at: datetime | None
    decided_by: str | None
    decision: str


def add_proposal(conn: sa.Connection, columns: dict[str, Any], names: frozenset[str]) -> int:
    """`names`: of who proposes, each in its one spelling. Gives the number."""
    values = columns | {"state": "proposed", "decision": ""}
    written = conn.execute(sa.insert(approvals).values(values))
    key = written.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    _add_names(conn, key[0], names, "proposer")
    return int(key[0])


def decide(conn: sa.Connection, number: int, columns: dict[str, Any]) -> bool:
    """False when it was decided before."""
    waiting = sa.and_(approvals.c.number == number, approvals.c.state == "proposed")
    return conn.execute(sa.update(approvals).where(waiting).values(columns)).rowcount == 1


def add_approver(conn: sa.Connection, number: int, names: frozenset[str]) -> None:
    """Before `decide`: the database asks for it."""
    _add_names(conn, number, names, "approver")


def proposer_names(conn: sa.Connection, number: int) -> frozenset[str]:
    there = approval_names.c
    query = sa.select(there.name).where(there.approval == number, there.side == "proposer")
    return frozenset(conn.execute(query).scalars())


def approval_row(conn: sa.Connection, number: int) -> ApprovalRow | None:
    query = sa.select(approvals).where(approvals.c.number == number)
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else ApprovalRow(**row)


def approval_rows(
    conn: sa.Connection,
    *,
    kind: str | None = None,
    state: str | None = None,
    subject: str | None = None,
) -> list[ApprovalRow]:
    """Oldest first."""
    there = approvals.c
    query = sa.select(approvals).order_by(there.number)
    for column, wanted in ((there.kind, kind), (there.state, state), (there.subject, subject)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [ApprovalRow(**row) for row in conn.execute(query).mappings()]


def _add_names(conn: sa.Connection, number: int, names: frozenset[str], side: str) -> None:
    rows = [{"approval": number, "name": name, "side": side} for name in sorted(names)]
    conn.execute(sa.insert(approval_names), rows)

"""Table of the opening balances: each row entered by one person, approved by another, never changed.

A figure that was wrong is corrected by a newer version of the same row; the newest counts.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.opening.rows import Balance, OpeningKind, OpeningRow, balance_of
from hr_core.store.approvals import approvals
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged

opening_balances = sa.Table(
    "opening_balances",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("balance", sa.Text, nullable=False),  # JSON of one of opening.rows
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("approval", sa.ForeignKey(approvals.c.number), nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("approved_at", UtcInstant, nullable=False),
    sa.UniqueConstraint("person", "kind", "key", "version"),
    sa.CheckConstraint("entered_by <> approved_by", name="four_eyes"),
    sa.Index(None, "kind", "person"),
)

_NOT_APPROVED = (
    "NOT EXISTS (SELECT 1 FROM approvals a WHERE a.number = NEW.approval AND a.state = 'approved' "
    "AND a.kind = 'opening')"
)
guard(
    opening_balances,
    Guard("INSERT", "approved", _NOT_APPROVED, "an opening balance needs its approval"),
)
keep_unchanged(opening_balances, "an opening balance stays: import a newer one")

_PEOPLE_AT_ONCE = 500
_encode = msgspec.json.Encoder(order="deterministic").encode


class Approved(Struct, frozen=True, kw_only=True):
    """Who signs the rows."""

    approval: int
    entered_by: str
    approved_by: str
    at: datetime


class StoredOpening(Struct, frozen=True, kw_only=True):
    number: int
    version: int
    row: OpeningRow
    signed: Approved

    @property
    def origin(self) -> str:
        """As a payslip's trace tells it."""
        return (
            f"opening {self.number} ({self.row.source}; entered by {self.signed.entered_by}, "
            f"approved by {self.signed.approved_by})"
        )


def add_openings(
    conn: sa.Connection, rows: Collection[OpeningRow], signed: Approved
) -> list[StoredOpening]:
    """Each as the newest version of its kind and key; one that says what the newest says is left
    out. In the caller's write transaction.
    """
    stored = openings(conn, people={row.person for row in rows})
    newest = {(one.row.person, one.row.kind, one.row.key): one for one in stored}
    last = conn.execute(sa.select(sa.func.max(opening_balances.c.number))).scalar() or 0
    added: list[StoredOpening] = []
    for row in rows:
        known = newest.get((row.person, row.kind, row.key))
        if known is None or known.row.balance != row.balance:
            version = 1 if known is None else known.version + 1
            number = last + len(added) + 1
            added.append(StoredOpening(number=number, version=version, row=row, signed=signed))
    if added:
        conn.execute(sa.insert(opening_balances), [_columns(one) for one in added])
    return added


def openings(
    conn: sa.Connection,
    *,
    kind: OpeningKind | None = None,
    people: Collection[str] | None = None,
) -> list[StoredOpening]:
    """The newest version of each, in the order of entry."""
    chosen = None if people is None else sorted(people)
    there = opening_balances.c
    query = sa.select(opening_balances).order_by(there.number)
    if kind is not None:
        query = query.where(there.kind == kind)
    newest: dict[tuple[str, str, str], StoredOpening] = {}
    for row in _rows(conn, query, chosen):
        newest[row.person, row.kind, row.key] = _stored(row)
    return sorted(newest.values(), key=lambda one: one.number)


def _rows(
    conn: sa.Connection, query: sa.Select[tuple[object, ...]], people: list[str] | None
) -> list[sa.Row[tuple[object, ...]]]:
    if people is None:
        return list(conn.execute(query))
    return [
        row
        for start in range(0, len(people), _PEOPLE_AT_ONCE)
        for row in conn.execute(
            query.where(opening_balances.c.person.in_(people[start : start + _PEOPLE_AT_ONCE]))
        )
    ]


def _columns(one: StoredOpening) -> dict[str, object]:
    return {
        "number": one.number,
        "person": one.row.person,
        "kind": one.row.kind,
        "key": one.row.key,
        "version": one.version,
        "balance": _encode(one.row.balance).decode(),
        "source": one.row.source,
        "approval": one.signed.approval,
        "entered_by": one.signed.entered_by,
        "approved_by": one.signed.approved_by,
        "approved_at": one.signed.at,
    }


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredOpening:
    balance: Balance = balance_of(OpeningKind(row.kind), msgspec.json.decode(row.balance))
    return StoredOpening(
        number=row.number,
        version=row.version,
        row=OpeningRow(person=row.person, balance=balance, source=row.source),
        signed=Approved(
            approval=row.approval,
            entered_by=row.entered_by,
            approved_by=row.approved_by,
            at=row.approved_at,
        ),
    )

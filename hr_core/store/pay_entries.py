"""Table of approved single sums of a month. Rows are added, never changed."""

from collections import defaultdict
from datetime import datetime

import msgspec
import sqlalchemy as sa

from hr_core.errors import RefusedError
from hr_core.pay.entry import EntryKind, NewEntry, PayEntry
from hr_core.store.approvals import APPROVED
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged

pay_entries = sa.Table(
    "pay_entries",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column(
        "approval", sa.Integer
    ),  # of approvals; null: stored before the database asked for it
    sa.Column("added_at", UtcInstant, nullable=False),
    sa.UniqueConstraint("subject"),
    sa.CheckConstraint("amount_fen > 0", name="above_zero"),
    sa.CheckConstraint("entered_by <> approved_by", name="four_eyes"),
    sa.Index(None, "month", "person"),
)
_WHOSE = {
    "sqlite": " AND ".join(
        f"json_extract(a.content, '$.{name}') = NEW.{name}"
        for name in ("person", "month", "kind", "amount_fen")
    ),
    "postgresql": " AND ".join(
        f"a.content::json ->> '{name}' = CAST(NEW.{name} AS text)"
        for name in ("person", "month", "kind", "amount_fen")
    ),
}
guard(
    pay_entries,
    Guard(
        "INSERT",
        "approved",
        {
            name: f"NOT EXISTS ({APPROVED} AND a.number = NEW.approval "
            f"AND a.kind = 'pay_entry' AND {same})"
            for name, same in _WHOSE.items()
        },
        "four eyes: this sum was not approved",
    ),
    Guard(
        "INSERT",
        "once",
        "EXISTS (SELECT 1 FROM pay_entries e WHERE e.approval = NEW.approval)",
        "this approval of a sum has had its effect",
    ),
)
keep_unchanged(pay_entries, "an entry stays: enter another that sets it right")


def add_entry(conn: sa.Connection, new: NewEntry, *, at: datetime, approval: int) -> int:
    """Gives its number. Raises RefusedError for one that is not above zero, that one human entered and
    approved, or whose subject was entered before.
    """
    if new.amount_fen <= 0:
        raise RefusedError(
            f"{new.kind} of {new.person}: {new.amount_fen} fen is not above zero",
            remedy="enter what is paid or taken off as an amount above zero; its kind tells which",
        )
    if new.entered_by == new.approved_by:
        raise RefusedError(
            f"{new.kind} of {new.person}: {new.entered_by} entered it and cannot approve it",
            remedy="let another person approve it",
        )
    row = {**msgspec.structs.asdict(new), "subject": new.subject or None}
    try:
        with conn.begin_nested():
            written = conn.execute(
                sa.insert(pay_entries).values(**row, approval=approval, added_at=at)
            )
    except sa.exc.IntegrityError as exc:
        same = sa.select(pay_entries.c.number).where(pay_entries.c.subject == new.subject)
        if conn.execute(same).first() is None:  # a guard refused it
            raise
        raise RefusedError(
            f"{new.kind} of {new.person} for {new.subject} was entered before",
            remedy=f"see hr-core pay entries list --month {new.month}",
        ) from exc
    key = written.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    return int(key[0])


def entries_of_month(conn: sa.Connection, month: str) -> dict[str, tuple[PayEntry, ...]]:
    """By person, in the order of entering."""
    found: defaultdict[str, list[PayEntry]] = defaultdict(list)
    for one in _entries(conn, pay_entries.c.month == month):
        found[one.person].append(one)
    return {person: tuple(rows) for person, rows in found.items()}


def entries_until(conn: sa.Connection, kind: EntryKind, month: str) -> list[PayEntry]:
    """Of the month and of every earlier one, in the order of entering."""
    there = pay_entries.c
    return _entries(conn, sa.and_(there.kind == kind.value, there.month <= month))


def bonus_apart_before(conn: sa.Connection, month: str) -> frozenset[str]:
    """Whose annual bonus of an earlier month of the same year was entered: it is taxed apart once."""
    there = pay_entries.c
    query = sa.select(there.person).where(
        there.kind == EntryKind.ANNUAL_BONUS.value,
        there.month >= f"{month[:4]}-01",
        there.month < month,
    )
    return frozenset(conn.execute(query).scalars())


def _entries(conn: sa.Connection, wanted: sa.ColumnElement[bool]) -> list[PayEntry]:
    there = pay_entries.c
    columns = (there[name] for name in PayEntry.__struct_fields__)
    query = sa.select(*columns).where(wanted).order_by(there.number)
    return [
        PayEntry(**{**row, "kind": EntryKind(row["kind"]), "subject": row["subject"] or ""})
        for row in conn.execute(query).mappings()
    ]

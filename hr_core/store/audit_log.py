"""Table of what people changed, each row chained to the one before by its hash.

The database itself refuses a change of a row, and deleting one that is younger than ten years or
that no checkpoint stands for: what is older may go from the beginning of the chain, and the last
hash that went stays (`audit_checkpoint`).

Append-only: this module has a function to add a row and to read, none to change. The head row holds
the last number and hash; it is locked while a row is added, so two writers cannot both follow the
same row, and rows cut off at the end are missed by `hr_core.audit.log.verify`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.store.database import UtcInstant, insert_or_ignore, metadata
from hr_core.store.guards import Guard, guard

HASH_BYTES = 32
NO_HASH = bytes(HASH_BYTES)  # before the first row

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcInstant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False),  # JSON, as it was hashed
    sa.Column("after", sa.Text, nullable=False),  # JSON, as it was hashed
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("previous", sa.LargeBinary(HASH_BYTES), nullable=False),
    sa.Column("hash", sa.LargeBinary(HASH_BYTES), nullable=False),
    sa.Index("ix_audit_log_subject_number", "subject", "number"),
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary(HASH_BYTES), nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

# Where the chain begins once its oldest rows went: the last of them.
audit_checkpoint = sa.Table(
    "audit_checkpoint",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary(HASH_BYTES), nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

# The database's own clock: no program can name another day. SQLite's counts whole seconds.
KEPT_YEARS = 10
_YOUNG = {
    "sqlite": f"OLD.at > CAST(strftime('%s', 'now', '-{KEPT_YEARS} years') AS INTEGER) * 1000000",
    "postgresql": f"OLD.at > extract(epoch FROM now() - interval '{KEPT_YEARS} years') * 1000000",
}
_NO_CHECKPOINT = "NOT EXISTS (SELECT 1 FROM audit_checkpoint c WHERE c.number >= OLD.number)"
guard(
    audit_log,
    Guard(
        "INSERT",
        "not_replaced",
        # SQLite's INSERT OR REPLACE deletes without asking a guard.
        "EXISTS (SELECT 1 FROM audit_log l WHERE l.number = NEW.number)",
        "a row of the audit log is not changed",
    ),
    Guard("UPDATE", "kept", "TRUE", "a row of the audit log is not changed"),
    Guard("DELETE", "ten_years", _YOUNG, "rows of the audit log are kept for ten years"),
    Guard(
        "DELETE",
        "checkpoint",
        {name: f"NOT ({young}) AND {_NO_CHECKPOINT}" for name, young in _YOUNG.items()},
        "rows of the audit log go from its beginning only, behind a checkpoint",
    ),
)
guard(
    audit_checkpoint,
    Guard(
        "INSERT",
        "not_replaced",
        "EXISTS (SELECT 1 FROM audit_checkpoint c WHERE c.id = NEW.id)",
        "a checkpoint only goes forward",
    ),
    Guard("UPDATE", "forward", "NEW.number < OLD.number", "a checkpoint only goes forward"),
    Guard("DELETE", "kept", "TRUE", "the checkpoint of the audit log is kept"),
)

_ROWS_AT_A_TIME = 1_000


class Head(NamedTuple):
    number: int
    hash: bytes


class AuditRow(NamedTuple):
    """As stored: `before` and `after` are JSON texts. The order of the columns."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: str
    after: str
    reason: str
    previous: bytes
    hash: bytes


def lock_head(conn: sa.Connection) -> Head:
    """The last row's number and hash, held against other writers until the transaction ends.

    PostgreSQL locks the row; SQLite's write transaction is alone anyway.
    """
    conn.execute(insert_or_ignore(conn, audit_head).values(id=1, number=0, hash=NO_HASH))
    query = sa.select(audit_head.c.number, audit_head.c.hash).with_for_update()
    row = conn.execute(query).one()
    return Head(row.number, row.hash)


def add_row(conn: sa.Connection, row: AuditRow) -> None:
    """In the transaction that holds the head (`lock_head`)."""
    conn.execute(sa.insert(audit_log).values(row._asdict()))
    conn.execute(sa.update(audit_head).values(number=row.number, hash=row.hash))


def head(conn: sa.Connection) -> Head:
    """Of a log without a row: number 0."""
    row = conn.execute(sa.select(audit_head.c.number, audit_head.c.hash)).one_or_none()
    return Head(0, NO_HASH) if row is None else Head(row.number, row.hash)


def checkpoint(conn: sa.Connection) -> Head:
    """Where the chain begins: number 0 while nothing went."""
    row = conn.execute(sa.select(audit_checkpoint.c.number, audit_checkpoint.c.hash)).one_or_none()
    return Head(0, NO_HASH) if row is None else Head(row.number, row.hash)


def last_before(conn: sa.Connection, before: datetime) -> Head | None:
    """The last row of the beginning in which every row is before the instant; None: there is none."""
    there = audit_log.c
    first_kept = sa.select(sa.func.min(there.number)).where(there.at >= before)
    number = conn.execute(first_kept).scalar()
    query = sa.select(there.number, there.hash).order_by(there.number.desc()).limit(1)
    if number is not None:
        query = query.where(there.number < number)
    row = conn.execute(query).one_or_none()
    return None if row is None else Head(row.number, row.hash)


def remove_until(conn: sa.Connection, last: Head) -> int:
    """Takes the rows up to `last` away and lets the chain begin there. Gives how many went."""
    moved = conn.execute(sa.update(audit_checkpoint).values(last._asdict()))
    if not moved.rowcount:
        conn.execute(sa.insert(audit_checkpoint).values(id=1, **last._asdict()))
    gone = conn.execute(sa.delete(audit_log).where(audit_log.c.number <= last.number))
    return gone.rowcount


def rows(
    conn: sa.Connection,
    *,
    subject: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[AuditRow]:
    """In the order in which they were added; of one subject, of one action, of a half-open time or
    all.
    """
    query = sa.select(audit_log).order_by(audit_log.c.number)
    if since is not None:
        query = query.where(audit_log.c.at >= since)
    if until is not None:
        query = query.where(audit_log.c.at < until)
    if subject is not None:
        query = query.where(audit_log.c.subject == subject)
    if action is not None:
        query = query.where(audit_log.c.action == action)
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME}):
        yield AuditRow(*row)


def row_by_number(conn: sa.Connection, number: int) -> AuditRow | None:
    row = conn.execute(sa.select(audit_log).where(audit_log.c.number == number)).one_or_none()
    return None if row is None else AuditRow(*row)

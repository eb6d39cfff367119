"""Table of what people changed, each row chained to the one before by its hash.

Append-only: this module has a function to add a row and to read, none to change. The head row holds
the last number and hash; it is locked while a row is added, so two writers cannot both follow the
same row, and rows cut off at the end are missed by `hr_core.audit.log.verify`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.store.database import UtcInstant, insert_or_ignore, metadata

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


def rows(
    conn: sa.Connection, *, subject: str | None = None, action: str | None = None
) -> Iterator[AuditRow]:
    """In the order in which they were added; of one subject, of one action or all."""
    query = sa.select(audit_log).order_by(audit_log.c.number)
    if subject is not None:
        query = query.where(audit_log.c.subject == subject)
    if action is not None:
        query = query.where(audit_log.c.action == action)
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME}):
        yield AuditRow(*row)


def row_by_number(conn: sa.Connection, number: int) -> AuditRow | None:
    row = conn.execute(sa.select(audit_log).where(audit_log.c.number == number)).one_or_none()
    return None if row is None else AuditRow(*row)

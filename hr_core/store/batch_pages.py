"""Batches in columns: durable as they came, judged afterwards.

A page is a link of its gateway's chain from the moment it is stored. When it is judged its records
become raw events and its head a row of `batches`, in one transaction; here stays the answer, until
the gateway's next page shows that it has it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from protocols.batch_chain import BatchHead, SignedHead

batch_pages = sa.Table(
    "batch_pages",
    metadata,
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    # the signed head, as protocols.batch_chain spells it; `batch_hash` is what the next one names
    sa.Column("batch_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("previous", sa.LargeBinary(32), nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("body_digest", sa.LargeBinary(32), nullable=False),
    sa.Column("records", sa.Integer, nullable=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("signature", sa.LargeBinary(64), nullable=False),
    # the gateway's public key that signed it
    sa.Column("key", sa.LargeBinary(32), nullable=False),
    sa.Column("received_at", UtcInstant, nullable=False),
    # protocols.column_batch; empty when judged
    sa.Column("body", sa.LargeBinary, nullable=False),
    # protocols.uplink.encode_answer; NULL until judged
    sa.Column("answer", sa.LargeBinary),
)


class StoredPage(Struct, frozen=True, kw_only=True):
    """A row of `batch_pages`."""

    gateway: str
    number: int
    batch_hash: bytes
    previous: bytes
    content_type: str
    body_digest: bytes
    records: int
    root: bytes
    signature: bytes
    key: bytes
    received_at: datetime
    body: bytes
    answer: bytes | None = None

    def signed(self) -> SignedHead:
        head = BatchHead(
            gateway=self.gateway,
            number=self.number,
            previous=self.previous,
            content_type=self.content_type,
            body_digest=self.body_digest,
            records=self.records,
            records_root=self.root,
        )
        return SignedHead(head=head, signature=self.signature)


def page_of_batch(
    signed: SignedHead, key: bytes, body: bytes, *, received_at: datetime
) -> StoredPage:
    head = signed.head
    return StoredPage(
        gateway=head.gateway,
        number=head.number,
        batch_hash=signed.batch_hash(),
        previous=head.previous,
        content_type=head.content_type,
        body_digest=head.body_digest,
        records=head.records,
        root=head.records_root,
        signature=signed.signature,
        key=key,
        received_at=received_at,
        body=body,
    )


def page_of(conn: sa.Connection, gateway: str, number: int) -> StoredPage | None:
    return _one(
        conn,
        sa.select(batch_pages).where(
            batch_pages.c.gateway == gateway, batch_pages.c.number == number
        ),
    )


def add_page(conn: sa.Connection, page: StoredPage) -> None:
    """Its gateway has settled what came before."""
    there = batch_pages.c
    conn.execute(
        batch_pages.delete().where(
            there.gateway == page.gateway,
            there.number < page.number,
            there.answer.is_not(None),
        )
    )
    values = {name: getattr(page, name) for name in StoredPage.__struct_fields__}
    conn.execute(batch_pages.insert().values(**values))


def next_page(conn: sa.Connection, gateway: str | None = None) -> StoredPage | None:
    """The oldest page of one gateway, or of all, that waits to be judged."""
    query = (
        sa.select(batch_pages)
        .where(batch_pages.c.answer.is_(None))
        .order_by(batch_pages.c.received_at, batch_pages.c.number)
        .limit(1)
    )
    if gateway is not None:
        query = query.where(batch_pages.c.gateway == gateway)
    return _one(conn, query)


def note_answer(conn: sa.Connection, page: StoredPage, answer: bytes) -> None:
    """The page is judged: its records are events now."""
    conn.execute(
        batch_pages.update()
        .where(batch_pages.c.gateway == page.gateway, batch_pages.c.number == page.number)
        .values(answer=answer, body=b"")
    )


def drop_page(conn: sa.Connection, page: StoredPage) -> None:
    """Nothing of it was settled: its batch is no link of the chain any more."""
    conn.execute(
        batch_pages.delete().where(
            batch_pages.c.gateway == page.gateway, batch_pages.c.number == page.number
        )
    )


def drop_answers_naming(conn: sa.Connection, event_ids: Collection[bytes]) -> None:
    """`event_ids` in hex. A gateway that still asks for such an answer sends its batch again, which
    is known by its place in the chain.
    """
    there = batch_pages.c
    query = sa.select(there.gateway, there.number, there.answer).where(there.answer.is_not(None))
    for gateway, number, answer in conn.execute(query).all():
        if any(event_id in answer for event_id in event_ids):
            conn.execute(
                batch_pages.delete().where(there.gateway == gateway, there.number == number)
            )


def last_page(conn: sa.Connection, gateway: str) -> tuple[int, bytes] | None:
    """Number and hash of the last page of `gateway` here."""
    query = (
        sa.select(batch_pages.c.number, batch_pages.c.batch_hash)
        .where(batch_pages.c.gateway == gateway)
        .order_by(batch_pages.c.number.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else (row.number, row.batch_hash)


def _one(conn: sa.Connection, query: sa.Select[*tuple[Any, ...]]) -> StoredPage | None:
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return StoredPage(**{name: getattr(row, name) for name in StoredPage.__struct_fields__})

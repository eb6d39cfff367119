"""The chains of batches: where a batch belongs, and what the core holds of it."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import CoreError
from hr_core.store.batch_pages import last_page
from hr_core.store.events import batches
from protocols.batch_chain import NO_BATCH, BatchHead, ChainHead, SignedHead

_BATCHES_AT_A_TIME = 50  # of at most 165 kB each


class Outcome(StrEnum):
    """What became of one record, one character of `outcomes`."""

    ACCEPTED = "A"  # stored, as (gateway, batch, position)
    DUPLICATE = "D"  # was here already
    REJECTED = "R"
    KEPT = "K"


class ChainForkError(CoreError):
    """A batch that contradicts the chain. `here` is the batch that the core holds in its place."""

    def __init__(self, gateway: str, sent: ChainHead, here: ChainHead) -> None:
        super().__init__(
            f"batch {sent.number} of {gateway} ({sent.batch_hash.hex()[:16]}…) is not of the chain "
            f"whose batch {here.number} ({here.batch_hash.hex()[:16]}…) is here",
            remedy=f"Two machines send as {gateway} (a cloned SD card?), or one lost its spool: "
            "stop the wrong one",
        )
        self.here = here


class ChainGapError(CoreError):
    """Batches are missing between `here`, the last of this gateway, and the one that came."""

    def __init__(self, gateway: str, sent: ChainHead, here: ChainHead) -> None:
        super().__init__(
            f"{gateway} has come to batch {sent.number}, but the last one here is {here.number}: "
            "this core was restored from a backup",
            remedy="The gateway sends the batches in between again by itself",
        )
        self.here = here


class StoredBatch(Struct, frozen=True, kw_only=True):
    """A row of `batches`."""

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
    site: str
    received_at: datetime
    watermarks: bytes
    core_key: bytes
    receipt: bytes
    outcomes: bytes
    digests: bytes

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


def head_of(conn: sa.Connection, gateway: str) -> ChainHead:
    """The last batch of `gateway` here, judged or not; NO_BATCH before the first."""
    judged, page = _last_judged(conn, gateway), last_page(conn, gateway)
    if page is None or page[0] <= judged.number:
        return judged
    return ChainHead(number=page[0], batch_hash=page[1])


def _last_judged(conn: sa.Connection, gateway: str) -> ChainHead:
    query = (
        sa.select(batches.c.number, batches.c.batch_hash)
        .where(batches.c.gateway == gateway)
        .order_by(batches.c.number.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return NO_BATCH if row is None else ChainHead(number=row.number, batch_hash=row.batch_hash)


def place(
    conn: sa.Connection, sent: SignedHead, *, last: ChainHead | None = None
) -> StoredBatch | None:
    """None for the next batch of its chain; the stored one when it came before.

    `last`: what the next one follows, else the last one that is judged.

    A batch that came before is one with its number, records and predecessor, however it was
    compressed this time. Raises ChainForkError, ChainGapError.
    """
    head = sent.head
    named = ChainHead(number=head.number, batch_hash=sent.batch_hash())
    stored = batch_of(conn, head.gateway, head.number)
    if stored is not None:
        before = (stored.previous, stored.records, stored.root)
        if before == (head.previous, head.records, head.records_root):
            return stored
        here = ChainHead(number=stored.number, batch_hash=stored.batch_hash)
        raise ChainForkError(head.gateway, named, here)
    last = last or _last_judged(conn, head.gateway)
    if head.number > last.number + 1:
        raise ChainGapError(head.gateway, named, last)
    if head.previous != last.batch_hash:
        raise ChainForkError(head.gateway, named, last)
    return None


def compare(conn: sa.Connection, gateway: str, theirs: ChainHead) -> ChainHead:
    """The last batch here. Raises ChainForkError, ChainGapError when the gateway cannot go on from
    `theirs`, the last one that it knows.

    It may be one behind (an answer was lost) or know none (its spool was lost).
    """
    last = head_of(conn, gateway)
    if theirs in (NO_BATCH, last):
        return last
    if theirs.number > last.number:
        raise ChainGapError(gateway, theirs, last)
    here = batch_of(conn, gateway, theirs.number)
    if here is None or here.batch_hash != theirs.batch_hash or theirs.number < last.number - 1:
        raise ChainForkError(gateway, theirs, last)
    return last


def batch_of(conn: sa.Connection, gateway: str, number: int) -> StoredBatch | None:
    query = sa.select(batches).where(batches.c.gateway == gateway, batches.c.number == number)
    row = conn.execute(query).one_or_none()
    return None if row is None else _stored(row)


def add_batch(conn: sa.Connection, batch: StoredBatch) -> None:
    conn.execute(batches.insert().values(**_columns(batch)))


def replace_batch(conn: sa.Connection, batch: StoredBatch) -> None:
    key = (batches.c.gateway == batch.gateway, batches.c.number == batch.number)
    conn.execute(batches.update().where(*key).values(**_columns(batch)))


def chain_of(conn: sa.Connection, gateway: str) -> Iterator[StoredBatch]:
    """Every batch of `gateway`, in the order of their numbers."""
    query = sa.select(batches).where(batches.c.gateway == gateway).order_by(batches.c.number)
    for row in conn.execute(query, execution_options={"yield_per": _BATCHES_AT_A_TIME}):
        yield _stored(row)


def chained_gateways(conn: sa.Connection) -> list[str]:
    query = sa.select(batches.c.gateway).distinct().order_by(batches.c.gateway)
    return list(conn.execute(query).scalars())


def _stored(row: sa.Row[Any]) -> StoredBatch:
    return StoredBatch(**{name: getattr(row, name) for name in StoredBatch.__struct_fields__})


def _columns(batch: StoredBatch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in StoredBatch.__struct_fields__}

"""Pages: a batch in columns is made durable first and judged soon after.

Between the two lies at most a crash: a page waits in the database until it is judged, and it is
judged, answered and turned into events in one transaction.
"""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.ingest.columns import judge_columns
from hr_core.ingest.opening import OpenedBatch, check_names, open_records
from hr_core.store.batch_pages import (
    StoredPage,
    add_page,
    drop_page,
    next_page,
    note_answer,
    page_of,
    page_of_batch,
)
from hr_core.store.chains import ChainForkError, head_of, place
from hr_core.store.database import writing
from hr_core.store.refusals import add_refusals
from protocols.batch_chain import ChainHead, SignedHead
from protocols.column_batch import ColumnBatch, decode_columns
from protocols.errors import ProtocolError
from protocols.signing import SigningKey
from protocols.uplink import encode_answer


def open_columns(signed: SignedHead, body: bytes) -> ColumnBatch:
    """Raises ProtocolError when `body` is no batch, HeadMismatchError when not that of the head.

    The root is not looked at: that costs more than all the rest, and is part of judging.
    """
    batch = decode_columns(body)
    check_names(signed.head, batch.gateway, batch.number, len(batch))
    return batch


def open_judged(signed: SignedHead, key: bytes, batch: ColumnBatch) -> OpenedBatch:
    """A batch that came before, as `open_batch` opens its JSON form. Raises HeadMismatchError."""
    return open_records(signed, key, batch.batch())


def store_page(
    engine: sa.Engine, signed: SignedHead, key: bytes, body: bytes, *, received_at: datetime
) -> StoredPage | None:
    """The batch as it is here now, durably; with its answer when it came before and was judged.

    `body` was opened without complaint. None: it was judged before, and its answer is not here any
    more. Raises ChainForkError, ChainGapError, StorageError.
    """
    head = signed.head
    with writing(engine) as conn:
        earlier = page_of(conn, head.gateway, head.number)
        if earlier is not None:
            if _is_same(earlier, signed):
                return earlier
            named = ChainHead(number=head.number, batch_hash=signed.batch_hash())
            here = ChainHead(number=earlier.number, batch_hash=earlier.batch_hash)
            raise ChainForkError(head.gateway, named, here)
        if place(conn, signed, last=head_of(conn, head.gateway)) is not None:
            return None
        page = page_of_batch(signed, key, body, received_at=received_at)
        add_page(conn, page)
        return page


class OpenedPage(Struct, frozen=True):
    """A batch as `open_columns` gave it, and the hash of its head, which the body is proven by."""

    batch_hash: bytes
    batch: ColumnBatch


def judge_pages(engine: sa.Engine, gateway: str, *, core_key: SigningKey) -> None:
    """Judges what waits of `gateway`. Raises StorageError."""
    while judge_next_page(engine, core_key=core_key, gateway=gateway):
        pass


def judge_next_page(
    engine: sa.Engine,
    *,
    core_key: SigningKey,
    gateway: str | None = None,
    opened: OpenedPage | None = None,
) -> bool:
    """The oldest page of one gateway, or of all, in a transaction of its own; False when none waits.

    `opened` spares the reading of that page, when it is the one.

    Raises StorageError: then it waits on.
    """
    with engine.connect() as conn:
        if next_page(conn, gateway) is None:
            return False
    with writing(engine) as conn:
        page = next_page(conn, gateway)
        if page is None:
            return False
        _judge(conn, page, core_key, opened)
    return True


def _judge(
    conn: sa.Connection, page: StoredPage, core_key: SigningKey, opened: OpenedPage | None
) -> None:
    """A page that does not read any more (a damaged disk) is taken out again: its gateway, which
    has settled nothing of it, finds no answer and sends the batch once more.
    """
    try:
        if opened is not None and opened.batch_hash == page.batch_hash:
            batch = opened.batch
        else:
            batch = decode_columns(page.body)
    except ProtocolError as exc:
        drop_page(conn, page)
        what = f"stored batch {page.number} does not read any more ({exc})"
        add_refusals(conn, page.gateway, "page_damaged", times=1, what=what, at=page.received_at)
        return
    note_answer(conn, page, encode_answer(judge_columns(conn, page, batch, core_key)))


def _is_same(page: StoredPage, signed: SignedHead) -> bool:
    """Whatever form it has this time."""
    head = signed.head
    return (page.previous, page.records, page.root) == (
        head.previous,
        head.records,
        head.records_root,
    )

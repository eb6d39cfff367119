"""How complete each device's records are here, as its gateways say with their batches.

A batch is taken only behind the one that it names as the one before, and tells what the answers to
those before it prove. So the latest word is true of what this database holds, and one that was
restored from a backup has the word of then. It may also go down: the gateway knows why (`held_by`).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite

from hr_core.store.database import UtcInstant, metadata
from protocols.uplink import Watermark

watermarks = sa.Table(
    "watermarks",
    metadata,
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("serial", sa.Text, primary_key=True),
    # NULL: nothing can be said
    sa.Column("complete_until", UtcInstant),
    sa.Column("on_device", sa.BigInteger),
    sa.Column("fetched", sa.BigInteger, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False),
    sa.Column("held_by", sa.Text),
    sa.Column("batch", sa.BigInteger, nullable=False),
    sa.Column("told_at", UtcInstant, nullable=False),
    sqlite_with_rowid=False,
)

_LARGEST = 2**63 - 1  # what a database integer holds
_LONGEST_TEXT = 256
UNSOUND = "unsound"  # in held_by: the gateway said what cannot be


class StoredWatermark(Struct, frozen=True, kw_only=True):
    """What `gateway` said of a device with `batch`, which came `told_at` by the core's clock."""

    gateway: str
    serial: str
    complete_until: datetime | None
    on_device: int | None
    fetched: int
    stored: int
    held_by: str | None
    batch: int
    told_at: datetime


def note_watermarks(
    conn: sa.Connection, gateway: str, batch: int, marks: Iterable[Watermark], *, at: datetime
) -> None:
    """In the transaction that stores `batch`, the last one of its gateway."""
    for mark in marks:
        if len(mark.serial) > _LONGEST_TEXT:
            continue
        row = {"batch": batch, "told_at": at, **_columns(mark, at)}
        insert = _insert(conn).values(gateway=gateway, serial=mark.serial, **row)
        conn.execute(
            insert.on_conflict_do_update(
                index_elements=[watermarks.c.gateway, watermarks.c.serial], set_=row
            )
        )


def watermarks_of(
    conn: sa.Connection, *, gateway: str | None = None, serial: str | None = None
) -> list[StoredWatermark]:
    """Sorted by serial, then gateway."""
    query = sa.select(watermarks).order_by(watermarks.c.serial, watermarks.c.gateway)
    if gateway is not None:
        query = query.where(watermarks.c.gateway == gateway)
    if serial is not None:
        query = query.where(watermarks.c.serial == serial)
    names = StoredWatermark.__struct_fields__
    return [
        StoredWatermark(**{name: getattr(row, name) for name in names})
        for row in conn.execute(query)
    ]


def _columns(mark: Watermark, at: datetime) -> dict[str, object]:
    """What cannot be is stored as nothing said; no instant that is yet to come is complete."""
    until = mark.complete_until
    counts = (mark.fetched, mark.stored, mark.on_device or 0)
    if not all(0 <= count <= _LARGEST for count in counts) or (
        until is not None and until.utcoffset() != timedelta(0)
    ):
        return {
            "complete_until": None, "on_device": None, "fetched": 0, "stored": 0, "held_by": UNSOUND
        }  # fmt: skip
    return {
        "complete_until": None if until is None else min(until, at),
        "on_device": mark.on_device,
        "fetched": mark.fetched,
        "stored": mark.stored,
        "held_by": None if mark.held_by is None else mark.held_by[:_LONGEST_TEXT],
    }


def _insert(conn: sa.Connection) -> sqlite.Insert | postgresql.Insert:
    if conn.dialect.name == "postgresql":
        return postgresql.insert(watermarks)
    return sqlite.insert(watermarks)

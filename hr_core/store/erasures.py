"""Records that were erased because somebody had the right to it: what stays of them.

The record goes with its salt. Its digest stays in the batch, so root and chain still hold, and
nobody can find the record by guessing. No event id stays here: it is made of the record.
"""

from datetime import datetime

import sqlalchemy as sa

from hr_core.store.database import UtcInstant, insert_or_ignore, metadata
from hr_core.store.event_totals import add_to_totals
from hr_core.store.events import raw_events

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("erased_at", UtcInstant, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)


def erase_event(conn: sa.Connection, event_id: bytes, *, at: datetime, reason: str) -> bool:
    """Takes the record and its salt away for good; False when there is none.

    In the caller's write transaction. The bytes leave the file with SQLite's next VACUUM.
    """
    events = raw_events.c
    place = conn.execute(
        sa.select(events.gateway, events.batch, events.position, events.kind, events.device).where(
            events.event_id == event_id
        )
    ).one_or_none()
    if place is None:
        return False
    conn.execute(
        insert_or_ignore(conn, erasures).values(
            gateway=place.gateway,
            batch=place.batch,
            position=place.position,
            erased_at=at,
            reason=reason,
        )
    )
    conn.execute(raw_events.delete().where(events.event_id == event_id))
    add_to_totals(conn, {(place.kind, place.device): -1})
    return True


def erased_positions(conn: sa.Connection, gateway: str, batch: int) -> frozenset[int]:
    query = sa.select(erasures.c.position).where(
        erasures.c.gateway == gateway, erasures.c.batch == batch
    )
    return frozenset(conn.execute(query).scalars())

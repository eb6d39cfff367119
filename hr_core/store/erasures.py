"""Records that were erased because somebody had the right to it: what stays of them.

The record goes with its salt. Its digest stays in the batch, so root and chain still hold, and
nobody can find the record by guessing. No event id stays here: it is made of the record.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from hr_core.errors import CoreError
from hr_core.store.attendance_queue import forget_punches
from hr_core.store.batch_pages import drop_answers_naming, next_page
from hr_core.store.database import UtcInstant, insert_or_ignore, metadata
from hr_core.store.event_rows import whole_record
from hr_core.store.event_totals import add_to_totals
from hr_core.store.events import raw_events
from hr_core.store.piece_scans import remove_piece_scan
from protocols.records import DeviceEvent

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
    erased = _erase(conn, event_id, at, reason)
    forget_punches(conn, {event_id})
    return erased


def _erase(conn: sa.Connection, event_id: bytes, at: datetime, reason: str) -> bool:
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
    remove_piece_scan(conn, event_id)
    add_to_totals(conn, {(place.kind, place.device): -1})
    return True


def erase_user(
    conn: sa.Connection, user_id: str, device: str | None, *, at: datetime, reason: str
) -> int:
    """Every punch of a user id, and every device event that names it; of one device (a serial) or of
    all. Returns how many. In the caller's write transaction. What was computed from them stays.

    Raises CoreError while a batch waits to be judged: it may hold some.
    """
    begin_erasing(conn)
    return erase_events(conn, list(_events_of(conn, user_id, device)), at=at, reason=reason)


def begin_erasing(conn: sa.Connection) -> None:
    """From here on what the caller's transaction deletes is overwritten too (SQLite).

    Raises CoreError while a batch waits to be judged.
    """
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete = ON")
    if next_page(conn) is not None:
        raise CoreError(
            "a batch that came waits to be judged, and may hold records of this person",
            remedy="nothing was erased; run it again in a moment (hr-core serve judges)",
        )


def erase_events(conn: sa.Connection, found: Sequence[bytes], *, at: datetime, reason: str) -> int:
    """These records and all that names them, after `begin_erasing`. Returns how many."""
    for event_id in found:
        _erase(conn, event_id, at, reason)
    forget_punches(conn, set(found))
    drop_answers_naming(conn, {event_id.hex().encode() for event_id in found})
    return len(found)


def _events_of(conn: sa.Connection, user_id: str, device: str | None) -> Iterator[bytes]:
    events = raw_events.c
    here = sa.true() if device is None else events.device == device
    punches = sa.select(events.event_id).where(
        events.kind == "punch", events.user_id == user_id, here
    )
    yield from conn.execute(punches).scalars().all()
    told = sa.select(events.event_id, events.body, events.raw).where(
        events.kind == "device_event", here
    )
    for row in conn.execute(told):
        record = whole_record(row.body, row.raw)
        if isinstance(record, DeviceEvent) and str(record.detail.get("user_id", "")) == user_id:
            yield row.event_id


def erased_positions(conn: sa.Connection, gateway: str, batch: int) -> frozenset[int]:
    query = sa.select(erasures.c.position).where(
        erasures.c.gateway == gateway, erasures.c.batch == batch
    )
    return frozenset(conn.execute(query).scalars())

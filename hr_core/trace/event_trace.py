"""One event, from the bytes that a device sent to the payslip lines that it is part of."""

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.verification import verify_event
from hr_core.errors import NotFoundError
from hr_core.store.chains import StoredBatch, batch_of, head_of
from hr_core.store.events import event_by_id, event_ids_between, raw_events
from hr_core.trace.events import RawEvent, raw_event
from hr_core.trace.pieces import TracedPiece, pieces_of
from hr_core.trace.uses import Uses, uses_of
from protocols.event_prefix import EventPrefix

_MOST_NAMED = 8


class EventBatch(Struct, frozen=True, kw_only=True):
    """The batch that brought the event. `last` is its gateway's last one here. `faults`: what does not
    stand as it was signed, [] when all does: signature, receipt, root, and this record's digest.
    """

    gateway: str
    number: int
    last: int
    position: int
    records: int
    batch_hash: str
    previous: str
    signed_by: str
    received_at: str
    faults: list[str]


class EventTrace(Struct, frozen=True, kw_only=True):
    event: RawEvent
    batch: EventBatch | None
    uses: Uses
    pieces: tuple[TracedPiece, ...] = ()


def trace_event(conn: sa.Connection, prefix: EventPrefix) -> EventTrace:
    """Raises NotFoundError, also when `prefix` names several events."""
    event_id = _the_one(conn, prefix)
    stored = event_by_id(conn, event_id)
    assert stored is not None  # noqa: S101 - it was just found in this transaction
    batch = batch_of(conn, stored.gateway, stored.batch)
    return EventTrace(
        event=raw_event(conn, event_id.hex()),
        batch=None if batch is None else _batch(conn, batch, event_id),
        uses=uses_of(conn, stored),
        pieces=pieces_of(conn, stored),
    )


def _the_one(conn: sa.Connection, prefix: EventPrefix) -> bytes:
    found = event_ids_between(conn, prefix.first, prefix.last, limit=_MOST_NAMED + 1)
    if not found:
        raise NotFoundError(
            f"the store holds no event {prefix.digits}",
            remedy="check the id; an event still on its gateway is found by edge-agent trace",
        )
    if len(found) > 1:
        events = [raw_event(conn, one.hex()) for one in found[:_MOST_NAMED]]
        named = "; ".join(
            f"{one.event_id} {one.device} {one.user_id or one.counter or one.kind} "
            f"{one.device_time}"
            for one in events
        )
        more = " and more" if len(found) > _MOST_NAMED else ""
        raise NotFoundError(
            f"{prefix.digits} names several events: {named}{more}", remedy="give more digits"
        )
    return found[0]


def _batch(conn: sa.Connection, batch: StoredBatch, event_id: bytes) -> EventBatch:
    position = conn.execute(
        sa.select(raw_events.c.position).where(raw_events.c.event_id == event_id)
    ).scalar_one()
    return EventBatch(
        gateway=batch.gateway,
        number=batch.number,
        last=head_of(conn, batch.gateway).number,
        position=position,
        records=batch.records,
        batch_hash=batch.batch_hash.hex(),
        previous=batch.previous.hex(),
        signed_by=batch.key.hex(),
        received_at=batch.received_at.isoformat(),
        faults=verify_event(conn, event_id),
    )

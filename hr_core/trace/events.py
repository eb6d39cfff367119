"""The last step down: from an event id to the bytes that a device sent."""

import re

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.event_rows import StoredEvent
from hr_core.store.events import event_by_id
from protocols.records import Count, DeviceEvent, Punch

_EVENT_ID = re.compile(r"[0-9a-fA-F]{32}")


class RawEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stored event for people and programs; `found` false when the store does not hold it.

    `raw` is the device's own bytes in hex; user_id and state are a punch's, counter and value a
    reading's, code and detail an event's. `received_at`, `ingested_at`: ISO 8601, UTC.
    """

    event_id: str
    found: bool
    kind: str = ""
    device: str = ""
    user_id: str | None = None
    device_time: str | None = None
    state: int | None = None
    direction: str | None = None
    channel: str | None = None
    counter: str | None = None
    metric: str | None = None
    value: int | None = None
    badge: str | None = None
    code: str | None = None
    detail: dict[str, str | int] = {}
    zone: str = ""
    flags: tuple[str, ...] = ()
    gateway: str = ""
    batch: int | None = None
    received_at: str = ""
    ingested_at: str = ""
    raw: str = ""


def is_event_id(text: str) -> bool:
    return _EVENT_ID.fullmatch(text) is not None


def raw_event(conn: sa.Connection, event_id: str) -> RawEvent:
    """`event_id` in hex. Never raises for an unknown id: the caller says what is missing."""
    stored = event_by_id(conn, bytes.fromhex(event_id))
    if stored is None:
        return RawEvent(event_id=event_id, found=False)
    record = stored.record
    match record:
        case Punch():
            return _event(
                stored,
                kind="punch",
                device=record.serial,
                user_id=record.user_id,
                device_time=record.device_time.isoformat(),
                state=record.state,
                direction=str(record.direction),
                channel=str(record.channel),
            )
        case Count():
            return _event(
                stored,
                kind="count",
                device=record.source,
                counter=record.tag,
                metric=record.metric,
                value=record.value,
                badge=record.badge,
                device_time=record.source_time.isoformat(),
            )
        case DeviceEvent():
            return _event(
                stored,
                kind="device_event",
                device=record.serial,
                code=record.code,
                detail=record.detail,
                device_time=record.device_time.isoformat(),
            )


def _event(stored: StoredEvent, **facts: str | int | dict[str, str | int] | None) -> RawEvent:
    flags = dict.fromkeys((*getattr(stored.record, "flags", ()), *stored.flags))
    return RawEvent(
        event_id=stored.event_id.hex(),
        found=True,
        zone=stored.zone,
        flags=tuple(str(flag) for flag in flags),
        gateway=stored.gateway,
        batch=stored.batch,
        received_at=stored.received_at.isoformat(),
        ingested_at=stored.ingested_at.isoformat(),
        raw=stored.record.raw.hex(),
        **facts,  # type: ignore[arg-type]  # each caller names fields of RawEvent
    )

"""Rows of raw_events as typed values, and back."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from protocols.records import Channel, Count, Direction, Flag, Punch, Record, in_plain_spelling

Row = sa.Row[*tuple[Any, ...]]


class EventRow(NamedTuple):
    """A row of raw_events as it is written, in the order of its columns; instants in microseconds."""

    event_id: bytes
    kind: str
    device: str
    user_id: str | None
    at: int
    zone: str
    received_at: int
    clock_offset_ms: int | None
    flags: str
    gateway: str
    batch: int
    position: int
    salt: bytes
    ingested_at: int
    body: bytes
    raw: bytes


# EventRow(…) takes five times as long: it names its arguments, and counts them.
row_of_values = partial(tuple.__new__, EventRow)


def rows_of_columns(*columns: Sequence[Any]) -> list[EventRow]:
    """One for each field of EventRow, in their order, all equally long."""
    return list(map(row_of_values, zip(*columns, strict=True)))


class StoredPunch(Struct, frozen=True, kw_only=True, gc=False):
    """A punch as readers need it. `at` is the aware UTC instant of `device_time` in `zone`.

    `flags` are the record's and the gateway's. The raw bytes are one `event_by_id` away.
    """

    event_id: bytes
    serial: str
    user_id: str
    device_time: datetime
    at: datetime
    zone: str
    state: int
    direction: Direction
    verify: int
    method: str
    work_code: int | None
    card: str | None
    channel: Channel
    ordinal: int
    flags: tuple[Flag, ...]
    received_at: datetime
    clock_offset_ms: int | None


class StoredCount(Struct, frozen=True, kw_only=True, gc=False):
    """One cumulative reading. `at` is its aware UTC source time; `flags` as in StoredPunch."""

    event_id: bytes
    source: str
    tag: str
    metric: Literal["pieces", "rejects"]
    reject_code: str | None
    value: int
    boot_id: str
    seq: int
    at: datetime
    zone: str
    badge: str | None
    quality: Literal["good", "uncertain", "bad"]
    flags: tuple[Flag, ...]
    received_at: datetime


class StoredEvent(Struct, frozen=True, kw_only=True):
    """One event whole: the record with its raw bytes, and how it came here."""

    event_id: bytes
    record: Record
    at: datetime
    zone: str
    received_at: datetime
    clock_offset_ms: int | None
    flags: tuple[Flag, ...]
    gateway: str
    batch: int
    ingested_at: datetime


_NO_FLAGS = "[]"
_encode = msgspec.json.Encoder().encode
_decode_punch = msgspec.json.Decoder(Punch).decode
_decode_count = msgspec.json.Decoder(Count).decode
_record_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_decode_flags = msgspec.json.Decoder(tuple[Flag, ...]).decode


def split_record(record: Record) -> tuple[bytes, bytes]:
    """(body, raw) as the table stores them."""
    return _encode(msgspec.structs.replace(in_plain_spelling(record), raw=b"")), record.raw


def whole_record(body: bytes, raw: bytes) -> Record:
    """The inverse of split_record."""
    record: Record = msgspec.structs.replace(_record_decoder.decode(body), raw=raw)
    return record


def encode_flags(flags: tuple[Flag, ...]) -> str:
    return _encode(flags).decode() if flags else _NO_FLAGS


def stored_punch(row: Row) -> StoredPunch:
    """From a row of events.READER_COLUMNS. Unpacked: naming each column costs 1.5 us of SQLAlchemy."""
    event_id, at, zone, received_at, clock_offset_ms, gateway_flags, body = row
    punch = _decode_punch(body)
    return StoredPunch(
        event_id=event_id,
        serial=punch.serial,
        user_id=punch.user_id,
        device_time=punch.device_time,
        at=at,
        zone=zone,
        state=punch.state,
        direction=punch.direction,
        verify=punch.verify,
        method=punch.method,
        work_code=punch.work_code,
        card=punch.card,
        channel=punch.channel,
        ordinal=punch.ordinal,
        flags=_all_flags(punch.flags, gateway_flags),
        received_at=received_at,
        clock_offset_ms=clock_offset_ms,
    )


def stored_count(row: Row) -> StoredCount:
    """From a row of events.READER_COLUMNS."""
    event_id, at, zone, received_at, _, gateway_flags, body = row
    count = _decode_count(body)
    return StoredCount(
        event_id=event_id,
        source=count.source,
        tag=count.tag,
        metric=count.metric,
        reject_code=count.reject_code,
        value=count.value,
        boot_id=count.boot_id,
        seq=count.seq,
        at=at,
        zone=zone,
        badge=count.badge,
        quality=count.quality,
        flags=_all_flags(count.flags, gateway_flags),
        received_at=received_at,
    )


def stored_event(row: Row) -> StoredEvent:
    """From a whole row of raw_events."""
    return StoredEvent(
        event_id=row.event_id,
        record=whole_record(row.body, row.raw),
        at=row.at,
        zone=row.zone,
        received_at=row.received_at,
        clock_offset_ms=row.clock_offset_ms,
        flags=_decode_flags(row.flags),
        gateway=row.gateway,
        batch=row.batch,
        ingested_at=row.ingested_at,
    )


def _all_flags(of_record: tuple[Flag, ...], of_gateway: str) -> tuple[Flag, ...]:
    if of_gateway == _NO_FLAGS:
        return of_record
    return tuple(dict.fromkeys(of_record + _decode_flags(of_gateway)))

"""Rows of the table `events` to and from records; times to and from integer microseconds."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from edge_agent.spool.lanes import Lane
from protocols.records import Flag, Record
from protocols.uplink import Observation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)

OBSERVATION_WIDTH = 7  # columns of the view `observations`


class PastReading(Struct, frozen=True, kw_only=True):
    """A device's clock at its last whole read: when that began (aware UTC), how far it was off."""

    read_from: datetime
    offset_ms: int


class Envelope(Struct, frozen=True, kw_only=True):
    """What the gateway knows about the arrival of a delivery.

    reading   set with the last page of a whole read, for the rows that the next one brings
    """

    device_name: str
    zone: str
    lane: Lane
    received_at: datetime
    monotonic_ms: int
    clock_offset_ms: int | None = None
    flags: tuple[Flag, ...] = ()
    reading: PastReading | None = None


def microseconds(instant: datetime) -> int:
    """Since 1970-01-01 UTC. A naive `instant` raises TypeError: it would be a guess."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    return _EPOCH + since_epoch * _MICROSECOND


def encode_record(record: Record) -> bytes:
    return _encoder.encode(record)


def encode_flags(flags: tuple[Flag, ...]) -> tuple[str, int]:
    """The columns `flags` and `suspect`. The latter is apart because it changes later."""
    others = [flag.value for flag in flags if flag is not Flag.GATEWAY_CLOCK_SUSPECT]
    return " ".join(others), int(Flag.GATEWAY_CLOCK_SUSPECT in flags)


def observation(row: tuple[Any, ...] | sqlite3.Row) -> Observation:
    """From a row of the view `observations`."""
    identity, body, received_at, clock_offset_ms, zone, flags, suspect = row
    decoded = tuple(Flag(word) for word in flags.split())
    return Observation(
        event_id=identity.hex(),
        record=_decoder.decode(body),
        received_at=instant(received_at),
        clock_offset_ms=clock_offset_ms,
        zone=zone,
        flags=(*decoded, Flag.GATEWAY_CLOCK_SUSPECT) if suspect else decoded,
    )

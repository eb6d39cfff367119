"""What a gateway may ask about one event: is it at the core, and since which batch?

`POST /api/v1/event`, signed as every question (protocols.signed_request), answered with the core's
signature. The record itself is not told: the gateway has it.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.identity import EVENT_ID_BYTES
from protocols.uplink import hex_bytes

EVENT_TARGET = "POST /api/v1/event"

_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class EventQuestion(Struct, frozen=True, kw_only=True):
    event_id: str


class EventPlace(Struct, frozen=True, kw_only=True):
    """`held`: the core has it, by `batch` of `gateway`, which may be another than the one that asks;
    `ingested_at` by the core's clock.
    """

    event_id: str
    held: bool
    gateway: str | None = None
    batch: int | None = None
    ingested_at: datetime | None = None


_question = msgspec.json.Decoder(EventQuestion)
_place = msgspec.json.Decoder(EventPlace)


def encode(message: EventQuestion | EventPlace) -> bytes:
    return msgspec.json.encode(message)


def decode_question(body: bytes) -> bytes:
    """The event id. Raises ProtocolError."""
    try:
        asked = _question.decode(body)
    except _UNDECODABLE as exc:
        raise ProtocolError(f"no question about an event: {exc}") from exc
    return hex_bytes(asked.event_id, EVENT_ID_BYTES, "the event id")


def decode_place(body: bytes) -> EventPlace:
    """Raises ProtocolError."""
    try:
        return _place.decode(body)
    except _UNDECODABLE as exc:
        raise ProtocolError(f"no answer about an event: {exc}") from exc

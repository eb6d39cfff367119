"""The batch contract between gateway and core: what is sent, what is answered.

`POST /api/v1/batches`, body = `encode_batch`, JSON compressed with zstd (Content-Encoding: zstd),
beside it the signed head (protocols.batch_chain); the answer is `encode_answer`, signed by the core
(protocols.core_signature). Every record gets exactly one verdict, so a gateway that lost the answer
sends the same batch again and ends with the same state (idempotent retry). docs/uplink.md tells it
to people.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.records import Count, DeviceEvent, Flag, Punch

BATCH_SCHEMA: Literal["clockline.batch/2"] = "clockline.batch/2"
ANSWER_SCHEMA: Literal["clockline.answer/2"] = "clockline.answer/2"
STORED_SCHEMA: Literal["clockline.stored/1"] = "clockline.stored/1"

# A gateway on a slow line must get a batch through within one request time-out, and the core must
# not be made to hold more than this of one peer: 5,000 records are about 2 MB of JSON.
BATCH_SALT_BYTES = 32
MAX_WATERMARKS = 2_000  # one a device, and no gateway has more
MAX_RECORDS_PER_BATCH = 5_000
MAX_BATCH_BYTES = 16 * 1024 * 1024


class Verdict(StrEnum):
    """What the core did with one record."""

    ACCEPTED = "accepted"  # durable now
    DUPLICATE = "duplicate"  # was durable before
    REJECTED = "rejected"  # never acceptable as it is: `code` says why; goes to the dead letters
    KEEP = "keep"  # not now: keep it and send it again


class Observation(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A record and what the gateway knows about its arrival.

    event_id        32 hex digits, `protocols.identity.event_id` of the record
    received_at     aware UTC, the gateway's clock when the bytes arrived
    clock_offset_ms device clock minus gateway clock in site time, None when not measured
    zone            IANA name of the site's zone, in which the device's wall clock runs
    """

    event_id: str
    record: Punch | Count | DeviceEvent
    received_at: datetime
    zone: str
    clock_offset_ms: int | None = None
    flags: tuple[Flag, ...] = ()


class Watermark(Struct, frozen=True, kw_only=True, gc=False):
    """How complete a device's records are, as its gateway knows it when it makes the batch.

    complete_until  aware UTC: what the device recorded until then was read, and the core has answered
                    all of it in batches before this one; None when that cannot be said
    on_device, fetched, stored: rows by the device's own count, read from it, in the gateway's spool
    held_by         the word for why it is not later (docs/watermark.md), None when nothing holds it
    """

    serial: str
    complete_until: datetime | None
    on_device: int | None
    fetched: int
    stored: int
    held_by: str | None = None


class Batch(Struct, frozen=True, kw_only=True):
    """`salt` is 64 hex digits, of the digests of the records (protocols.record_digest)."""

    schema: Literal["clockline.batch/2"] = BATCH_SCHEMA
    gateway: str
    site: str
    number: int
    salt: str
    observations: tuple[Observation, ...]
    watermarks: tuple[Watermark, ...] = ()

    def salt_bytes(self) -> bytes:
        """Raises ProtocolError for a salt that is none."""
        return hex_bytes(self.salt, BATCH_SALT_BYTES, "the salt")


class RecordVerdict(Struct, frozen=True, kw_only=True, gc=False):
    event_id: str
    verdict: Verdict
    code: str | None = None  # for rejected and keep: a stable word
    detail: str | None = None  # for people


class Answer(Struct, frozen=True, kw_only=True):
    """`batch_hash`: 64 hex digits, the batch as the core has it in its chain, which the next batch
    must name as the one before. Empty from a sink that keeps no chain.
    """

    schema: Literal["clockline.answer/2"] = ANSWER_SCHEMA
    number: int
    verdicts: tuple[RecordVerdict, ...]
    batch_hash: str = ""


class Stored(Struct, frozen=True, kw_only=True):
    """Answered with HTTP 202: the batch is durable, and its verdicts follow. `batch_hash` is as in
    Answer.
    """

    schema: Literal["clockline.stored/1"] = STORED_SCHEMA
    number: int
    batch_hash: str


# msgspec reports bad UTF-8 and bottomless nesting in Python's own words.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_batch_encoder = msgspec.json.Encoder()
_batch_decoder = msgspec.json.Decoder(Batch)
_answer_decoder = msgspec.json.Decoder(Answer)


def encode_batch(batch: Batch) -> bytes:
    return _batch_encoder.encode(batch)


def decode_batch(body: bytes) -> Batch:
    """Raises ProtocolError when the body is not a batch of this schema or breaks a cap."""
    if len(body) > MAX_BATCH_BYTES:
        raise ProtocolError(f"batch of {len(body)} bytes is over the cap of {MAX_BATCH_BYTES}")
    try:
        batch = _batch_decoder.decode(body)
    except _UNDECODABLE as exc:
        raise ProtocolError(f"not a {BATCH_SCHEMA} body: {exc}") from exc
    if len(batch.observations) > MAX_RECORDS_PER_BATCH:
        raise ProtocolError(
            f"batch of {len(batch.observations)} records is over the cap of {MAX_RECORDS_PER_BATCH}"
        )
    if len(batch.watermarks) > MAX_WATERMARKS:
        raise ProtocolError(
            f"batch with {len(batch.watermarks)} watermarks is over the cap of {MAX_WATERMARKS}"
        )
    return batch


def hex_bytes(text: str, length: int, what: str) -> bytes:
    """Raises ProtocolError unless `text` is `length` bytes in hex."""
    try:
        value = bytes.fromhex(text) if len(text) == 2 * length else b""
    except ValueError:
        value = b""
    if len(value) != length:
        raise ProtocolError(f"{what} is not {2 * length} hex digits")
    return value


def encode_answer(answer: Answer) -> bytes:
    return _batch_encoder.encode(answer)


def decode_answer(body: bytes, batch: Batch) -> Answer:
    """Raises ProtocolError unless the answer judges exactly the records of `batch`, once each."""
    try:
        answer = _answer_decoder.decode(body)
    except _UNDECODABLE as exc:
        raise ProtocolError(f"not a {ANSWER_SCHEMA} body: {exc}") from exc
    if answer.number != batch.number:
        raise ProtocolError(f"answer to batch {answer.number}, asked about {batch.number}")
    judged = [verdict.event_id for verdict in answer.verdicts]
    sent = {observation.event_id for observation in batch.observations}
    if len(judged) != len(sent) or set(judged) != sent:
        raise ProtocolError("the answer does not judge exactly the records that were sent")
    return answer

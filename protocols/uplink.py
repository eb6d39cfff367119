"""The batch contract between gateway and core: what is sent, what is answered.

`POST /api/v1/batches`, body = `encode_batch`, JSON compressed with zstd (Content-Encoding: zstd);
the answer is `encode_answer`. Every record gets exactly one verdict, so a gateway that lost the
answer sends the same batch again and ends with the same state (idempotent retry).
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.records import Count, DeviceEvent, Flag, Punch

BATCH_SCHEMA: Literal["clockline.batch/1"] = "clockline.batch/1"
ANSWER_SCHEMA: Literal["clockline.answer/1"] = "clockline.answer/1"

# A gateway on a slow line must get a batch through within one request time-out, and the core must
# not be made to hold more than this of one peer: 5,000 records are about 2 MB of JSON.
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


class Batch(Struct, frozen=True, kw_only=True):
    schema: Literal["clockline.batch/1"] = BATCH_SCHEMA
    gateway: str
    site: str
    number: int
    observations: tuple[Observation, ...]


class RecordVerdict(Struct, frozen=True, kw_only=True, gc=False):
    event_id: str
    verdict: Verdict
    code: str | None = None  # for rejected and keep: a stable word
    detail: str | None = None  # for people


class Answer(Struct, frozen=True, kw_only=True):
    schema: Literal["clockline.answer/1"] = ANSWER_SCHEMA
    number: int
    verdicts: tuple[RecordVerdict, ...]


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
    return batch


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

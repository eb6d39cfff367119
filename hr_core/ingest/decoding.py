"""Decoding a batch so that one record that this core does not understand holds up no other.

A newer gateway may send a flag or a field that is unknown here. Refusing the whole batch would
stop its uplink for ever: it must send the same batch again.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.uplink import (
    MAX_BATCH_BYTES,
    MAX_RECORDS_PER_BATCH,
    Batch,
    Observation,
    RecordVerdict,
    Verdict,
    decode_batch,
)

# msgspec reports bad UTF-8 and bottomless nesting in Python's own words.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Envelope(Struct, frozen=True):
    schema: Literal["clockline.batch/1"]
    gateway: str
    site: str
    number: int
    observations: list[msgspec.Raw]


class _Named(Struct, frozen=True):
    event_id: str


_envelope = msgspec.json.Decoder(_Envelope)
_observation = msgspec.json.Decoder(Observation)
_named = msgspec.json.Decoder(_Named)


def decode_record_by_record(content: bytes) -> tuple[Batch, tuple[RecordVerdict, ...]]:
    """The batch of the records that decode, and a `keep` verdict for each of the others.

    Raises ProtocolError when it is no batch at all, or a record without a readable event id.
    """
    try:
        return decode_batch(content), ()
    except (ProtocolError, *_UNDECODABLE) as exc:
        refusal = exc
    if len(content) > MAX_BATCH_BYTES:
        raise refusal
    try:
        envelope = _envelope.decode(content)
        if len(envelope.observations) > MAX_RECORDS_PER_BATCH:
            raise refusal
        decoded, kept = _sort(envelope.observations)
    except _UNDECODABLE as exc:
        raise ProtocolError(str(refusal)) from exc
    batch = Batch(
        gateway=envelope.gateway,
        site=envelope.site,
        number=envelope.number,
        observations=tuple(one for one in decoded if one.event_id not in kept),
    )
    return batch, tuple(kept.values())


def _sort(rows: list[msgspec.Raw]) -> tuple[list[Observation], dict[str, RecordVerdict]]:
    decoded: list[Observation] = []
    kept: dict[str, RecordVerdict] = {}
    for row in rows:
        try:
            decoded.append(_observation.decode(row))
        except _UNDECODABLE as exc:
            event_id = _named.decode(row).event_id
            kept[event_id] = RecordVerdict(
                event_id=event_id,
                verdict=Verdict.KEEP,
                code="undecodable_record",
                detail=f"this core does not understand it ({exc}): update the core",
            )
    return decoded, kept

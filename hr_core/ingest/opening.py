"""From a proven head and an inflated body to records: is the body what the head says?

Every record is held against the head's root by the bytes in which it came, so one that this core
does not understand (a newer gateway's flag or field) is proven and answered `keep`, and holds up no
other. Refusing the whole batch would stop that gateway for ever: it must send the same one again.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from protocols.batch_chain import BatchHead, SignedHead
from protocols.errors import ProtocolError
from protocols.record_digest import (
    merkle_root,
    record_bytes,
    record_digest,
    record_salts,
    spelled_records,
)
from protocols.uplink import (
    BATCH_SALT_BYTES,
    MAX_BATCH_BYTES,
    MAX_RECORDS_PER_BATCH,
    Batch,
    Observation,
    Watermark,
    decode_batch,
    hex_bytes,
)

# msgspec reports bad UTF-8 and bottomless nesting in Python's own words.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class HeadMismatchError(ProtocolError):
    """Head and body are not of one batch. `code` says in what: `head_mismatch`, `root_mismatch`."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class Unreadable(Struct, frozen=True, gc=False):
    """A record that this core does not understand; `detail` is for people."""

    event_id: str
    detail: str


class OpenedBatch(Struct, frozen=True, kw_only=True):
    """A batch whose head was signed with `key`, and whose records are those of the head's root.

    records, salts, spelled, digests: by position; a digest is made of the salt and the bytes
    (record_digest.record_bytes) in which its record was signed.
    """

    signed: SignedHead
    key: bytes
    site: str
    records: Sequence[Observation | Unreadable]
    salts: Sequence[bytes]
    spelled: Sequence[bytes]
    digests: Sequence[bytes]
    watermarks: tuple[Watermark, ...]


class _Envelope(Struct, frozen=True):
    schema: Literal["clockline.batch/2"]
    gateway: str
    site: str
    number: int
    salt: str
    observations: list[msgspec.Raw]
    watermarks: tuple[Watermark, ...] = ()


class _Named(Struct, frozen=True):
    event_id: str


_envelope = msgspec.json.Decoder(_Envelope)
_observation = msgspec.json.Decoder(Observation)
_named = msgspec.json.Decoder(_Named)


def open_batch(signed: SignedHead, key: bytes, content: bytes) -> OpenedBatch:
    """Raises ProtocolError when `content` is no batch, HeadMismatchError when not that of the head."""
    head = signed.head
    try:
        batch = decode_batch(content)
    except ProtocolError as exc:
        return _open_each(signed, key, content, refusal=exc)
    check_names(head, batch.gateway, batch.number, len(batch.observations))
    try:
        return open_records(signed, key, batch)
    except HeadMismatchError:
        refusal = ProtocolError("the records are not those of the signed root")
        return _open_each(signed, key, content, refusal=refusal)


def open_records(signed: SignedHead, key: bytes, batch: Batch) -> OpenedBatch:
    """Raises HeadMismatchError unless the records of `batch` are those of the head's root."""
    proof = _proof(signed, batch.salt_bytes(), spelled_records(batch.observations))
    return _opened(signed, key, batch, batch.observations, proof)


def _open_each(
    signed: SignedHead, key: bytes, content: bytes, *, refusal: ProtocolError
) -> OpenedBatch:
    """By the bytes of each record, because not all of them are spelled as this core would."""
    if len(content) > MAX_BATCH_BYTES:
        raise refusal
    try:
        envelope = _envelope.decode(content)
        if len(envelope.observations) > MAX_RECORDS_PER_BATCH:
            raise refusal
        salt = hex_bytes(envelope.salt, BATCH_SALT_BYTES, "the salt")
        spelled = [bytes(raw) for raw in envelope.observations]
        check_names(signed.head, envelope.gateway, envelope.number, len(spelled))
        proof = _proof(signed, salt, spelled)
        records = [_read(one) for one in spelled]
    except _UNDECODABLE as exc:
        raise ProtocolError(str(refusal)) from exc
    return _opened(signed, key, envelope, records, proof)


def check_names(head: BatchHead, gateway: str, number: int, records: int) -> None:
    """Raises HeadMismatchError unless the body says what the head says."""
    if (gateway, number, records) != (head.gateway, head.number, head.records):
        raise HeadMismatchError(
            f"the head is of batch {head.number} of {head.gateway!r} with {head.records} records, "
            f"the body of batch {number} of {gateway[:64]!r} with {records}",
            code="head_mismatch",
        )


def _read(spelled: bytes) -> Observation | Unreadable:
    try:
        observation = _observation.decode(spelled)
    except _UNDECODABLE as exc:
        why = str(exc)
    else:
        if record_bytes(observation) == spelled:
            return observation
        # Storing it would drop what is not known here, and its digest could not be made again.
        why = "it has fields, or a spelling, that are not known here"
    return Unreadable(
        _named.decode(spelled).event_id,
        f"this core does not understand it ({why}): update the core",
    )


class _Proof(Struct, frozen=True):
    salts: Sequence[bytes]
    spelled: Sequence[bytes]
    digests: Sequence[bytes]


def _proof(signed: SignedHead, salt: bytes, spelled: Sequence[bytes]) -> _Proof:
    """Raises HeadMismatchError unless they are what the head was signed for."""
    salts = record_salts(salt, len(spelled))
    digests = list(map(record_digest, salts, spelled))
    if merkle_root(digests) != signed.head.records_root:
        raise HeadMismatchError(
            "the records are not those that the head was signed for", code="root_mismatch"
        )
    return _Proof(salts, spelled, digests)


def _opened(
    signed: SignedHead,
    key: bytes,
    batch: Batch | _Envelope,
    records: Sequence[Observation | Unreadable],
    proof: _Proof,
) -> OpenedBatch:
    return OpenedBatch(
        signed=signed,
        key=key,
        site=batch.site,
        records=records,
        salts=proof.salts,
        spelled=proof.spelled,
        digests=proof.digests,
        watermarks=batch.watermarks,
    )

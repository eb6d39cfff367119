"""Gateways with keys, a core with one, and batches sealed as a gateway seals them."""

import zstandard
from msgspec.structs import replace

from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.opening import open_batch
from hr_core.store.chains import head_of
from hr_core.store.database import writing
from hr_core.store.gateway_keys import keys_of, register_key
from protocols.batch_chain import FIRST_PREVIOUS, BatchHead, body_digest, sign_head, signed_type
from protocols.record_digest import batch_digests, merkle_root
from protocols.signing import SigningKey
from protocols.uplink import encode_batch
from tests.hr_core.ingest.batch_samples import GATEWAY, NOW

CORE_KEY = SigningKey(b"core".ljust(32))


def key_of(gateway=GATEWAY):
    return SigningKey(gateway.encode().ljust(32)[:32])


def enrol(engine, gateway=GATEWAY, at=NOW):
    """Makes the gateway known, with the key of `key_of`."""
    with writing(engine) as conn:
        if not keys_of(conn, gateway):
            register_key(conn, gateway, key_of(gateway).public, at)


def seal(batch, *, previous=FIRST_PREVIOUS, key=None, content=None, level=3, **changes):
    """(signed head, body, headers) of `batch`; `changes` go into the head before it is signed."""
    body = zstandard.compress(encode_batch(batch) if content is None else content, level)
    digests = batch_digests(batch.salt_bytes(), batch.observations)
    head = BatchHead(
        gateway=batch.gateway,
        number=batch.number,
        previous=previous,
        content_type=signed_type("application/json", "zstd"),
        body_digest=body_digest(body),
        records=len(batch.observations),
        records_root=merkle_root(digests),
    )
    signed = sign_head(replace(head, **changes), key or key_of(batch.gateway))
    headers = {
        **signed.as_headers(),
        "Content-Type": "application/json",
        "Content-Encoding": "zstd",
    }
    return signed, body, headers


def opened(batch, *, previous=FIRST_PREVIOUS, content=None, **changes):
    """As the core has it after it was checked."""
    content = encode_batch(batch) if content is None else content
    signed, _, _ = seal(batch, previous=previous, content=content, **changes)
    return open_batch(signed, key_of(batch.gateway).public, content)


def ingest(engine, batch, *, at=NOW, **more):
    """`batch` as it is, behind the one that it follows by its number."""
    with engine.connect() as conn:
        head = head_of(conn, batch.gateway)
    previous = more.pop("previous", head.batch_hash)
    received = opened(batch, previous=previous, **more)
    return ingest_batch(engine, received, received_at=at, core_key=CORE_KEY)


def deliver(engine, batch, *, at=NOW):
    """The records of `batch` as the next batch of its gateway."""
    enrol(engine, batch.gateway)
    with engine.connect() as conn:
        head = head_of(conn, batch.gateway)
    return ingest(engine, replace(batch, number=head.number + 1), at=at)

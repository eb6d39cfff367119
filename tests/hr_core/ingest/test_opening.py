"""The body must be what the head was signed for; a record from the future holds up no other."""

import pytest
from msgspec.structs import replace

from hr_core.ingest.opening import HeadMismatchError, Unreadable, open_batch
from protocols.errors import ProtocolError
from protocols.record_digest import (
    batch_digests,
    merkle_root,
    record_bytes,
    record_digest,
    record_salt,
)
from protocols.records import Flag
from protocols.uplink import MAX_BATCH_BYTES, MAX_RECORDS_PER_BATCH, encode_batch
from tests.hr_core.ingest.batch_samples import batch_of, observe, punch, punch_batch
from tests.hr_core.signed_batches import key_of, opened, seal

STRANGE = observe(punch(2), flags=(Flag.FUTURE,))
BATCH = batch_of(observe(punch(1)), STRANGE, observe(punch(3)))
PUBLIC = key_of().public


def digests_as_sent(batch, old, new):
    """Of a gateway that spells its records with `new` for `old`."""
    salt = batch.salt_bytes()
    return [
        record_digest(record_salt(salt, n), record_bytes(one).replace(old, new))
        for n, one in enumerate(batch.observations)
    ]


def spelled_otherwise(batch, old, new):
    content = encode_batch(batch).replace(old, new)
    root = merkle_root(digests_as_sent(batch, old, new))
    return opened(batch, content=content, records_root=root)


def test_a_batch_of_today_is_taken_whole():
    batch = opened(BATCH)
    assert batch.records == BATCH.observations
    assert list(batch.digests) == batch_digests(BATCH.salt_bytes(), BATCH.observations)
    assert (batch.site, batch.key) == ("plant", PUBLIC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"flags":["future"]', b'"flags":["of_2031"]'),
        (b'"flags":["future"]', b'"flags":["future"],"mood":1'),
        (b'"flags":["future"]', b'"flags": ["future"]'),
    ],
    ids=["flag", "field", "spelling"],
)
def test_only_the_strange_record_is_kept_back_and_it_is_proven_too(old, new):
    batch = spelled_otherwise(BATCH, old, new)
    first, strange, third = batch.records
    assert (first, third) == (BATCH.observations[0], BATCH.observations[2])
    assert isinstance(strange, Unreadable)
    assert strange.event_id == STRANGE.event_id
    assert "update the core" in strange.detail
    assert list(batch.digests) == digests_as_sent(BATCH, old, new)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": 2}, "head_mismatch"),
        ({"gateway": "gate-2"}, "head_mismatch"),
        ({"records": 4}, "head_mismatch"),
        ({"records_root": bytes(32)}, "root_mismatch"),
    ],
)
def test_a_head_of_something_else_is_refused(change, code):
    with pytest.raises(HeadMismatchError) as caught:
        opened(BATCH, **change)
    assert caught.value.code == code


@pytest.mark.parametrize("changed", ["salt", "order", "record", "missing"])
def test_every_record_its_place_and_the_salt_hang_on_the_root(changed):
    first, second, third = BATCH.observations
    other = {
        "salt": replace(BATCH, salt="00" * 32),
        "order": replace(BATCH, observations=(second, first, third)),
        "record": replace(BATCH, observations=(first, observe(punch(2)), third)),
        "missing": replace(BATCH, observations=(first, second)),
    }[changed]
    signed, _, _ = seal(BATCH)
    with pytest.raises(HeadMismatchError):
        open_batch(signed, PUBLIC, encode_batch(other))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1]",
        b'{"schema":"\xff"}',
        b'{"x":' + b"[" * 100_000,
        b'{"schema":"clockline.batch/2","x":' + b"[" * 10_000_000,
        encode_batch(BATCH).replace(b"batch/2", b"batch/1"),
        encode_batch(BATCH).replace(b'"event_id"', b'"name"'),
        encode_batch(replace(BATCH, salt="xyz")),
        encode_batch(punch_batch(MAX_RECORDS_PER_BATCH + 1)),
        encode_batch(BATCH) + b" " * MAX_BATCH_BYTES,
    ],
    ids=[
        "empty", "list", "utf8", "nesting", "nested-10MB", "schema", "no-id", "salt", "too-many",
        "too-long",
    ],
)  # fmt: skip
def test_what_is_no_batch_stays_refused(content):
    with pytest.raises(ProtocolError):
        opened(BATCH, content=content)

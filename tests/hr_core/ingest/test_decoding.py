"""A record from the future waits for the core's update; its neighbours do not."""

import pytest

from hr_core.ingest.decoding import decode_record_by_record
from protocols.errors import ProtocolError
from protocols.records import Flag
from protocols.uplink import MAX_BATCH_BYTES, MAX_RECORDS_PER_BATCH, encode_batch
from tests.hr_core.ingest.batch_samples import batch_of, observe, punch, punch_batch

STRANGE = observe(punch(2), flags=(Flag.FUTURE,))
BATCH = batch_of(observe(punch(1)), STRANGE, observe(punch(3)))


def from_the_future(batch):
    return encode_batch(batch).replace(b'"flags":["future"]', b'"flags":["of_2031"]')


def test_a_batch_of_today_is_taken_whole():
    assert decode_record_by_record(encode_batch(BATCH)) == (BATCH, ())


def test_only_the_strange_record_is_kept_back():
    batch, kept = decode_record_by_record(from_the_future(BATCH))
    assert batch == batch_of(observe(punch(1)), observe(punch(3)))
    [verdict] = kept
    assert (verdict.event_id, verdict.verdict) == (STRANGE.event_id, "keep")
    assert verdict.code == "undecodable_record"
    assert "of_2031" in verdict.detail


def test_one_id_gets_one_verdict():
    batch, kept = decode_record_by_record(
        from_the_future(batch_of(observe(punch(2)), STRANGE, STRANGE))
    )
    assert batch.observations == ()
    assert len(kept) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1]",
        b'{"schema":"\xff"}',
        b'{"x":' + b"[" * 100_000,
        encode_batch(BATCH).replace(b"batch/1", b"batch/2"),
        encode_batch(BATCH).replace(b'"event_id"', b'"name"'),
        encode_batch(punch_batch(MAX_RECORDS_PER_BATCH + 1)),
        encode_batch(BATCH) + b" " * MAX_BATCH_BYTES,
    ],
    ids=["empty", "list", "utf8", "nesting", "schema", "no-id", "too-many", "too-long"],
)
def test_what_is_no_batch_stays_refused(content):
    with pytest.raises(ProtocolError):
        decode_record_by_record(content)

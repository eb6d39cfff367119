"""The batch contract: round trips, caps, and answers that judge exactly what was sent."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.errors import ProtocolError
from protocols.identity import event_id
from protocols.records import Punch
from protocols.uplink import (
    MAX_BATCH_BYTES,
    MAX_RECORDS_PER_BATCH,
    MAX_WATERMARKS,
    Answer,
    Batch,
    Observation,
    RecordVerdict,
    Verdict,
    Watermark,
    decode_answer,
    decode_batch,
    encode_answer,
    encode_batch,
)


def observation(user: str) -> Observation:
    punch = Punch(
        serial="S1",
        user_id=user,
        device_time=datetime(2026, 11, 21),
        state=0,
        verify=1,
        raw=b"\xff",
    )
    return Observation(
        event_id=event_id(punch).hex(),
        record=punch,
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
        zone="Asia/Shanghai",
        clock_offset_ms=-1500,
    )


def batch(*users: str) -> Batch:
    return Batch(
        gateway="gw",
        site="s",
        number=7,
        salt="ab" * 32,
        observations=tuple(map(observation, users)),
    )


def verdicts(sent: Batch) -> tuple[RecordVerdict, ...]:
    return tuple(
        RecordVerdict(event_id=each.event_id, verdict=Verdict.ACCEPTED)
        for each in sent.observations
    )


def test_a_batch_survives_the_wire():
    sent = batch("1", "2")
    assert decode_batch(encode_batch(sent)) == sent


@given(st.binary(max_size=200))
def test_random_bodies_raise_protocol_errors_only(body):
    with pytest.raises(ProtocolError):
        decode_batch(body)


def test_another_schema_is_refused():
    body = encode_batch(batch("1")).replace(b"clockline.batch/2", b"clockline.batch/1")
    with pytest.raises(ProtocolError, match="not a clockline"):
        decode_batch(body)


def test_too_many_records_are_refused():
    one = observation("1")
    body = encode_batch(replace(batch(), observations=(one,) * (MAX_RECORDS_PER_BATCH + 1)))
    with pytest.raises(ProtocolError, match="cap"):
        decode_batch(body)


def test_too_many_bytes_are_refused_before_they_are_parsed():
    with pytest.raises(ProtocolError, match="cap"):
        decode_batch(b" " * (MAX_BATCH_BYTES + 1))


def test_an_answer_survives_the_wire():
    sent = batch("1", "2")
    answer = Answer(number=7, verdicts=verdicts(sent))
    assert decode_answer(encode_answer(answer), sent) == answer


@pytest.mark.parametrize("fault", ["missing", "twice", "foreign", "number", "not_json"])
def test_an_answer_that_does_not_judge_this_batch_is_refused(fault):
    sent = batch("1", "2")
    first, second = verdicts(sent)
    foreign = RecordVerdict(event_id="00" * 16, verdict=Verdict.ACCEPTED)
    body = {
        "missing": encode_answer(Answer(number=7, verdicts=(first,))),
        "twice": encode_answer(Answer(number=7, verdicts=(first, first))),
        "foreign": encode_answer(Answer(number=7, verdicts=(first, foreign))),
        "number": encode_answer(Answer(number=8, verdicts=(first, second))),
        "not_json": b"<html>",
    }[fault]
    with pytest.raises(ProtocolError):
        decode_answer(body, sent)


def test_raw_bytes_are_json_text():
    row = msgspec.json.decode(encode_batch(batch("1")))
    assert row["observations"][0]["record"]["raw"] == "/w=="


@pytest.mark.parametrize("salt", ["", "ab" * 31, "zz" * 32, "ab" * 33])
def test_a_salt_that_is_none_is_refused(salt):
    with pytest.raises(ProtocolError, match="salt"):
        replace(batch("1"), salt=salt).salt_bytes()


def test_watermarks_travel_and_are_capped():
    mark = Watermark(serial="S1", complete_until=None, on_device=5, fetched=5, stored=4)
    sent = replace(batch("1"), watermarks=(mark,))
    assert decode_batch(encode_batch(sent)).watermarks == (mark,)
    with pytest.raises(ProtocolError, match="watermarks"):
        decode_batch(encode_batch(replace(sent, watermarks=(mark,) * (MAX_WATERMARKS + 1))))

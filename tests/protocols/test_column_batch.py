"""The column form: the same batch as in JSON, and nothing but a refusal for a bad body."""

import contextlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols import column_batch
from protocols.column_batch import (
    BODY_HEAD_BYTES,
    FEWEST_IN_COLUMNS,
    ColumnBatch,
    PunchSection,
    RowSection,
    decode_columns,
    encode_columns,
    sections_of,
)
from protocols.column_packing import deflated
from protocols.errors import LimitExceededError, ProtocolError
from protocols.identity import event_id
from protocols.punch_columns import columns_of
from protocols.punch_spelling import spelled_without_raw
from protocols.record_digest import batch_digests, record_bytes
from protocols.records import Channel, Count, DeviceEvent, Direction, Flag, Punch
from protocols.uplink import MAX_RECORDS_PER_BATCH, Observation, Watermark, encode_batch

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
SALT = bytes(range(32))
# Written by `encode_columns(a_batch(golden_log()))`; docs/uplink.md explains it.
GOLDEN = Path(__file__).with_name("column_batch.golden")

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
FLAGS = st.lists(st.sampled_from(Flag), max_size=2, unique=True).map(tuple)
TIMES = st.datetimes() | st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 3)).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)


def observe(record, **changes):
    fields = {"received_at": NOW, "zone": "Asia/Shanghai"}
    return Observation(event_id=event_id(record).hex(), record=record, **fields | changes)


def a_log(rows, *, serial="S1", received_at=NOW):
    return [
        observe(
            Punch(
                serial=serial,
                user_id=str(1001 + row * 7919 % 300),
                device_time=datetime(2026, 11, 1, 7) + timedelta(seconds=11 * row),
                state=row % 2,
                verify=15,
                direction=[Direction.IN, Direction.OUT][row % 2],
                method="face",
                raw=row.to_bytes(4, "little") * 10,
            ),
            received_at=received_at,
        )
        for row in range(rows)
    ]


def a_batch(observations, **changes):
    fields = {"gateway": "gate-1", "site": "plant", "number": 7, "salt": SALT}
    return ColumnBatch(sections=sections_of(observations), **fields | changes)


@st.composite
def deliveries(draw):
    """What one delivery of one device brings: punches that look alike, or anything."""
    serial, channel = draw(TEXT), draw(st.sampled_from(Channel))
    arrival = {
        "received_at": draw(
            st.datetimes(datetime(1990, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
        ),
        "zone": draw(st.sampled_from(["Asia/Shanghai", "UTC", "No/Where", ""])),
        "clock_offset_ms": draw(st.none() | st.integers(-(2**64), 2**64) | st.just(-1500)),
        "flags": draw(FLAGS),
    }
    work_code = draw(st.sampled_from([st.none(), st.just(0), st.integers(0, 2**33)]))
    rows = draw(st.sampled_from([1, 3, FEWEST_IN_COLUMNS, FEWEST_IN_COLUMNS + 3]))
    observations = []
    for _ in range(rows):
        punch = Punch(
            serial=serial,
            user_id=draw(st.sampled_from(["1001", "0007", "王"]) | TEXT),
            device_time=draw(TIMES),
            state=draw(st.sampled_from([0, 1, 255])),
            verify=draw(st.sampled_from([1, 15])),
            direction=draw(st.sampled_from([Direction.UNKNOWN, Direction.UNKNOWN, Direction.IN])),
            method=draw(st.sampled_from(["unknown", "unknown", 'f"ace'])),
            work_code=draw(work_code),
            card=draw(st.sampled_from([None, None, "0012345678", "ü"])),
            channel=channel,
            ordinal=draw(st.sampled_from([0, 0, 0, 1])),
            flags=draw(FLAGS),
            raw=draw(st.binary(max_size=3) | st.just(bytes(40))),
        )
        observations.append(observe(punch, **arrival))
    return observations


OTHERS = st.sampled_from(
    [
        observe(
            Count(
                source="L1",
                tag="good",
                metric="pieces",
                value=1,
                boot_id="b",
                seq=2,
                source_time=NOW,
            )
        ),
        observe(DeviceEvent(serial="S1", code="power_on", device_time=datetime(2026, 1, 1))),
        msgspec.structs.replace(a_log(1)[0], event_id="not the id of this record"),
    ]
).map(lambda one: [one])


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
    max_examples=60,
)
@given(st.lists(deliveries() | OTHERS, max_size=5))
def test_both_forms_are_the_same_batch(parts):
    observations = tuple(one for part in parts for one in part)
    decoded = decode_columns(encode_columns(a_batch(observations)))
    assert decoded.batch() == a_batch(observations).batch()
    assert decoded.batch().observations == observations
    assert decoded.spelled() == [record_bytes(one) for one in observations]


def test_most_of_a_log_goes_in_columns():
    """Or the test above would compare rows with rows."""
    observations = a_log(20) + a_log(2, serial="S2") + a_log(9, serial="S3")
    sections = sections_of(observations)
    assert [type(one) for one in sections] == [PunchSection, RowSection, PunchSection]
    assert a_batch(observations).in_columns() == 29
    assert len(a_batch(observations)) == 31


@pytest.mark.parametrize("milliseconds", [0, 1, 999, 123])
@pytest.mark.parametrize("year", [1, 999, 1969, 2026, 9999])
def test_a_time_is_spelled_as_msgspec_spells_it(year, milliseconds):
    punch = a_log(1)[0].record
    time = datetime(year, 12, 31, 23, 59, 59, milliseconds * 1000)
    punches = [msgspec.structs.replace(punch, device_time=time, raw=b"")]
    assert spelled_without_raw(columns_of(punches)) == [msgspec.json.encode(punches[0])]


def test_a_text_that_equals_a_default_is_spelled_as_the_default():
    """Msgspec leaves out what is the default, and spells out what only equals it."""
    record = a_log(1)[0].record
    made = msgspec.structs.replace(record, method="unknown")
    read = msgspec.structs.replace(record, method=b"unknown".decode())
    assert record_bytes(observe(read)) == record_bytes(observe(made))
    assert b"unknown" not in record_bytes(observe(read))
    columns = columns_of([read])
    assert b"unknown" not in spelled_without_raw(columns)[0]


def test_the_digests_are_those_of_the_json_form():
    observations = a_log(30) + a_log(3, serial="S2")
    decoded = decode_columns(encode_columns(a_batch(observations)))
    assert batch_digests(SALT, decoded.batch().observations) == batch_digests(SALT, observations)


def test_no_event_id_of_a_column_is_sent_and_the_columns_are_small():
    """Against JSON without event ids, too: those alone would make JSON three times as long."""
    dice = random.Random(1)
    clock = datetime(2026, 11, 1, 7)
    observations = [
        observe(
            msgspec.structs.replace(
                one.record,
                user_id=str(dice.randrange(1000, 4000)),
                device_time=(clock := clock + timedelta(seconds=dice.randint(1, 40))),
            )
        )
        for one in a_log(5_000)
    ]
    body = encode_columns(a_batch(observations))
    assert all(bytes.fromhex(one.event_id)[6:] not in body for one in observations)
    held = msgspec.msgpack.decode(body[BODY_HEAD_BYTES:])
    columns = held[-1][0][5]
    bare = [
        msgspec.structs.replace(
            one, event_id="", record=msgspec.structs.replace(one.record, raw=b"")
        )
        for one in observations
    ]
    batch = msgspec.structs.replace(a_batch([]).batch(), observations=tuple(bare))
    json = zstandard.compress(encode_batch(batch), 3)
    assert len(columns) * 3 <= len(json)


def test_watermarks_travel():
    marks = (Watermark(serial="S1", complete_until=NOW, on_device=5, fetched=5, stored=4),)
    assert decode_columns(encode_columns(a_batch(a_log(9), watermarks=marks))).watermarks == marks


@settings(deadline=None)
@given(st.data())
def test_a_changed_body_is_refused_or_another_batch(data):
    body = bytearray(encode_columns(a_batch(a_log(12) + a_log(2, serial="S2"))))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        decode_columns(bytes(body)).spelled()


@given(st.integers(0, 400))
def test_a_cut_body_is_refused(length):
    body = encode_columns(a_batch(a_log(12)))
    with pytest.raises(ProtocolError):
        decode_columns(body[: min(length, len(body) - 1)])


def a_body(*sections, **changes):
    """As `encode_columns` lays it out, with sections that it would not write."""
    fields = ["clockline.columns/1", "gate-1", "plant", 7, SALT, [], list(sections)]
    for place, value in changes.items():
        fields[int(place[1:])] = value
    return b"CLCB\x01" + msgspec.msgpack.encode(fields)


def a_page(rows=9, **changes):
    page = msgspec.msgpack.decode(encode_columns(a_batch(a_log(rows)))[BODY_HEAD_BYTES:])[-1][0]
    for place, value in changes.items():
        page[int(place[1:])] = value
    return page


BOMB = deflated(bytes(64 * 1024 * 1024))
LATE = (
    columns_of(
        [msgspec.structs.replace(one.record, device_time=datetime(9000, 1, 1)) for one in a_log(9)]
    )
    .without_raw()
    .pack()
)
WITH_RAW = columns_of([one.record for one in a_log(9)]).pack()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (a_body(_0="clockline.columns/2"), "schema|enum|Invalid"),
        (a_body(_4=b"short"), "length"),
        (a_body(a_page(_1=10**19)), "out of range|Integer|int|calendar"),
        (a_body(a_page(_1=2**62)), "calendar"),
        (a_body(a_page(_3=2**63)), "clock_offset_ms"),
        (a_body(a_page(_4=["no_flag"])), "flag|enum|Invalid"),
        (a_body(a_page(_4=["repeat"] * 9)), "length"),
        (a_body(a_page(_7=60)), "Invalid"),
        (a_body(a_page(_5=LATE, _7=1000)), "calendar"),
        (a_body(a_page(_5=WITH_RAW)), "raw bytes among"),
        (a_body(a_page(_6=deflated(msgspec.msgpack.encode([None, bytes(41)])))), "rows"),
        (a_body(a_page(_6=deflated(msgspec.msgpack.encode([bytes(4 * 9), b"x"])))), "raw bytes"),
        (a_body(a_page(_6=deflated(msgspec.msgpack.encode([bytes(3), b"x"])))), "whole numbers"),
        (a_body(["rows", deflated(b"[]")]), "without records"),
        (a_body(["rows", deflated(b"[" * 100_000)]), "not a"),
        (a_body(["rows", b"no frame"]), "known version"),
        (a_body(["other", b""]), "Invalid"),
        (b"{}", "known version"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(body, why):
    with pytest.raises(ProtocolError, match=why):
        decode_columns(body)


@pytest.mark.parametrize(
    "body",
    [
        a_body(["rows", BOMB]),
        a_body(a_page(_5=BOMB)),
        a_body(a_page(_6=BOMB)),
        a_body(*[a_page(_6=deflated(bytes(3 * 1024 * 1024)))] * 6),
        a_body(*[a_page(rows=2_600)] * 2),
        bytes(16 * 1024 * 1024 + 1),
    ],
)
def test_more_than_the_caps_is_refused(body):
    with pytest.raises(LimitExceededError):
        decode_columns(body)


def test_too_many_sections_are_refused():
    with pytest.raises(ProtocolError, match="length"):
        decode_columns(a_body(*[["rows", b""]] * (MAX_RECORDS_PER_BATCH + 1)))


def golden_log():
    return [*a_log(10), *a_log(2, serial="S2"), *a_log(8, serial="S3")]


def test_what_was_once_written_is_read_for_ever():
    body = bytes.fromhex(GOLDEN.read_text())
    assert decode_columns(body).batch() == a_batch(golden_log()).batch()
    assert column_batch.COLUMNS_SCHEMA.encode() in body

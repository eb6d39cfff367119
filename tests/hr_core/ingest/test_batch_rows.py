"""The short way of a plain punch gives what `judge` and a record on its own give."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.ingest import rows as batch_rows
from hr_core.ingest.judge import Refusal, judge
from hr_core.ingest.rows import BatchRows
from hr_core.store.database import to_microseconds
from hr_core.store.event_rows import split_record
from protocols.batch_chain import FIRST_PREVIOUS, BatchHead
from protocols.identity import event_id
from protocols.record_digest import spelled_records
from protocols.records import Channel, Direction, Flag
from protocols.uplink import Observation
from tests.hr_core.ingest.batch_samples import GATEWAY, NOW, count, device_event, observe, punch

HEAD = BatchHead(
    gateway=GATEWAY,
    number=4,
    previous=FIRST_PREVIOUS,
    content_type="",
    body_digest=bytes(32),
    records=0,
    records_root=bytes(32),
)


def rows_of(observations):
    salts = [bytes([place]) * 16 for place in range(len(observations))]
    spelled = spelled_records(observations)
    rows = BatchRows(HEAD, salts=salts, spelled=spelled, stored_at=NOW)
    return [rows.row(place, one) for place, one in enumerate(observations)]


texts = st.sampled_from(["1", "", "007", "张", 'a,"raw":"', "\\", "x" * 70]) | st.text(max_size=5)
punches = st.builds(
    punch,
    st.integers(0, 3),
    serial=texts,
    user_id=texts,
    device_time=st.datetimes()
    | st.sampled_from(
        [
            datetime(1, 1, 1),
            datetime(2026, 3, 29, 2, 30),
            datetime(2026, 10, 25, 2, 30),
            datetime(9999, 12, 31, 23, 59, 59, 999999),
            datetime(2026, 11, 21, 8, tzinfo=UTC),
        ]
    ),
    state=st.sampled_from([0, 1, 255, -1, 2**31 - 1, 2**31, -(2**31) - 1]),
    verify=st.sampled_from([15, 2**31]),
    ordinal=st.sampled_from([0, 0, 1, 2**31]),
    card=st.none() | texts,
    method=st.sampled_from(["unknown", "raw", ',"raw":"']),
    direction=st.sampled_from(Direction),
    channel=st.sampled_from(Channel),
    flags=st.sampled_from([(), (Flag.REPEAT, Flag.FUTURE)]),
    raw=st.sampled_from([b"", b"\0", b"row" * 9]),
)
arrivals = st.fixed_dictionaries(
    {
        "zone": st.sampled_from(
            ["Asia/Shanghai", "Europe/Berlin", "Pacific/Kiritimati", "No/Where"]
        ),
        "received_at": st.sampled_from(
            [
                NOW,
                NOW,
                NOW + timedelta(microseconds=1),
                NOW.astimezone(timezone(timedelta(hours=8))),
                NOW.replace(tzinfo=None),
                datetime(1970, 1, 2, tzinfo=UTC),
            ]
        ),
        "clock_offset_ms": st.sampled_from([None, 0, -1500, 2**63]),
        "flags": st.sampled_from([(), (Flag.GATEWAY_CLOCK_SUSPECT,)]),
    }
)
records = punches | st.sampled_from([count(), count(value=2**63), device_event()])
sent = st.builds(
    lambda record, arrival, forged: observe(
        record, **arrival, **({"event_id": "00" * 16} if forged else {})
    ),
    records,
    arrivals,
    st.sampled_from([False, False, False, True]),
)


def expected(place: int, one: Observation):
    finding = judge(one)
    if isinstance(finding, Refusal):
        return finding
    record = one.record
    kind = record.__struct_config__.tag
    body, raw = split_record(record)
    return (
        event_id(record),
        kind,
        record.source if kind == "count" else record.serial,
        record.user_id if kind == "punch" else None,
        to_microseconds(finding.at),
        one.zone,
        to_microseconds(one.received_at),
        one.clock_offset_ms,
        '["gateway_clock_suspect"]' if one.flags else "[]",
        GATEWAY,
        4,
        place,
        bytes([place]) * 16,
        to_microseconds(NOW),
        body,
        raw,
    )


@given(st.lists(sent, max_size=8))
def test_every_row_is_what_the_record_alone_gives(observations):
    assert rows_of(observations) == [expected(place, one) for place, one in enumerate(observations)]


def test_plain_punches_take_the_short_way(monkeypatch):
    """Or the test above would compare one way with itself."""
    monkeypatch.setattr(batch_rows, "judge", None)
    assert [row.position for row in rows_of([observe(punch(n)) for n in range(9)])] == [*range(9)]
    with pytest.raises(TypeError):
        rows_of([observe(count())])

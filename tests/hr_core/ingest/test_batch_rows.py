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


def batch_of(observations):
    salts = [bytes([place]) * 16 for place in range(len(observations))]
    spelled = spelled_records(observations)
    return BatchRows(HEAD, salts=salts, spelled=spelled, stored_at=NOW)


def found_in(observations):
    """By position: a row, or a refusal."""
    found = batch_of(observations).rows(0, observations)
    rows = {row.position: row for row in found.rows}
    assert [*rows] == sorted(rows)
    assert not rows.keys() & found.refused.keys()
    return [found.refused.get(place) or rows[place] for place in range(len(observations))]


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


plain = st.builds(
    observe,
    st.builds(
        punch,
        st.integers(0, 3),
        serial=texts.filter(lambda text: "\0" not in text),
        user_id=texts.filter(lambda text: "\0" not in text),
        device_time=st.datetimes(datetime(1999, 1, 1), datetime(2101, 1, 1))
        | st.sampled_from([datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30)]),
        ordinal=st.integers(0, 1),
        method=st.sampled_from(["unknown", "raw", ',"raw":"']),
        raw=st.binary(min_size=1, max_size=9),
    ),
    zone=st.sampled_from(["Europe/Berlin", "Europe/Berlin", "Asia/Shanghai"]),
    received_at=st.sampled_from([NOW, NOW + timedelta(microseconds=1)]),
)


@given(st.lists(sent, max_size=8) | st.lists(plain, max_size=8), st.integers(1, 8))
def test_every_row_is_what_the_record_alone_gives(observations, together):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_rows, "_ROWS_AT_A_TIME", together)
        found = found_in(observations)
    assert found == [expected(place, one) for place, one in enumerate(observations)]
    rows = batch_of(observations)
    assert found == [rows.row(place, one) for place, one in enumerate(observations)]


def test_plain_punches_take_the_short_way(monkeypatch):
    """Or the test above would compare one way with itself."""
    monkeypatch.setattr(batch_rows, "judge", None)
    found = found_in([observe(punch(n)) for n in range(9)])
    assert [row.position for row in found] == [*range(9)]
    with pytest.raises(TypeError):
        found_in([observe(count())])


def test_a_strange_record_sends_no_neighbour_the_long_way(monkeypatch):
    monkeypatch.setattr(batch_rows, "_ROWS_AT_A_TIME", 3)
    judged = []
    monkeypatch.setattr(batch_rows, "judge", lambda one: judged.append(one) or judge(one))
    observations = [observe(punch(n)) for n in range(9)]
    observations[4] = observe(punch(4), zone="No/Where")
    found = found_in(observations)
    assert judged == [observations[4]]
    assert [place for place, one in enumerate(found) if isinstance(one, Refusal)] == [4]

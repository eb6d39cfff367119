"""Identity: pinned for ever (a changed id would store every punch twice), time first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.identity import EVENT_ID_BYTES, event_id, event_time
from protocols.records import Channel, Count, DeviceEvent, Direction, Flag, Punch

PUNCH = Punch(
    serial="OIN7040057",
    user_id="1007",
    device_time=datetime(2026, 11, 21, 8, 30),
    state=0,
    verify=15,
)
COUNT = Count(
    source="box",
    tag="t1",
    metric="pieces",
    value=7,
    boot_id="b",
    seq=3,
    source_time=datetime(2026, 11, 21, 0, 30, tzinfo=UTC),
)


def test_the_same_punch_by_every_channel_is_one_event():
    for other in (
        replace(PUNCH, channel=Channel.PUSH, verify=1, work_code=9, raw=b"x"),
        replace(PUNCH, direction=Direction.OUT, method="face", card="12", flags=(Flag.FUTURE,)),
    ):
        assert event_id(other) == event_id(PUNCH)


@pytest.mark.parametrize(
    "change",
    [
        {"serial": "OIN7040058"},
        {"user_id": "01007"},
        {"state": 1},
        {"ordinal": 1},
        {"device_time": datetime(2026, 11, 21, 8, 30, 1)},
    ],
)
def test_another_key_is_another_event(change):
    assert event_id(replace(PUNCH, **change)) != event_id(PUNCH)


def test_times_beyond_six_bytes_sort_last_and_stay_apart():
    far = [replace(PUNCH, device_time=datetime(year, 1, 1)) for year in (8919, 8921, 9999)]
    first, second, third = map(event_id, far)
    assert first < second
    assert second[:6] == third[:6] == b"\xff" * 6
    assert second != third


def test_fields_do_not_run_into_each_other():
    left = replace(PUNCH, serial="A", user_id="BC")
    right = replace(PUNCH, serial="AB", user_id="C")
    assert event_id(left) != event_id(right)


def test_the_three_kinds_never_collide():
    event = DeviceEvent(serial="S1", code="power_on", device_time=PUNCH.device_time)
    assert len({event_id(record) for record in (PUNCH, COUNT, event)}) == 3


def test_the_identity_is_pinned():
    assert event_id(PUNCH).hex() == "3a250f66db400decf3d221a6a580f9ab"
    assert event_id(COUNT).hex() == "3a250daf6740a4aa098a595745465db3"


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2133, 1, 1)),
    st.datetimes(datetime(2000, 1, 1), datetime(2133, 1, 1)),
)
def test_identities_sort_by_time_and_tell_it(first, second):
    ids = [event_id(replace(PUNCH, device_time=time)) for time in (first, second)]
    assert all(len(identity) == EVENT_ID_BYTES for identity in ids)
    assert abs(event_time(ids[0]) - first) < timedelta(milliseconds=1)
    if first + timedelta(milliseconds=1) <= second:
        assert ids[0] < ids[1]


def test_the_time_of_a_count_is_utc():
    assert event_time(event_id(COUNT)) == datetime(2026, 11, 21, 0, 30)

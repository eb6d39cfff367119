"""The records: frozen, told apart by kind, and the same after a trip over the wire."""

from datetime import UTC, datetime

import msgspec
import pytest

from protocols.records import Count, DeviceEvent, Direction, Flag, Punch, Record

PUNCH = Punch(
    serial="S1",
    user_id="0007",
    device_time=datetime(2026, 11, 21, 8, 30),
    state=0,
    verify=15,
    direction=Direction.IN,
    flags=(Flag.REPEAT,),
    raw=b"\x00\xff",
)
COUNT = Count(
    source="box",
    tag="t1",
    metric="rejects",
    value=7,
    boot_id="b",
    seq=3,
    source_time=datetime(2026, 11, 21, tzinfo=UTC),
)
EVENT = DeviceEvent(
    serial="S1", code="clock_set", device_time=datetime(2026, 11, 21), detail={"by": 3}
)


@pytest.mark.parametrize("record", [PUNCH, COUNT, EVENT])
def test_a_record_survives_json_and_is_told_by_its_kind(record):
    wire = msgspec.json.encode(record)
    assert msgspec.json.decode(wire, type=Record) == record
    assert msgspec.json.decode(wire)["kind"] in {"punch", "count", "device_event"}


def test_device_times_travel_without_a_zone_and_ids_keep_their_zeros():
    row = msgspec.json.decode(msgspec.json.encode(PUNCH))
    assert row["device_time"] == "2026-11-21T08:30:00"
    assert row["user_id"] == "0007"


@pytest.mark.parametrize("record", [PUNCH, COUNT, EVENT])
def test_records_are_frozen(record):
    with pytest.raises(AttributeError):
        record.raw = b""

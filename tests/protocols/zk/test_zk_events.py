"""Live punches by payload length, and the operation log and templates beside them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ProtocolError
from protocols.records import Channel, DeviceEvent, Flag, Punch, Quarantined
from protocols.zk.events import (
    LiveRow,
    decode_attlog_event,
    encode_attlog_event,
    parse_attlog_event,
)
from protocols.zk.oplog import decode_operations
from protocols.zk.templates import (
    digest,
    holds_template,
    is_template,
    is_template_table,
    read_template_head,
    read_templates,
)

EVENING = datetime(2018, 6, 25, 17, 41, 5)
F19 = bytes.fromhex("3939393131313333330000000000000000000000000000000100120619112905")
BY_UID_14 = bytes.fromhex("0200008714041d12371200000000")
BY_NUMBER = bytes.fromhex("2a9349000000120c07130906")
LENGTHS = [10, 12, 14, 32, 36, 37, 52]


def test_a_real_event_of_32_bytes():
    (punch,) = decode_attlog_event(F19, serial="S1")
    assert isinstance(punch, Punch)
    assert (punch.user_id, punch.device_time) == ("999111333", EVENING)
    assert (punch.verify, punch.state, punch.channel) == (1, 0, Channel.LIVE)


def test_a_real_event_of_12_bytes():
    (row,) = parse_attlog_event(BY_NUMBER)
    assert (row.user_id, row.time) == ("4821802", datetime(2018, 12, 7, 19, 9, 6))


def test_a_real_event_of_14_bytes_names_the_uid():
    (punch,) = decode_attlog_event(BY_UID_14, serial="S1", users={2: "0042"})
    assert isinstance(punch, Punch)
    assert (punch.user_id, punch.device_time) == ("0042", datetime(2020, 4, 29, 18, 55, 18))
    assert (punch.state, punch.work_code, punch.flags) == (7, 0, (Flag.STATE_UNKNOWN,))
    (unknown,) = decode_attlog_event(BY_UID_14, serial="S1", users={})
    assert isinstance(unknown, Quarantined)
    assert unknown.reason == "uid 2 is not in the user table"


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_length_alone_and_in_a_row(length, count):
    by_uid = length in {10, 14}
    row = LiveRow(
        uid=7 if by_uid else None,
        user_id=None if by_uid else "1007",
        verify=1,
        state=1,
        time=EVENING,
        work_code=None,
        raw=b"",
    )
    rows = parse_attlog_event(encode_attlog_event(row, length) * count)
    assert len(rows) == count
    assert {(row.uid, row.user_id, row.state, row.time) for row in rows} == {
        (row.uid, row.user_id, 1, EVENING)
    }


def test_a_long_record_with_something_new_after_it():
    first = encode_attlog_event(parse_attlog_event(F19)[0], 52)
    assert [row.user_id for row in parse_attlog_event(first + F19)] == ["999111333"] * 2


@pytest.mark.parametrize("data", [b"", b"\0" * 11, F19[:31], bytes(32), b"\xff" * 52])
def test_an_unknown_payload_is_kept_whole(data):
    with pytest.raises(ProtocolError):
        parse_attlog_event(data)
    (row,) = decode_attlog_event(data, serial="S1")
    assert isinstance(row, Quarantined)
    assert row.raw == data


@given(st.binary(max_size=160))
def test_random_payloads_lose_nothing(data):
    rows = list(decode_attlog_event(data, serial="S1"))
    assert b"".join(row.raw for row in rows) == data


def test_no_terminal_sends_eleven_bytes():
    with pytest.raises(ValueError, match="11 bytes"):
        encode_attlog_event(parse_attlog_event(F19)[0], 11)


def test_operations_explain_gaps():
    # tcp_f19_frames.json, then a clock set, a date that no calendar has, and a cut entry.
    enrolled = bytes.fromhex("0000062ac29b68230300000007000205")
    clock_set = enrolled[:2] + b"\x15" + enrolled[3:]
    no_date = enrolled[:4] + (60 * 86_400).to_bytes(4, "little") + enrolled[8:]
    rows = list(decode_operations(enrolled + clock_set + no_date + b"\0\0", serial="S1"))
    assert isinstance(rows[0], DeviceEvent)
    assert rows[0].code == "fingerprint_enrolled"
    assert rows[0].detail == {"operation": 6, "admin": 0, "p1": 3, "p2": 0, "p3": 7, "p4": 0x0502}
    assert rows[1].code == "clock_set"
    assert [row.offset for row in rows[2:]] == [32, 48]


def test_templates_are_measured_never_kept():
    body = b"\x4d\x98SS21" + bytes(range(60))
    entry = (len(body) + 6).to_bytes(2, "little") + b"\x0e\0\x04\x01" + body
    assert is_template(body)
    assert holds_template(b"xx" + body)
    assert is_template_table(entry * 3)
    assert not is_template_table(entry + b"\0")
    first, *_ = read_templates(entry * 3)
    assert (first.size, first.uid, first.finger, first.digest) == (72, 14, 4, digest(body))


def test_a_template_header_tells_its_owner():
    head = read_template_head(bytes.fromhex("c4040e0004014dfd53533231"))
    assert head is not None
    assert (head.size, head.uid, head.finger) == (0x04C4, 14, 4)
    assert read_template_head(b"\xc4") is None

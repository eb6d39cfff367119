"""USB exports: the row rule of design.md 8, line by line."""

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.records import Channel, Direction, Flag, Punch, Quarantined
from protocols.zk.usb_export import decode_usb_export, encode_usb_export

ROW = b"     1007\t2026-11-21 08:30:00\t1\t255\t15\t0"
NOON = datetime(2026, 11, 21, 12)


def decode(data, **options):
    return list(decode_usb_export(data, serial="S1", **options))


def test_a_row():
    assert decode(ROW + b"\r\n") == [
        Punch(
            serial="S1",
            user_id="1007",
            device_time=datetime(2026, 11, 21, 8, 30),
            state=255,
            verify=15,
            direction=Direction.UNKNOWN,
            method="face",
            work_code=0,
            channel=Channel.FILE,
            raw=ROW + b"\r",
        )
    ]


@pytest.mark.parametrize(
    "row",
    [
        b"0007\t2026-11-21 08:30:00\t1\t0\t1\t0",
        b"A1b2\t2026-11-21 08:30:00\t1\t0\t1\t0",
        b"123456789012345678901234\t2026-11-21 08:30:00\t1\t0\t1\t0",
        b"\0\0  \x001007 \0\t2026-11-21 08:30:00\t1\t0\t1\t0",
        b"1\t2024-02-29 23:59:59\t255\t255\t255\t4294967295",
    ],
)
def test_rows_that_decode(row):
    (punch,) = decode(row)
    assert isinstance(punch, Punch)
    assert punch.raw == row


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1\t2026-11-21 08:30:00\t1\t0\t1", "5 tab fields"),
        (ROW + b"\t0", "7 tab fields"),
        (b"\t2026-11-21 08:30:00\t1\t0\t1\t0", "user id ''"),
        (b"12 34\t2026-11-21 08:30:00\t1\t0\t1\t0", "user id '12 34'"),
        (b"1234567890123456789012345\t2026-11-21 08:30:00\t1\t0\t1\t0", "1 to 24"),
        (b"\xe5\xbc\xa0\t2026-11-21 08:30:00\t1\t0\t1\t0", "letters or digits"),
        (b"1\t2026-02-29 08:30:00\t1\t0\t1\t0", "no calendar"),
        (b"1\t2026-11-21 24:00:00\t1\t0\t1\t0", "no calendar"),
        (b"1\t1971--10--29 -23:-59:-53\t1\t0\t1\t0", "YYYY-MM-DD"),
        (b"1\t1990-00--8 -16:-29:-40\t1\t0\t1\t0", "YYYY-MM-DD"),
        (b"1\t2026-11-21T08:30:00\t1\t0\t1\t0", "YYYY-MM-DD"),
        (b"1\t2026-11-21 08:30:00\t1\t-1\t1\t0", "state '-1'"),
        (b"1\t2026-11-21 08:30:00\t1\t0\t\t0", "verify ''"),
        (b"1\t2026-11-21 08:30:00\tx\t0\t1\t0", "device number 'x'"),
        (b"1\t2026-11-21 08:30:00\t1\t0\t1\t" + b"9" * 40, "work code"),
        (b"\0" * 5000, "1 tab fields"),
        (b"\0" * 900 + b":40\t1\t0\t1\t0", "5 tab fields"),
    ],
)
def test_rows_that_do_not_decode(row, reason):
    first, bad, last = decode(ROW + b"\n" + row + b"\r\n" + ROW)
    assert isinstance(first, Punch)
    assert isinstance(last, Punch)
    assert isinstance(bad, Quarantined)
    assert bad.offset == len(ROW) + 1
    assert bad.raw == row + b"\r"
    assert reason in bad.reason
    assert len(bad.reason) < 150


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"  \t \n", b"\n\n\r\n"])
def test_blank_lines_do_not_count(blank):
    assert len(decode(blank + ROW + b"\n" + blank + ROW + blank)) == 2


def test_strange_rows_are_flagged_and_kept():
    rows = [
        b"1\t2000-01-01 00:03:00\t1\t0\t1\t0",
        b"1\t2026-12-01 00:03:00\t1\t0\t1\t0",
        b"1\t2026-11-21 08:30:00\t1\t17\t1\t0",
        b"1\t2026-11-21 08:30:00\t1\t90\t90\t1515870810",
    ]
    assert [punch.flags for punch in decode(b"\n".join(rows), now=NOON)] == [
        (Flag.CLOCK_SUSPECT,),
        (Flag.FUTURE,),
        (Flag.STATE_UNKNOWN,),
        (Flag.STATE_UNKNOWN, Flag.FILL_PATTERN),
    ]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_any_chunks_give_the_same_rows_and_every_line_one(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in pairwise(edges)]
    rows = decode(data)
    assert decode(iter(chunks)) == rows
    lines = [line for line in data.split(b"\n") if line.strip()]
    assert [row.raw for row in rows] == lines


def test_offsets_point_at_the_line():
    data = b"junk\n\n" + ROW + b"\r\nmore junk\n"
    rows = decode(data)
    for row in rows:
        if isinstance(row, Quarantined):
            assert data[row.offset :].startswith(row.raw)
    assert [row.offset for row in rows if isinstance(row, Quarantined)] == [0, len(ROW) + 8]


@given(
    st.lists(
        st.builds(
            Punch,
            serial=st.just("S1"),
            user_id=st.from_regex(r"[0-9A-Za-z]{1,24}", fullmatch=True),
            device_time=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(
                lambda time: time.replace(microsecond=0)
            ),
            state=st.integers(0, 255),
            verify=st.integers(0, 255),
            work_code=st.integers(0, 0xFFFF_FFFF),
        ),
        max_size=6,
    ),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_round_trip(punches, line_end):
    def facts(punch):
        return (
            punch.user_id,
            punch.device_time,
            punch.state,
            punch.verify,
            punch.work_code,
        )

    decoded = decode(encode_usb_export(punches, line_end=line_end))
    assert list(map(facts, decoded)) == list(map(facts, punches))

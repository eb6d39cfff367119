"""Attendance layouts: the vectors of protocol.md 8, round trips, and damage that costs one row."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.records import Channel, Direction, Flag, Punch, Quarantined
from protocols.zk.attendance import (
    AttendanceDecoder,
    AttendanceRow,
    Layout,
    choose_layout,
    decode_attendance,
    encode_attendance,
)

ATT40 = bytes.fromhex(
    "07003130303700000000000000000000000000000000000000000f88b282330000000000ff000000"
)
ATT49 = ATT40 + bytes.fromhex("ff3235350000000000")
ATT16 = bytes.fromhex("ef03000088b282330001000000000000")
ATT8A = bytes.fromhex("07002800a8eba71e7b0028004beca71e7b0028004eeca71e")
MORNING = datetime(2026, 11, 21, 8, 30)


def decode(table, layout, **options):
    return list(decode_attendance(table, layout, serial="S1", **options))


@pytest.mark.parametrize(
    ("table", "layout", "user_id", "verify", "method"),
    [
        (ATT40, Layout.ATT40, "1007", 15, "face"),
        (ATT49, Layout.ATT49, "1007", 15, "face"),
        (ATT16, Layout.ATT16, "1007", 1, "fingerprint"),
    ],
)
def test_vectors(table, layout, user_id, verify, method):
    assert decode(table, layout) == [
        Punch(
            serial="S1",
            user_id=user_id,
            device_time=MORNING,
            state=0,
            verify=verify,
            direction=Direction.IN,
            method=method,
            work_code=0,
            raw=table,
        )
    ]


def test_a_real_eight_byte_log_is_resolved_by_the_user_table():
    rows = decode(ATT8A, Layout.ATT8A, users={7: "E-007"})
    assert rows[0].user_id == "E-007"
    assert rows[0].device_time == datetime(2016, 1, 1, 19, 2)
    assert (rows[0].state, rows[0].verify) == (0, 1)
    assert [type(row) for row in rows[1:]] == [Quarantined, Quarantined]
    assert rows[1].offset == 8
    assert rows[1].reason == "uid 123 is not in the user table"
    assert rows[1].raw == ATT8A[8:16]


def test_the_eight_byte_log_of_the_manual():
    table = encode_attendance(
        [AttendanceRow(uid=7, user_id="7", time=MORNING, state=1, verify=1)], Layout.ATT8B
    )
    assert table.hex() == "07000188b2823301"
    (row,) = decode(table, Layout.ATT8B, users={7: "7"})
    assert (row.state, row.verify, row.device_time) == (1, 1, MORNING)


def test_the_order_of_state_and_verify_in_sixteen_bytes_is_that_of_real_devices():
    # udp_att16_packet123.json: byte 8 is 0 in the morning and 1 in the afternoon.
    (row,) = decode(bytes.fromhex("1600000085824f230100000000000000"), Layout.ATT16)
    assert (row.user_id, row.state, row.device_time.hour) == ("22", 1, 15)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ((27, "ffff7f2c"), "no calendar has the date in packed time"),
        ((2, "00" * 24), "is not printable text"),
        ((2, "07c3bf00"), "is not printable text"),
    ],
)
def test_one_bad_record_costs_one_row(field, reason):
    offset, replacement = field
    changed = bytes.fromhex(replacement)
    if offset == 27:
        changed = (60 * 86_400).to_bytes(4, "little")  # 30 February 2000
    bad = ATT40[:offset] + changed + ATT40[offset + len(changed) :]
    first, second, third = decode(ATT40 + bad + ATT40, Layout.ATT40)
    assert isinstance(first, Punch)
    assert isinstance(third, Punch)
    assert isinstance(second, Quarantined)
    assert (second.offset, second.raw) == (40, bad)
    assert reason in second.reason


@pytest.mark.parametrize("fill", [0x00, 0x5A, 0xFF])
@pytest.mark.parametrize("layout", list(Layout))
def test_filled_flash_is_no_punch(fill, layout):
    (row,) = decode(bytes([fill]) * layout.width, layout, users=dict.fromkeys(range(0x10000), "1"))
    assert isinstance(row, Quarantined)
    assert row.reason == f"record filled with {fill:#04x}"


def test_a_cut_last_record_is_kept():
    *whole, cut = decode(ATT40 + ATT40[:30], Layout.ATT40)
    assert len(whole) == 1
    assert (cut.offset, cut.raw, cut.reason) == (40, ATT40[:30], "record cut after 30 of 40 bytes")


def test_strange_punches_are_flagged_and_kept():
    rows = [
        AttendanceRow(uid=1, user_id="1", time=datetime(2000, 1, 1, 0, 3)),
        AttendanceRow(uid=1, user_id="1", time=MORNING + timedelta(days=2)),
        AttendanceRow(uid=1, user_id="1", time=MORNING, state=17),
        AttendanceRow(uid=1, user_id="1", time=MORNING, state=255),
        AttendanceRow(uid=1, user_id="1", time=MORNING, work_code=0x5A5A5A5A),
    ]
    punches = decode(encode_attendance(rows, Layout.ATT40), Layout.ATT40, now=MORNING)
    assert [punch.flags for punch in punches] == [
        (Flag.CLOCK_SUSPECT,),
        (Flag.FUTURE,),
        (Flag.STATE_UNKNOWN,),
        (),
        (Flag.FILL_PATTERN,),
    ]


def test_a_profile_may_swap_in_and_out():
    swapped = {0: Direction.OUT, 1: Direction.IN}
    (row,) = decode(ATT40, Layout.ATT40, state_map=swapped, channel=Channel.PUSH)
    assert (row.state, row.direction, row.channel) == (0, Direction.OUT, Channel.PUSH)


def test_an_unknown_verify_mode_keeps_its_number():
    table = ATT40[:26] + bytes([101]) + ATT40[27:]
    (row,) = decode(table, Layout.ATT40)
    assert (row.verify, row.method) == (101, "unknown")


def rows_for(layout: Layout):
    numeric = layout is Layout.ATT16
    return st.builds(
        AttendanceRow,
        uid=st.integers(1, 0xFFFF),
        user_id=st.integers(1, 10**9).map(str)
        if numeric
        else st.text("0123456789ABCxyz-", min_size=1, max_size=24),
        time=st.datetimes(datetime(2010, 1, 1), datetime(2099, 1, 1)).map(
            lambda time: time.replace(microsecond=0)
        ),
        state=st.integers(0, 5),
        verify=st.integers(0, 3),
        work_code=st.integers(0, 9999),
    )


@pytest.mark.parametrize("layout", list(Layout))
@given(data=st.data())
def test_every_layout_round_trips(layout, data):
    rows = data.draw(st.lists(rows_for(layout), max_size=8))
    table = encode_attendance(rows, layout)
    assert len(table) == layout.width * len(rows)
    users = {row.uid: row.user_id for row in rows}
    decoded = decode(table, layout, users=users)
    assert [(punch.user_id, punch.device_time, punch.state, punch.verify) for punch in decoded] == [
        (users[row.uid] if layout.holds_uid else row.user_id, row.time, row.state, row.verify)
        for row in rows
    ]
    assert b"".join(punch.raw for punch in decoded) == table


@given(st.binary(max_size=400), st.sampled_from(list(Layout)))
def test_random_bytes_give_rows_and_lose_none(table, layout):
    assert b"".join(row.raw for row in decode(table, layout, users={1: "1"})) == table


@pytest.mark.parametrize(
    ("layout", "row"),
    [
        (Layout.ATT40, AttendanceRow(uid=1, user_id="9" * 25, time=MORNING)),
        (Layout.ATT16, AttendanceRow(uid=1, user_id="99999999999", time=MORNING)),
        (Layout.ATT16, AttendanceRow(uid=1, user_id="A1", time=MORNING)),
        (Layout.ATT8A, AttendanceRow(uid=1, user_id="1", time=MORNING, verify=15)),
        (Layout.ATT8B, AttendanceRow(uid=70_000, user_id="1", time=MORNING)),
    ],
)
def test_what_a_layout_cannot_hold_is_refused(layout, row):
    with pytest.raises(ValueError, match=r"cannot hold|longer|invalid literal"):
        encode_attendance([row], layout)


def log(layout: Layout, rows: int, *, start: datetime = MORNING) -> bytes:
    return encode_attendance(
        (
            AttendanceRow(
                uid=index % 50 + 1,
                user_id=str(index % 50 + 1),
                time=start + timedelta(minutes=7 * index),
                state=index % 2,
            )
            for index in range(rows)
        ),
        layout,
    )


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("rows", [1, 2, 5, 10, 40, 49, 80, 392, 1960])
def test_the_layout_is_found_without_any_hint(layout, rows):
    choice = choose_layout(log(layout, rows), now_year=2026)
    assert (choice.layout, choice.trusted) == (layout, True)


def test_real_bytes_choose_their_layout():
    assert choose_layout(ATT8A, now_year=2026).layout is Layout.ATT8A
    assert choose_layout(ATT40, now_year=2026).layout is Layout.ATT40
    assert choose_layout(ATT49, now_year=2026).layout is Layout.ATT49
    assert choose_layout(ATT16, now_year=2026).layout is Layout.ATT16


def test_k40_garbage_is_not_trusted():
    # tcp_k40_direct_attlog_garbage.json: memory of the device behind a right size word.
    garbage = bytes.fromhex(
        "40d835802f330100d5dc0100df230100c9010200cb140100d1260200e50901004b4d0200c3fe0000"
        "b173020085f100006d99020047e4000029bf020061d90000a3e5020019d10000c70c030001cc0000"
        "5f2c0300d802000018000000160000000a0000009a19000001340300f20200004800000000280300"
    )
    assert not choose_layout(garbage, now_year=2026).trusted
    assert not choose_layout(garbage, hint=Layout.ATT40, count=3, now_year=2026).trusted


def test_a_table_that_is_no_multiple_of_its_width_is_not_trusted():
    choice = choose_layout(log(Layout.ATT40, 20) + b"\0", now_year=2026)
    assert (choice.layout, choice.trusted) == (Layout.ATT40, False)


def test_worn_rows_do_not_cost_the_trust_in_the_others():
    table = log(Layout.ATT40, 3) + b"\x5a" * 40 * 9
    choice = choose_layout(table, now_year=2026)
    assert (choice.layout, choice.trusted) == (Layout.ATT40, True)


def test_an_empty_table_trusts_the_profile():
    choice = choose_layout(b"", hint=Layout.ATT16, now_year=2026)
    assert (choice.layout, choice.trusted) == (Layout.ATT16, True)


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("piece_rows", [1, 3, 100])
def test_a_table_in_pieces_decodes_as_the_whole(layout, piece_rows):
    """Good rows, strange rows, no rows at all and a cut one: offsets are those of the table."""
    width = layout.width
    good = encode_attendance(
        [AttendanceRow(uid=n, user_id=str(n), time=datetime(2026, 11, 2, 8, n)) for n in (1, 2)],
        layout,
    )
    table = good + b"\xff" * width + good[:width] + bytes(width) + good[: width - 1]
    facts = {"serial": "S1", "users": {1: "1", 2: "2"}, "now": datetime(2026, 11, 3)}
    decoder = AttendanceDecoder(layout, **facts)
    step = piece_rows * width
    pieced = [
        row
        for offset in range(0, len(table), step)
        for row in decoder.decode(table[offset : offset + step], offset=offset)
    ]
    assert pieced == list(decode_attendance(table, layout, **facts))
    bad = [row.offset for row in pieced if isinstance(row, Quarantined)]
    assert bad == [2 * width, 4 * width, 5 * width]


@pytest.mark.parametrize("layout", [Layout.ATT40, Layout.ATT16, Layout.ATT8A, Layout.ATT8B])
@pytest.mark.parametrize("year", [2000, 2063])
def test_a_terminal_that_shows_a_wrong_year_may_have_all_its_rows_in_it(layout, year):
    """Its own clock vouches for them: such a log is pulled whole, and flagged row by row."""
    times = [datetime(year, 1, 1, 8) + timedelta(minutes=7 * n) for n in range(40)]
    rows = [
        AttendanceRow(uid=n % 9 + 1, user_id=str(n % 9 + 1), time=t) for n, t in enumerate(times)
    ]
    table = encode_attendance(rows, layout)
    choice = choose_layout(table, now_year=2026, shown_year=year)
    assert (choice.layout, choice.trusted) == (layout, True)
    if year == 2063:
        assert not choose_layout(table, now_year=2026, shown_year=2026).trusted

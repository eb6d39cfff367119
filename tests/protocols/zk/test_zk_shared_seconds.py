"""The pre-pass forgets no second that two rows share, so that ordinals stay exact."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protocols.ordinals import LogOrder
from protocols.records import Flag
from protocols.zk.attendance import AttendanceRow, decode_attendance, encode_attendance
from protocols.zk.layouts import Layout
from protocols.zk.meanings import METHODS, STATES
from protocols.zk.shared_seconds import SecondsSeen, shared_seconds

START = datetime(2026, 1, 1)
ROWS = st.lists(
    st.builds(
        AttendanceRow,
        uid=st.just(1),
        user_id=st.sampled_from(["1", "2"]),
        time=st.integers(0, 12).map(lambda second: START + timedelta(seconds=second)),
        state=st.integers(0, 1),
        verify=st.just(1),
        work_code=st.just(0),
    ),
    max_size=40,
)


def placed(table, order):
    punches = decode_attendance(
        table, Layout.ATT40, serial="S", state_map=STATES, verify_map=METHODS
    )
    return [(punch.ordinal, Flag.REPEAT in punch.flags) for punch in map(order.place, punches)]


@given(ROWS)
def test_ordinals_and_repeats_are_the_same_with_and_without_it(rows):
    table = encode_attendance(rows, Layout.ATT40)
    shared = shared_seconds(table, Layout.ATT40)
    assert placed(table, LogOrder(shared)) == placed(table, LogOrder())


@given(ROWS)
def test_no_shared_second_is_missed(rows):
    counted = Counter(row.time for row in rows)
    shared = shared_seconds(encode_attendance(rows, Layout.ATT40), Layout.ATT40)
    assert {time for time, rows_there in counted.items() if rows_there > 1} <= shared


def test_a_long_log_of_lonely_seconds_is_hardly_remembered():
    rows = [
        AttendanceRow(
            uid=1, user_id="1", time=START + timedelta(seconds=30 * n), state=0, verify=1,
            work_code=0,
        )
        for n in range(20_000)
    ]  # fmt: skip
    assert len(shared_seconds(encode_attendance(rows, Layout.ATT40), Layout.ATT40)) < 200


def test_an_impossible_date_is_left_to_the_decoder():
    table = bytearray(
        encode_attendance([AttendanceRow(uid=1, user_id="1", time=START)] * 2, Layout.ATT40)
    )
    for row in (0, 40):
        table[row + 27 : row + 31] = (31 * 86_400 * 1 + 30 * 86_400).to_bytes(4, "little")
    assert shared_seconds(bytes(table), Layout.ATT40) == frozenset()


def test_a_table_in_pieces_shares_the_same_seconds() -> None:
    """Also the second whose two rows are in different pieces."""
    start = datetime(2026, 11, 1, 8)
    rows = [
        AttendanceRow(uid=1, user_id="1", time=start + timedelta(seconds=number // 2))
        for number in range(1, 100)
    ]
    table = encode_attendance(rows, Layout.ATT40)
    seen = SecondsSeen(Layout.ATT40)
    for offset in range(0, len(table), 40):
        seen.add(table[offset : offset + 40])
    assert seen.shared() == shared_seconds(table, Layout.ATT40)
    assert len(seen.shared()) >= 49

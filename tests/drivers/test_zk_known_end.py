"""What recognises the end of a log: no row that matters passes it by."""

from datetime import datetime, timedelta
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from drivers.zk_pull.known_end import KnownEnd, chained, known_end
from drivers.zk_pull.packed_log import PackedLog
from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance

START = datetime(2026, 11, 1, 8)
seconds = st.lists(st.integers(0, 400), max_size=60)


def table(offsets: list[int]) -> bytes:
    return encode_attendance(
        [
            AttendanceRow(
                uid=1, user_id=str(offset % 7 + 1), time=START + timedelta(seconds=offset)
            )
            for offset in offsets
        ],
        Layout.ATT16,
    )


def end_of(offsets: list[int], clock: int | None = None) -> KnownEnd:
    log = PackedLog()
    if offsets:
        log.write(table(offsets))
    shown = None if clock is None else START + timedelta(seconds=clock)
    return known_end(log, Layout.ATT16, clock=shown)


@given(known=seconds, new=seconds, clock=st.none() | st.integers(-100, 500))
def test_a_row_that_is_let_pass_shares_its_second_with_no_known_row(known, new, clock):
    if end_of(known, clock).leaves_alone(table(new), Layout.ATT16):
        assert not set(known) & set(new)


@given(known=st.lists(st.integers(0, 400), min_size=1), steps=st.lists(st.integers(1, 99)))
def test_rows_of_a_clock_that_goes_on_always_pass(known, steps):
    times = [max(known) + sum(steps[: number + 1]) for number in range(len(steps))]
    assert end_of(known).leaves_alone(table(times), Layout.ATT16)
    assert end_of(known, max(known)).leaves_alone(table(times), Layout.ATT16)


@given(known=seconds, pieces=st.lists(st.lists(st.integers(401, 800), min_size=1), max_size=5))
def test_rows_in_pieces_lead_to_the_same_place_as_at_once(known, pieces):
    step_by_step = end_of(known)
    for piece in pieces:
        step_by_step = step_by_step.followed_by(table(piece), Layout.ATT16)
    new = [*chain.from_iterable(pieces)]
    at_once = end_of(known + new)
    assert (step_by_step.marks, step_by_step.head) == (at_once.marks, at_once.head)
    assert step_by_step.since == chained("", table(new), 16)
    assert step_by_step.whole == len(known)


def test_a_row_from_the_future_bounds_what_may_pass():
    end = end_of([0, 10, 300, 20], clock=30)
    assert end.leaves_alone(table([21, 299]), Layout.ATT16)
    assert not end.leaves_alone(table([21, 300]), Layout.ATT16)
    assert not end.leaves_alone(table([20]), Layout.ATT16)
    assert end.last_is_newest
    assert not end_of([0, 10, 300, 20], clock=400).last_is_newest

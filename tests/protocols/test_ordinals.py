"""Ordinals and repeats: twins stay two, re-written blocks are not paid twice."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protocols.identity import event_id
from protocols.ordinals import LogOrder
from protocols.records import Flag, Punch

START = datetime(2026, 11, 21, 8, 30)


def row(second: int, user: str = "1", *, verify: int = 1) -> Punch:
    time = START + timedelta(seconds=second)
    raw = f"{user} {time} {verify}".encode()
    return Punch(
        serial="S1", user_id=user, device_time=time, state=0, verify=verify, flags=(), raw=raw
    )


def place(punches):
    order = LogOrder()
    return [order.place(punch) for punch in punches]


def facts(punches):
    return [(punch.ordinal, Flag.REPEAT in punch.flags) for punch in place(punches)]


def test_twins_in_one_second_are_two_punches():
    assert facts([row(0), row(0)]) == [(0, False), (1, False)]


def test_twins_with_another_row_of_the_same_second_between_them():
    assert facts([row(0), row(0, "2"), row(0)]) == [(0, False), (0, False), (1, False)]


def test_a_block_written_again_is_flagged():
    block = [row(0), row(1), row(2)]
    assert facts(block + block) == [(0, False)] * 3 + [(1, True)] * 3


def test_twins_in_a_block_written_again_are_both_repeats():
    block = [row(0), row(0), row(1)]
    assert facts(block + block)[3:] == [(2, True), (3, True), (1, True)]


def test_a_third_equal_row_in_a_later_run_is_no_repeat():
    assert facts([row(0), row(5), row(0), row(0)])[2:] == [(1, True), (2, False)]


def test_a_key_again_with_other_bytes_is_no_repeat():
    assert facts([row(0), row(5), row(0, verify=15)])[2] == (1, False)


def test_flags_that_were_there_stay():
    flagged = Punch(
        serial="S1",
        user_id="1",
        device_time=START,
        state=0,
        verify=1,
        flags=(Flag.CLOCK_SUSPECT,),
        raw=b"x",
    )
    placed = place([flagged, row(3), flagged])
    assert placed[2].flags == (Flag.CLOCK_SUSPECT, Flag.REPEAT)


def test_an_ordinal_from_elsewhere_is_counted_anew():
    stale = Punch(serial="S1", user_id="1", device_time=START, state=0, verify=1, ordinal=4)
    assert place([stale])[0].ordinal == 0


logs = st.lists(st.builds(row, st.integers(0, 4), st.sampled_from(["1", "2"])), max_size=30)


@given(logs)
def test_every_row_of_a_log_has_its_own_identity(log):
    placed = place(log)
    assert len({event_id(punch) for punch in placed}) == len(log)
    assert [(punch.user_id, punch.device_time, punch.raw) for punch in placed] == [
        (punch.user_id, punch.device_time, punch.raw) for punch in log
    ]


@given(logs)
def test_what_is_not_a_repeat_is_the_largest_run_of_each_row(log):
    paid = Counter(punch.raw for punch in place(log) if Flag.REPEAT not in punch.flags)
    largest: Counter[bytes] = Counter()
    run: Counter[bytes] = Counter()
    time = None
    for punch in log:
        if punch.device_time != time:
            run, time = Counter(), punch.device_time
        run[punch.raw] += 1
        largest[punch.raw] = max(largest[punch.raw], run[punch.raw])
    assert paid == largest


@given(logs, logs)
def test_a_log_that_grew_keeps_the_identities_of_its_beginning(log, growth):
    assert place(log) == place(log + growth)[: len(log)]

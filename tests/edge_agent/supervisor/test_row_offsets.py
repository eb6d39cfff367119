"""Which offset a row gets: the decision table row by row, then against a played history."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.supervisor.row_offsets import (
    FIRST_REACH,
    TOLERANCE,
    Readings,
    RowOffset,
    RowOffsets,
    is_step,
)

NOW = datetime(2026, 11, 22, 9)
BEFORE = NOW - timedelta(minutes=1)
HOUR_MS = 3_600_000
WRONG_YEAR_MS = round((datetime(2000, 1, 1) - NOW) / timedelta(milliseconds=1))


def shown(wall, offset_ms):
    return wall + timedelta(milliseconds=offset_ms)


def offsets(earlier_ms, present_ms, *, read_from=BEFORE, sets=()):
    return RowOffsets(
        Readings(
            now=NOW, present_ms=present_ms, read_from=read_from, earlier_ms=earlier_ms, sets=sets
        )
    )


def test_readings_that_agree_give_the_present_offset():
    rule = offsets(1_000, 3_000)
    assert rule.of(NOW - timedelta(seconds=30)) == RowOffset(3_000)
    assert rule.of(NOW - timedelta(hours=1)) == RowOffset(None), "an old row that comes late"
    assert rule.of(datetime(2000, 1, 1)) == RowOffset(None)


def test_a_step_between_two_reads_parts_the_rows():
    for earlier_ms, present_ms in ((WRONG_YEAR_MS, 500), (500, WRONG_YEAR_MS), (HOUR_MS, 0)):
        rule = offsets(earlier_ms, present_ms)
        for seconds in (5, 30, 55):
            wall = NOW - timedelta(seconds=seconds)
            assert rule.of(shown(wall, earlier_ms)) == RowOffset(earlier_ms)
            assert rule.of(shown(wall, present_ms)) == RowOffset(present_ms)
        assert rule.of(datetime(2015, 6, 1)) == RowOffset(None, suspect=True)


def test_a_row_that_fits_both_clocks_gets_none_and_no_blame():
    rule = offsets(0, 10 * 60_000, read_from=NOW - timedelta(days=1))
    assert rule.of(NOW - timedelta(hours=3)) == RowOffset(None)
    assert rule.of(NOW - timedelta(days=1)) == RowOffset(0), "before the new clock's window"
    assert rule.of(NOW + timedelta(minutes=9)) == RowOffset(10 * 60_000)


def test_the_operation_log_says_when_the_clock_was_set():
    """Ten minutes forward, three hours ago: nothing overlaps, whichever clock the entry tells."""
    step = NOW - timedelta(hours=3)
    for told in (step, step + timedelta(minutes=10)):
        rule = offsets(0, 600_000, read_from=NOW - timedelta(days=1), sets=[told])
        assert rule.of(step - timedelta(minutes=5)) == RowOffset(0)
        assert rule.of(step + timedelta(minutes=15)) == RowOffset(600_000)


def test_back_by_an_hour_the_repeated_hours_stay_unknown():
    step = NOW - timedelta(hours=5)  # true time; the clock was an hour fast until then
    rule = offsets(HOUR_MS, 0, read_from=NOW - timedelta(days=1), sets=[step])
    assert rule.of(step + timedelta(minutes=30)) == RowOffset(None)
    assert rule.of(step - timedelta(hours=2)) == RowOffset(HOUR_MS)
    assert rule.of(NOW - timedelta(hours=1)) == RowOffset(0)


def test_the_first_read_ever():
    rule = offsets(None, 2_000, read_from=None)
    assert rule.of(NOW - timedelta(days=30)) == RowOffset(2_000)
    assert rule.of(NOW - FIRST_REACH - timedelta(days=1)) == RowOffset(None)
    assert rule.of(NOW + timedelta(days=1)) == RowOffset(None)
    after_set = offsets(None, 2_000, read_from=None, sets=[NOW - timedelta(days=2)])
    assert after_set.of(NOW - timedelta(days=3)) == RowOffset(None)
    assert after_set.of(NOW - timedelta(days=1)) == RowOffset(2_000)


def test_a_first_read_in_a_wrong_year_knows_the_rows_of_that_year():
    rule = offsets(None, WRONG_YEAR_MS, read_from=None)
    assert rule.of(shown(NOW - timedelta(hours=7), WRONG_YEAR_MS)) == RowOffset(WRONG_YEAR_MS)
    assert rule.of(NOW - timedelta(days=40)) == RowOffset(None), "from before the battery died"


def test_without_a_reading_nothing_is_known():
    assert offsets(0, None).of(NOW) == RowOffset(None)


def test_times_at_both_ends_of_the_calendar():
    for wild in (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)):
        offset_ms = (wild - NOW) // timedelta(milliseconds=1)
        rule = offsets(0, offset_ms)
        assert rule.of(wild) == RowOffset(offset_ms)
        assert offsets(None, offset_ms, read_from=None).of(wild) == RowOffset(offset_ms)


def test_one_stretch_of_rows_needs_no_look_at_each():
    rule = offsets(WRONG_YEAR_MS, 0)
    assert rule.of_all([BEFORE, NOW]) == RowOffset(0)
    assert rule.of_all([shown(BEFORE, WRONG_YEAR_MS), NOW]) is None
    assert rule.of_all([NOW - timedelta(days=9), NOW]) is None


seconds = st.integers(0, 30 * 86_400)
offset = st.integers(-50 * 365 * 86_400, 30 * 365 * 86_400)


@given(
    elapsed=seconds, punch=seconds, step=seconds, earlier_s=offset, present_s=offset,
    told=st.sampled_from(["unknown", "before", "after"]),
)  # fmt: skip
def test_no_punch_ever_gets_the_offset_of_the_other_side(
    elapsed, punch, step, earlier_s, present_s, told
):
    """One clock step in a window of up to a month: what is stated is true, and a lone row of a plain
    history is never blamed.
    """
    punch, step = min(punch, elapsed), min(step, elapsed)
    read_from = NOW - timedelta(seconds=elapsed)
    true_s = earlier_s if punch < step else present_s
    stepped_at = read_from + timedelta(seconds=step)
    sets = {
        "unknown": [],
        "before": [stepped_at + timedelta(seconds=earlier_s)],
        "after": [stepped_at + timedelta(seconds=present_s)],
    }[told]
    rule = offsets(earlier_s * 1_000, present_s * 1_000, read_from=read_from, sets=sets)
    found = rule.of(read_from + timedelta(seconds=punch + true_s))
    assert not found.suspect
    if found.offset_ms is not None and is_step(earlier_s * 1_000, present_s * 1_000):
        assert found.offset_ms == true_s * 1_000
    elif found.offset_ms is not None:
        assert abs(found.offset_ms - true_s * 1_000) <= TOLERANCE / timedelta(milliseconds=1)


@given(
    times=st.lists(st.integers(-100_000, 100_000), min_size=1),
    earlier_s=st.integers(-90_000, 90_000), present_s=st.integers(-90_000, 90_000),
    elapsed=st.integers(0, 90_000), sets=st.lists(st.integers(-100_000, 100_000), max_size=3),
    first=st.booleans(),
)  # fmt: skip
def test_what_holds_for_both_ends_of_a_stretch_holds_within(
    times, earlier_s, present_s, elapsed, sets, first
):
    rule = offsets(
        None if first else earlier_s * 1_000,
        present_s * 1_000,
        read_from=None if first else NOW - timedelta(seconds=elapsed),
        sets=[NOW + timedelta(seconds=one) for one in sets],
    )
    rows = [NOW + timedelta(seconds=time) for time in times]
    whole = rule.of_all([min(rows), max(rows)])
    if whole is not None:
        assert {rule.of(row) for row in rows} == {whole}

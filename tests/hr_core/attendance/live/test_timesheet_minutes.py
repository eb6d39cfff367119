"""Minutes of time-sheet days: presence where it was, sums as the engine's rows say."""

import itertools
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.live.timesheet_minutes import timesheet_intervals, wall_of
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import Direction, Pair, Punch, Row, Shift
from hr_core.attendance.timesheet.rules import RowKind

LOCAL = LocalTime("Asia/Shanghai")
DAY = date(2026, 10, 14)
MORNING = LOCAL.at(DAY, 8 * 3600)


def punch(at, direction):
    return Punch(at=at, direction=direction)


def pair(came, left):
    return Pair(came=punch(came, Direction.IN), left=punch(left, Direction.OUT))


def row(kind, seconds, start=MORNING):
    end = None if start is None else start + abs(seconds)
    return Row(day=DAY, kind=kind, seconds=seconds, start=start, end=end)


def told(rows, *pairs):
    return [
        (one.start and (one.start % 86_400) // 60, one.minutes, one.counts, one.why)
        for one in timesheet_intervals(rows, [Shift(DAY, pairs)], LOCAL)
    ]


def test_presence_stands_where_it_was_punched_and_a_meal_beside_it():
    eleven, noon, six = (MORNING + hours * 3600 for hours in (3, 4, 10))
    rows = [
        row(RowKind.LUNCH_ADJUST, -1800),
        row(RowKind.REGULAR, 8 * 3600),
        row(RowKind.OVERTIME, 1800),
    ]
    assert told(rows, pair(MORNING, eleven), pair(noon, six)) == [
        (480, 180, "regular", "work"),
        (660, 60, "nothing", "away"),
        (720, 330, "regular", "work"),
        (1050, 30, "overtime", "after_shift"),
        (None, -30, "regular", "lunch_adjust"),
    ]


def test_a_meal_that_a_rule_adds_was_no_presence():
    rows = [row(RowKind.LUNCH_ADJUST, 1800), row(RowKind.REGULAR, 8 * 3600)]
    assert told(rows, pair(MORNING, MORNING + 27_000)) == [
        (480, 450, "regular", "work"),
        (None, 30, "regular", "lunch_adjust"),
    ]


def test_rounding_that_no_row_names_is_by_rule():
    assert told([row(RowKind.REGULAR, 3600)], pair(MORNING, MORNING + 3420)) == [
        (480, 57, "regular", "work"),
        (None, 3, "regular", "by_rule"),
    ]


def test_hours_by_hand_and_leave_lie_at_no_time_of_day():
    rows = [row(RowKind.REGULAR, 3600, None), row(RowKind.ABSENCE, 7200, None)]
    assert told(rows) == [(None, 60, "regular", "work"), (None, 120, "nothing", "absence")]


def test_presence_of_which_nothing_counts_is_shown():
    assert told([], pair(MORNING, MORNING + 600)) == [(480, 10, "nothing", "by_rule")]


lengths = st.integers(1, 20_000)


@given(
    st.lists(st.tuples(lengths, lengths), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from([RowKind.REGULAR, RowKind.OVERTIME]), lengths), max_size=4),
    st.lists(st.integers(-4000, 4000), max_size=2),
)
def test_sums_are_the_rows_and_places_are_the_punches(spans, counted, adjusting):
    pairs, at = [], MORNING
    for away, present in spans:
        pairs.append(pair(at + away, at + away + present))
        at += away + present
    rows = [row(RowKind.LUNCH_ADJUST, seconds) for seconds in adjusting]
    rows += [row(kind, seconds) for kind, seconds in counted]
    found = timesheet_intervals(rows, [Shift(DAY, tuple(pairs))], LOCAL)
    for kind, counts in ((RowKind.REGULAR, "regular"), (RowKind.OVERTIME, "overtime")):
        seconds = sum(one.seconds for one in rows if one.kind is kind)
        assert sum(one.minutes for one in found if one.counts == counts) == seconds // 60
    placed = [one for one in found if one.start is not None]
    assert all(one.end == other.start for one, other in itertools.pairwise(placed))
    assert placed[0].start == wall_of(pairs[0].came.at, LOCAL)
    assert placed[-1].end == wall_of(pairs[-1].left.at, LOCAL)
    gaps = {(one.start, one.end) for one in placed if one.why == "away"}
    assert gaps == {
        (wall_of(one.left.at, LOCAL), wall_of(other.came.at, LOCAL))
        for one, other in itertools.pairwise(pairs)
    }

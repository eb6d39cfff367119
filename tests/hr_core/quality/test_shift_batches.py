"""Deltas to batches of people and lines by shift: windows over midnight, doubts, sums."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.people.model import Shift, Station
from hr_core.quality.counters import CounterKey, Reading
from hr_core.quality.month import counted_series
from hr_core.quality.shift_batches import ShiftCalendar, ShiftDay, shift_batches


def shift(code, start, end):
    return Shift(
        code=code, name=code, start_min=start * 60, end_min=end * 60, break_min=0,
        break_start_min=start * 60, early_in_min=120, late_out_min=120,
    )  # fmt: skip


DAY, NIGHT = shift("D", 8, 17), shift("N", 18, 30)
CALENDAR = ShiftCalendar({"D": DAY, "N": NIGHT}, "Asia/Shanghai")
MONDAY = date(2026, 11, 16)


def at(hour, minute=0, day=16):
    """UTC seconds of a wall clock in Shanghai."""
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()) - 8 * 3600


@pytest.mark.parametrize(
    ("moment", "own", "name"),
    [
        (at(8), None, "2026-11-16/D"),
        (at(16, 59), None, "2026-11-16/D"),
        (at(17, 30), None, "2026-11-16/-"),  # between the shifts
        (at(18), None, "2026-11-16/N"),
        (at(3, day=17), None, "2026-11-16/N"),  # after midnight, the shift of the day before
        (at(7, day=17), None, "2026-11-17/-"),
        (at(7, day=17), "N", "2026-11-16/N"),  # somebody of the night stays on
        (at(17, 30), "D", "2026-11-16/D"),
        (at(6), "D", "2026-11-16/D"),  # comes early, as early as counts
        (at(19), "D", "2026-11-16/N"),  # his window is over
        (at(3, day=17), "D", "2026-11-16/N"),  # works another shift than his own
    ],
)
def test_the_shift_of_a_moment(moment, own, name):
    assert CALENDAR.of(moment, own).name == name


def test_of_two_shifts_that_overlap_the_later_one():
    both = ShiftCalendar({"A": shift("A", 6, 14), "B": shift("B", 13, 21)}, "Asia/Shanghai")
    assert [both.of(at(hour)).code for hour in (12, 13, 14)] == ["A", "B", "B"]


def test_a_shift_ends_with_its_window():
    assert CALENDAR.end_of(ShiftDay(MONDAY, "D")) == at(19)
    assert CALENDAR.end_of(ShiftDay(MONDAY, "N")) == at(8, day=17)
    assert CALENDAR.end_of(ShiftDay(MONDAY, "-")) == at(0, day=17)


def test_its_name_reads_back():
    assert ShiftDay.parse("2026-11-16/N") == ShiftDay(MONDAY, "N")


STATIONS = [Station(source="box", tag=tag, line="L1", max_rate_per_s=5) for tag in ("good", "bad")]
PIECES, REJECTS = CounterKey("box", "good", "pieces"), CounterKey("box", "bad", "rejects")


def series(*rows, boot="b"):
    """[(moment, pieces, rejects, badge), …], cumulative."""
    found = {PIECES: [], REJECTS: []}
    for number, (moment, pieces, rejects, badge) in enumerate(rows):
        for key, value in ((PIECES, pieces), (REJECTS, rejects)):
            found[key].append(Reading(f"{key.tag}{number}", moment, boot, number, value, badge))
    return counted_series(found, STATIONS)[0]


def batches(*rows):
    made = shift_batches(series(*rows), CALENDAR, {"E1": "D"}, {"X": "E1"})
    return {(key.subject.code, key.shift.name): tuple(found) for key, found in made.items()}


def test_both_counters_of_a_minute_are_one_batch_of_the_person_and_of_the_line():
    found = batches((at(9), 0, 0, "X"), (at(9, 1), 5, 1, "X"), (at(9, 2), 7, 1, None))
    person, line = found["E1", "2026-11-16/D"], found["L1", "2026-11-16/D"]
    assert [(one.pieces, one.rejects, one.at) for one in person] == [(5, 1, at(9, 2))]
    assert [(one.pieces, one.rejects) for one in line] == [(5, 1), (2, 0)]


def test_a_doubt_makes_the_minute_suspect_for_the_line_and_who_worked_there():
    found = batches((at(9), 500, 0, "X"), (at(9, 1), 505, 0, "X"), (at(9, 2), 3, 0, "X"))
    assert [one.suspect for one in found["E1", "2026-11-16/D"]] == [None, "gap"]
    found = batches((at(9), 500, 0, "X"), (at(9, 1), 99_000, 0, "X"))
    (only,) = found["L1", "2026-11-16/D"]
    assert (only.pieces, only.suspect) == (0, "quarantined_counter")


@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 30), st.sampled_from(["X", None])),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_no_piece_is_lost_between_shifts(steps):
    moment, pieces, rows = at(6), 0, []
    for seconds, amount, badge in steps:
        moment, pieces = moment + seconds, pieces + min(amount, 5 * seconds)
        rows.append((moment, pieces, 0, badge))
    found = batches(*rows)
    of_line = sum(b.pieces for (code, _), made in found.items() if code == "L1" for b in made)
    of_people = sum(b.pieces for (code, _), made in found.items() if code == "E1" for b in made)
    assert of_line == rows[-1][1] - rows[0][1]
    assert of_people <= of_line

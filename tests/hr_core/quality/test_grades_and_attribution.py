"""Rates, grades, intervals, and whose pieces they are."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.errors import NoLawError
from hr_core.people.model import Station
from hr_core.quality.counters import CounterKey, Reading
from hr_core.quality.grades import grade_of, load_grades, percent_text
from hr_core.quality.month import Tally, compute_quality, tally

EDITION = load_grades().on(date(2026, 10, 1))
PIECES = CounterKey("box", "pieces", "pieces")
REJECTS = CounterKey("box", "rejects", "rejects")
STATIONS = [
    Station(source="box", tag="pieces", line="L1"),
    Station(source="box", tag="rejects", line="L1"),
]


@pytest.mark.parametrize(
    ("rejects", "pieces", "grade"),
    [
        (0, 50, "A"), (199, 10000, "A"), (200, 10000, "B"), (300, 10000, "B"), (301, 10000, "C"),
        (500, 10000, "C"), (501, 10000, "D"), (3, 100, "B"),
        (29, 967, "B"),  # 2.9990 %: must not be rounded to 3.00 and then compared
        (29, 966, "C"),  # 3.0021 %: shown as 3.00 %, but above
        (0, 0, None), (1, 20, None), (0, 49, None),
        (12, 10, None), (60, 55, None),  # more rejects than pieces: the counters disagree
    ],
)  # fmt: skip
def test_grades(rejects, pieces, grade):
    grading = grade_of(pieces, rejects, EDITION)
    assert grading.grade == grade
    assert grading.reason.startswith("not rated:") == (grade is None)


def test_the_comparisons_show_how_the_grade_came_about():
    grading = grade_of(966, 29, EDITION)
    shown = [
        (one.grade, one.left, one.relation, one.right, one.holds) for one in grading.comparisons
    ]
    assert shown == [
        ("A", 2900, "<", 1932, False),
        ("B", 2900, "<=", 2898, False),
        ("C", 2900, "<=", 4830, True),
    ]


def test_the_shown_percent_is_rounded_half_up_and_never_compared():
    assert percent_text(966, 29) == "3.00 %"
    assert percent_text(800, 1) == "0.13 %"  # 0.125
    assert percent_text(0, 0) == "-"


def test_a_month_before_the_first_edition_is_refused():
    with pytest.raises(NoLawError):
        load_grades().on(date(2007, 12, 1))


def rows(counter, *samples):
    return {
        counter: [
            Reading(f"{counter.tag}{seq}", seq * 60, "b", seq, value, badge)
            for seq, (value, badge) in enumerate(samples)
        ]
    }


def compute(found, badges, since=0, until=10**9):
    return compute_quality(found, STATIONS, badges, since, until)


BADGES = {"E1": "P1", "E2": "P2"}


def test_work_between_two_readings_with_one_badge_is_that_persons():
    found = rows(PIECES, (50, "E1"), (60, "E1"), (75, "E1")) | rows(REJECTS, (5, "E1"), (6, "E1"))
    quality = compute(found, BADGES)
    assert quality.by_person == {"P1": Tally(25, 1)}
    assert quality.unattributed == Tally(0, 0)


def test_a_delta_over_a_hand_over_belongs_to_nobody():
    quality = compute(rows(PIECES, (50, "E1"), (60, "E1"), (64, "E2"), (70, "E2")), BADGES)
    assert quality.by_person == {"P1": Tally(10, 0), "P2": Tally(6, 0)}
    assert quality.unattributed == Tally(4, 0)


def test_a_reading_forced_at_the_hand_over_leaves_nothing_unattributed():
    """The driver reads with the leaving badge, then with the arriving one, at the same value."""
    found = rows(PIECES, (100, "E1"), (103, "E1"), (103, "E2"), (104, "E2"))
    quality = compute(found, BADGES)
    assert quality.by_person == {"P1": Tally(3, 0), "P2": Tally(1, 0)}
    assert quality.unattributed == Tally(0, 0)


def test_nobody_and_unknown_badges_are_unattributed_and_shown():
    quality = compute(rows(PIECES, (0, None), (5, None), (6, "X"), (9, "X")), BADGES)
    assert quality.by_person == {}
    assert quality.unattributed == Tally(9, 0)
    assert quality.unknown_badges == {"X": 3}


def test_a_counter_without_a_station_is_listed_and_not_counted():
    other = CounterKey("box", "infeed", "pieces")
    quality = compute(
        rows(PIECES, (0, "E1"), (5, "E1")) | rows(other, (0, "E1"), (7, "E1")), BADGES
    )
    assert quality.unknown_counters == {("box", "infeed"): 2}
    assert quality.total == Tally(5, 0)


def test_a_month_begins_with_the_last_reading_before_it():
    found = rows(PIECES, (0, "E1"), (5, "E1"), (12, "E1"), (20, "E1"))
    quality = compute(found, BADGES, since=120, until=180)
    assert quality.by_person == {"P1": Tally(7, 0)}


def test_a_flagged_delta_stands_alone_in_the_trace():
    quality = compute(rows(PIECES, (50, "E1"), (60, "E1"), (3, "E1"), (5, "E1")), BADGES)
    found = quality.stretches["P1"]
    assert [(one.amount, one.flags) for one in found] == [(10, ()), (3, ("reset",)), (2, ())]
    assert [note.item.flag for note in quality.notes] == ["reset"]


badge = st.sampled_from(["E1", "E2", "X", None])
samples = st.lists(st.tuples(st.integers(0, 500), badge), min_size=1, max_size=25)


@given(samples, samples)
def test_people_and_unattributed_always_add_up_to_the_line(pieces, rejects):
    found = rows(PIECES, *pieces) | rows(REJECTS, *rejects)
    quality = compute(found, BADGES)
    owned = list(quality.by_person.values())
    for index in (0, 1):
        summed = sum(one[index] for one in owned) + quality.unattributed[index]
        assert summed == quality.total[index]
    for number, stretches in quality.stretches.items():
        assert tally(stretches) == quality.by_person[number]


@given(st.lists(st.tuples(st.integers(0, 30), badge), min_size=1, max_size=25))
def test_plain_stretches_telescope(steps):
    """Without flags a stretch is its last value less its first: the trace needs no more."""
    value, found = 0, []
    for step, who in steps:
        value += step
        found.append((value, who))
    quality = compute(rows(PIECES, *found), BADGES)
    for one in (one for stretches in quality.stretches.values() for one in stretches):
        assert one.amount == one.last_value - one.first_value
    assert quality.total.pieces == found[-1][0] - found[0][0]

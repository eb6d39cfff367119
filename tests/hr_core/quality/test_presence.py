"""Evidence, hand-overs, teams, serialised pieces, clocks: whose work it is and since when."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.quality.attribution import attribute, evidence_mix, stretches
from hr_core.quality.clock_offset import (
    LOST_CLOCK_BEFORE,
    at_believable_time,
    clock_offset,
    clock_offsets,
)
from hr_core.quality.counters import CounterKey, CounterRules, Reading
from hr_core.quality.deltas import deltas
from hr_core.quality.presence import Evidence, Owner, Presence, Timeline, closed
from hr_core.quality.serial_pieces import Seen, Share, charge_defect, split_by_scans
from hr_core.quality.station_presence import BadgePress, badge_presences, snapped
from protocols.records import Direction

PIECES = CounterKey("box", "good", "pieces")
BADGE, LOGIN, ROSTER = Evidence.BADGE, Evidence.LOGIN, Evidence.ROSTER


def timeline(*rows, ends=()):
    return Timeline([Presence(*row) for row in rows], ends)


def owner(present, since, until):
    return present.between(since, until).owner


def test_stronger_evidence_wins_and_weaker_fills_in():
    present = timeline(("E1", 0, 100, ROSTER), ("E2", 20, 40, BADGE))
    assert owner(present, 0, 20) == Owner(("E1",), ROSTER)
    assert owner(present, 20, 40) == Owner(("E2",), BADGE)
    assert owner(present, 30, 50).name == "unattributed"
    assert owner(present, 100, 110).name == "unattributed"


def test_one_person_over_two_kinds_of_evidence_is_known_as_well_as_the_weaker():
    present = timeline(("E1", 0, 50, BADGE), ("E1", 50, 100, ROSTER))
    assert owner(present, 40, 60) == Owner(("E1",), ROSTER)


def test_a_hand_over_at_a_reading_splits_exactly():
    present = timeline(("E1", 0, 60, BADGE), ("E2", 60, 120, BADGE))
    assert (owner(present, 50, 60).name, owner(present, 60, 70).name) == ("E1", "E2")
    assert owner(present, 59, 61).name == "unattributed"


def test_coming_late_or_leaving_early_is_not_the_whole_window():
    present = timeline(("E1", 10, 50, BADGE))
    assert [owner(present, *span).name for span in [(5, 15), (45, 55), (10, 50)]] == [
        "unattributed", "unattributed", "E1",
    ]  # fmt: skip


def test_a_team_is_one_owner_while_it_is_the_same():
    present = timeline(("E2", 0, 100, BADGE), ("E1", 0, 100, BADGE), ("E3", 50, 100, BADGE))
    assert owner(present, 0, 50).name == "team:E1+E2"
    assert owner(present, 40, 60).name == "unattributed"
    assert present.people_between(40, 60) == {"E1", "E2", "E3"}


@pytest.mark.parametrize(
    ("ends", "until"), [((), 60), ((110,), 60), ((30,), 30), ((0, 45, 110), 45)]
)
def test_who_forgot_to_sign_off_left_at_the_next_badge_or_the_shift_end(ends, until):
    found = closed([Presence("E1", 0, None, BADGE), Presence("E2", 60, 120, BADGE)], ends)
    assert found[0] == Presence("E1", 0, until, BADGE)


def test_an_open_end_that_nothing_closes_proves_nothing():
    assert closed([Presence("E1", 0, None, BADGE)]) == []
    assert owner(timeline(("E1", 0, None, BADGE)), 0, 5).name == "unattributed"


def readings(*samples):
    return [Reading(str(at), at, "b", at, value, badge) for at, value, badge in samples]


def test_the_lines_own_operator_is_a_login_and_a_badge_at_the_station_beats_it():
    counted = deltas(readings((0, 0, "X"), (10, 5, "X"), (20, 9, "X")), CounterRules())
    plain = attribute(counted, {"X": "E1"})
    assert [one.owner for one in plain] == [Owner(("E1",), LOGIN)] * 2
    beaten = attribute(counted, {"X": "E1"}, timeline(("E2", 0, 10, BADGE)))
    assert [one.owner for one in beaten] == [Owner(("E2",), BADGE), Owner(("E1",), LOGIN)]


def test_the_lines_own_operator_beats_the_plan():
    counted = deltas(readings((0, 0, "X"), (10, 5, "X")), CounterRules())
    planned = timeline(("E2", 0, 60, ROSTER))
    assert attribute(counted, {"X": "E1"}, planned)[0].owner == Owner(("E1",), LOGIN)
    unknown = deltas(readings((0, 0, "Z"), (10, 5, "Z")), CounterRules())
    assert attribute(unknown, {"X": "E1"}, planned)[0].owner.name == "unattributed"


def test_a_badge_that_changed_inside_a_window_is_not_overruled_by_the_line():
    counted = deltas(readings((0, 0, "X"), (10, 5, "X")), CounterRules())
    present = timeline(("E2", 0, 5, BADGE), ("E3", 5, 10, BADGE))
    assert attribute(counted, {"X": "E1"}, present)[0].owner.name == "unattributed"


def test_roster_work_is_shown_and_never_payable():
    counted = deltas(readings((0, 0, None), (10, 5, None)), CounterRules())
    (one,) = stretches(PIECES, counted, {}, timeline(("E1", 0, 60, ROSTER)))
    assert (one.number, one.amount, one.payable) == ("E1", 5, False)


def test_the_evidence_mix_counts_pieces():
    counted = deltas(
        readings((0, 0, "X"), (10, 5, "X"), (20, 9, None), (30, 10, None)), CounterRules()
    )
    found = stretches(PIECES, counted, {"X": "E1"}, timeline(("E1", 20, 60, ROSTER)))
    assert evidence_mix(found) == {LOGIN: 5, ROSTER: 1, Evidence.NONE: 4}


presences = st.lists(
    st.builds(
        lambda person, since, length, evidence: Presence(
            person, since, None if length is None else since + length, evidence
        ),
        st.sampled_from("ABC"),
        st.integers(0, 90),
        st.none() | st.integers(0, 50),
        st.sampled_from([BADGE, LOGIN, ROSTER]),
    ),
    max_size=8,
)
steps = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 9), st.sampled_from([None, "X", "Y"])),
    min_size=1, max_size=15,
)  # fmt: skip


@given(presences, st.lists(st.integers(0, 100), max_size=3), steps, st.randoms())
def test_people_teams_and_unattributed_always_add_up(present, ends, made, dice):
    at = value = 0
    rows = []
    for step, amount, badge in made:
        at, value = at + step, value + amount
        rows.append((at, value, badge))
    numbered = [one._replace(event_id=str(i), seq=i) for i, one in enumerate(readings(*rows))]
    counted = deltas(numbered, CounterRules())
    shuffled = list(present)
    dice.shuffle(shuffled)
    found = stretches(PIECES, counted, {"X": "A"}, Timeline(present, ends))
    assert sum(one.amount for one in found) == rows[-1][1] - rows[0][1]
    assert found == stretches(PIECES, counted, {"X": "A"}, Timeline(shuffled, ends))
    assert sum(evidence_mix(found).values()) == rows[-1][1] - rows[0][1]
    for one in found:
        assert (one.owner.people == ()) == (one.owner.evidence is Evidence.NONE)


@given(presences, st.integers(0, 100), st.integers(0, 60))
def test_an_owner_was_there_all_the_time(present, since, length):
    """Held against a second by second look."""
    ended = closed(present, [100])
    whose = Timeline(present, [100]).between(since, since + length).owner
    for second in range(since, since + length):
        there = [one for one in ended if one.since <= second < one.until]
        strongest = max((one.evidence for one in there), default=Evidence.NONE)
        people = {one.person for one in there if one.evidence is strongest}
        if whose.people:
            assert set(whose.people) == people
            assert whose.evidence <= strongest


# -- serialised pieces ---------------------------------------------------------------------------


def test_a_defect_found_later_is_the_producers_and_the_finding_the_inspectors():
    made, found = Seen("ST-07", 40, "E1"), Seen("QC-1", 4000, "E9")
    charge = charge_defect(made, found, window_end=3600)
    assert (charge.owner.name, charge.station, charge.at) == ("E1", "ST-07", 40)
    assert (charge.inspector, charge.restates) == ("E9", True)
    assert not charge_defect(made, found, window_end=4001).restates


def test_scanned_pieces_go_to_who_scanned_them_and_the_rest_by_weaker_evidence():
    split = split_by_scans(5, Owner(("E3",), BADGE), ["E1", "E2", "E1"])
    scanned = Evidence.PIECE
    assert split.shares == (
        Share(Owner(("E1",), scanned), 2), Share(Owner(("E2",), scanned), 1),
        Share(Owner(("E3",), BADGE), 2),
    )  # fmt: skip
    assert split.unexplained == 0


def test_more_scans_than_pieces_credit_nobody():
    split = split_by_scans(1, Owner(("E3",), BADGE), ["E1"] * 3)
    assert ([share.owner.name for share in split.shares], split.unexplained) == (
        ["unattributed"], 2,
    )  # fmt: skip


# -- clocks --------------------------------------------------------------------------------------


def received(*rows):
    return [
        Reading(str(number), at, "b", number, 0, None, received_at)
        for number, (at, received_at) in enumerate(rows)
    ]


def believable(rows):
    offsets = clock_offsets(rows)
    return [at_believable_time(one, offsets) for one in rows]


NOW = LOST_CLOCK_BEFORE + 10**8


def test_a_clock_within_tolerance_is_believed():
    rows = received((NOW, NOW + 1), (NOW + 60, NOW + 500))
    assert clock_offset(rows).estimate == 1
    assert believable(rows) == rows


def test_a_backlog_is_not_a_slow_clock():
    rows = received((NOW, NOW + 90_000), (NOW + 60, NOW + 90_000))
    assert believable(rows) == rows


def test_a_clock_that_is_ahead_is_moved_back():
    rows = received((NOW + 3600, NOW + 2), (NOW + 3660, NOW + 61))
    assert clock_offset(rows).seconds == -3599
    assert [one.at for one in believable(rows)] == [NOW + 1, NOW + 61]


def test_a_lost_clock_that_runs_is_moved_and_one_that_stands_takes_the_receipt():
    running = received((100, NOW), (160, NOW + 60))
    assert [one.at for one in believable(running)] == [NOW, NOW + 60]
    dead = received((0, NOW), (0, NOW + 600))
    assert [one.at for one in believable(dead)] == [NOW, NOW + 600]


def test_without_a_time_of_receipt_the_box_is_believed():
    (only,) = [Reading("a", 5, "b", 0, 1)]
    assert believable([only]) == [only]
    assert clock_offset([only]).estimate is None


# -- punches at a station's reader ----------------------------------------------------------------

IN, OUT, UNKNOWN = Direction.IN, Direction.OUT, Direction.UNKNOWN


def sessions(*presses, team=False, ends=None):
    found = badge_presences([BadgePress(*one) for one in presses], ends or {}, team=team)
    return [(one.person, one.since, one.until) for one in found]


def test_badges_with_keys():
    found = sessions((0, "E1", IN), (500, "E1", OUT), (600, "E2", IN), (900, "E2", OUT))
    assert found == [("E1", 0, 500), ("E2", 600, 900)]


def test_the_next_badge_takes_over_unless_it_is_a_teams_station():
    presses = [(0, "E1", IN), (600, "E2", IN), (900, "E1", OUT), (1000, "E2", OUT)]
    assert sessions(*presses) == [("E1", 0, 600), ("E2", 600, 1000)]
    assert sessions(*presses, team=True) == [("E1", 0, 900), ("E2", 600, 1000)]


def test_without_keys_a_second_badge_is_leaving_and_a_quick_one_the_same():
    found = sessions((0, "E1", UNKNOWN), (30, "E1", UNKNOWN), (500, "E1", UNKNOWN))
    assert found == [("E1", 0, 500)]


def test_a_forgotten_session_ends_with_the_persons_own_shift():
    ends = {"E1": [300, 900], "E2": [100]}
    assert sessions((0, "E1", IN), ends=ends) == [("E1", 0, 300)]
    again = sessions((0, "E1", UNKNOWN), (400, "E1", UNKNOWN), ends=ends)
    assert again == [("E1", 0, 300), ("E1", 400, 900)]  # the second day is not the leaving of it
    assert sessions((0, "E9", IN)) == []


def test_a_hand_over_moves_to_the_reading_that_it_forced():
    handed = [Presence("E1", 0, 60, BADGE), Presence("E2", 60, 100, BADGE)]
    moved = snapped(handed, [0, 50, 62, 70])
    assert [(one.since, one.until) for one in moved] == [(0, 62), (62, 100)]
    assert snapped(handed, [50, 64]) == handed  # four seconds later is no forced read


@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.sampled_from("ABC"), st.sampled_from([IN, OUT, UNKNOWN])),
        max_size=15,
    ),
    st.randoms(),
)
def test_one_person_at_a_time_whatever_the_order_of_arrival(presses, dice):
    ends = {person: [300, 600, 1200] for person in "ABC"}
    found = sessions(*presses, ends=ends)
    assert all(one[2] <= other[1] for one, other in pairwise(found))
    shuffled = list(presses)
    dice.shuffle(shuffled)
    assert sessions(*shuffled, ends=ends) == found

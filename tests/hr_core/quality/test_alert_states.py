"""The alert of one subject: transitions, hysteresis, cool-down, suspect data, late data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.quality.alert_rules import load_alert_rules
from hr_core.quality.alert_states import (
    Batch,
    EventKind,
    Status,
    Subject,
    Watched,
    after_batch,
    after_shift,
    replay,
    restatement,
)

RULES = max(load_alert_rules().edition, key=lambda edition: edition.since)
PERSON = Subject("person", "E1", "L1")
LINE = Subject("line", "L1", "L1")
SHIFT = "2026-11-21/D"


def run(batches, subject=PERSON, rules=RULES):
    """[(pieces, rejects), …], one a minute."""
    rows = [Batch(60 * number, *batch) for number, batch in enumerate(batches)]
    return replay(subject, SHIFT, rows, rules)


def kinds(outcome):
    return [event.kind.value for event in outcome.events]


def test_the_plain_limit_is_watched_and_only_the_gate_is_sent():
    outcome = run([(20, 0), (20, 2), (20, 0)])
    assert kinds(outcome) == ["watching"]  # 2/40 = 5 %: over 3 %, and no proof of it
    outcome = run([(20, 0), (20, 2), (60, 6)])
    assert kinds(outcome) == ["watching", "raised"]
    raised = outcome.events[-1]
    assert (raised.pieces, raised.rejects, raised.level, raised.limit_percent) == (100, 8, 1, "3")


def test_below_the_minimum_nothing_is_sent_however_bad():
    assert kinds(run([(49, 40)])) == ["watching"]
    assert kinds(run([(50, 40)])) == ["raised"]


def test_the_plain_policy_sends_at_the_first_reject():
    assert kinds(run([(20, 1)], rules=replace(RULES, policy="plain"))) == ["raised"]


def test_the_limit_itself_is_not_above_the_limit():
    assert kinds(run([(1000, 30)], rules=replace(RULES, policy="plain"))) == []
    assert kinds(run([(1000, 31)], rules=replace(RULES, policy="plain"))) == ["raised"]


def test_one_alert_for_a_subject_shift_and_level_and_one_more_at_the_second_limit():
    outcome = run([(100, 8), (100, 8), (100, 8), (200, 40)])
    assert [event.level for event in outcome.events] == [1, 2]
    assert outcome.events[1].limit_percent == "5"


def test_a_jump_over_both_limits_is_one_alert():
    outcome = run([(100, 60), (100, 60)])
    assert [(event.kind, event.level) for event in outcome.events] == [(EventKind.RAISED, 2)]


def test_a_line_has_its_own_limit():
    assert kinds(run([(1000, 45)], LINE)) == []
    assert kinds(run([(1000, 80)], LINE)) == ["raised"]


def test_an_alert_clears_only_when_the_recent_pieces_are_well_below():
    after = run([(100, 10), (100, 2), (100, 3)])  # recent 200: 5/200 = 2.5 %, not below
    assert after.state.status is Status.ALERT
    after = run([(100, 10), (100, 2), (100, 2)])
    assert kinds(after) == ["raised", "cleared"]
    assert after.events[-1].reason == "recent_pieces"


def test_too_few_pieces_after_the_alert_do_not_clear_it():
    assert run([(100, 10), (99, 0)]).state.status is Status.ALERT
    plain = replace(RULES, policy="plain")  # 1 of 199 is far below 2.5 %, and still too few
    assert run([(20, 1), (179, 0)], rules=plain).state.status is Status.ALERT
    assert run([(20, 1), (180, 0)], rules=plain).state.status is Status.CLEARED


def test_after_clearing_the_same_level_is_not_sent_again_in_the_shift():
    outcome = run([(100, 10), (100, 0), (100, 0), (100, 30)])
    assert [event.level for event in outcome.events if event.kind is EventKind.RAISED] == [1, 2]
    outcome = run([(100, 10), (100, 0), (100, 0), (60, 8)])
    assert kinds(outcome) == ["raised", "cleared", "watching"]


def test_the_shift_end_clears_and_the_cool_down_goes_on():
    state = run([(100, 10)]).state
    ended = after_shift(state, "2026-11-21/N", 600)
    assert [event.reason for event in ended.events] == ["shift_end"]
    fresh = ended.state
    assert (fresh.pieces, fresh.status, fresh.shift) == (0, Status.OK, "2026-11-21/N")
    within = after_batch(fresh, Batch(29 * 60, 100, 8), RULES)
    assert [event.kind for event in within.events] == [EventKind.WATCHING]
    later = after_batch(within.state, Batch(30 * 60, 0, 0), RULES)
    assert [event.kind for event in later.events] == [EventKind.RAISED]


def test_a_shift_that_ends_without_an_alert_tells_nothing():
    assert after_shift(run([(100, 1)]).state, "next", 9).events == ()


@pytest.mark.parametrize("reason", ["gap", "quarantined_counter"])
def test_suspect_data_raise_nothing_and_say_why(reason):
    outcome = run([(100, 0), (100, 60, reason), (10, 0)])
    assert kinds(outcome) == ["data_suspect", "data_trusted", "raised"]
    assert [event.reason for event in outcome.events[:2]] == [reason, reason]


def test_more_rejects_than_pieces_are_suspect():
    outcome = run([(10, 12)])
    assert [(event.kind.value, event.reason) for event in outcome.events] == [
        ("data_suspect", "rejects_exceed_pieces")
    ]


def test_suspect_data_clear_nothing():
    state = run([(100, 10), (300, 0, "gap")]).state
    assert (state.status, state.suspect) == (Status.ALERT, "gap")


def test_a_sent_alert_stays_and_a_restated_window_gets_a_note():
    (sent,) = run([(100, 8)]).events
    assert restatement(sent, 100, 8, RULES) is None
    assert restatement(sent, 100, 2, RULES).endswith("it would not be raised")
    assert restatement(sent, 100, 9, RULES).endswith("it would be raised again")


batches = st.lists(
    st.tuples(st.integers(0, 80), st.integers(0, 12)).map(lambda row: (max(row), min(row))),
    max_size=40,
)


@given(batches, st.randoms())
def test_any_order_of_arrival_gives_the_same_events(rows, dice):
    made = [Batch(60 * number, *row) for number, row in enumerate(rows)]
    shuffled = list(made)
    dice.shuffle(shuffled)
    assert replay(PERSON, SHIFT, made, RULES) == replay(PERSON, SHIFT, shuffled, RULES)


@given(batches)
def test_there_is_no_storm(rows):
    """Never more alerts than levels, never an alert under the plain limit, sums as they came."""
    outcome = run(rows)
    raised = [event for event in outcome.events if event.kind is EventKind.RAISED]
    assert len(raised) <= 2
    assert all(event.rejects * 100 > 3 * event.pieces for event in raised)
    assert outcome.state.pieces == sum(made for made, _ in rows)
    recent = sum(made for made, _ in outcome.state.recent)
    assert recent == outcome.state.pieces or recent >= RULES.recent_pieces


def test_a_state_begins_ok():
    assert Watched(subject=PERSON, shift=SHIFT).status is Status.OK

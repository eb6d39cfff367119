"""Owner, suppression, acknowledgement, escalation, and what it takes to close."""

from datetime import date

import pytest

from hr_core.errors import CoreError
from hr_core.quality.alert_life import (
    Closing,
    OwnerRule,
    Place,
    acknowledged,
    cleared,
    closed,
    due_escalations,
    escalated,
    noted,
    owner_of,
    raised,
    suppressed,
)
from hr_core.quality.alert_rules import load_alert_rules
from hr_core.quality.alert_states import AlertEvent, EventKind, Subject

RULES = max(load_alert_rules().edition, key=lambda edition: edition.since)
PLACE = Place("L1", "D", date(2026, 11, 21))
OWNERS = (
    OwnerRule(role="manager", owner="boss"),
    OwnerRule(role="manager", owner="line-boss", line="L1"),
    OwnerRule(role="manager", owner="night", shift="N"),
    OwnerRule(role="production_manager", owner="prod"),
    OwnerRule(role="manager", owner="stand-in", since=date(2026, 12, 1), until=date(2026, 12, 24)),
)


def event(code="E1", at=1000, *, kind="person", line="L1", what=EventKind.RAISED):
    return AlertEvent(what, Subject(kind, code, line), "2026-11-21/D", at, 100, 8, 1, "3")


def alert(code="E1", at=1000, *, kind="person"):
    return raised(event(code, at, kind=kind), RULES, PLACE, OWNERS)


@pytest.mark.parametrize(
    ("place", "owner"),
    [
        (("L1", "D", date(2026, 11, 21)), "line-boss"),
        (("L2", "N", date(2026, 11, 21)), "night"),
        (("L1", "N", date(2026, 11, 21)), "line-boss"),  # the line says more than the shift
        (("L2", "D", date(2026, 11, 21)), "boss"),
        (("L1", "D", date(2026, 12, 24)), "stand-in"),  # the roster of a day says most
        (("L1", "D", date(2026, 12, 25)), "line-boss"),
    ],
)
def test_the_owner_follows_line_shift_and_roster(place, owner):
    assert owner_of(OWNERS, "manager", Place(*place)) == owner


def test_without_a_rule_there_is_no_owner():
    assert owner_of(OWNERS, "plant_manager", PLACE) is None


def test_a_raised_alert_has_one_identity_and_its_owner():
    one = alert()
    assert (one.identity, one.role, one.owner) == (
        "person/E1/2026-11-21/D/1", "manager", "line-boss",
    )  # fmt: skip
    assert (one.open, one.rule_version) == (True, RULES.version)
    assert alert("L1", kind="line").owner == "prod"


def test_an_alert_of_the_line_keeps_back_those_of_its_people_and_lists_them():
    line = alert("L1", 1000, kind="line")
    before, after = alert("E1", 999), alert("E2", 1000)
    elsewhere = raised(event("E3", 1001, line="L2"), RULES, PLACE, OWNERS)
    found = suppressed([line, before, after, elsewhere])
    assert [one.hidden_by for one in found] == [None, None, line.identity, None]
    assert found[0].hides == (after.identity,)
    assert suppressed(found) == found  # listed once, however often it is computed


def test_what_was_sent_before_stays_sent():
    line, person = alert("L1", 1000, kind="line"), alert("E2", 1000)
    found = suppressed([line, person], sent={person.identity})
    assert (found[1].hidden_by, found[0].hides) == (None, ())


def test_a_line_alert_that_is_over_hides_nothing():
    over = cleared(alert("L1", 0, kind="line"), event(at=500, what=EventKind.CLEARED))
    assert [one.hidden_by for one in suppressed([over, alert("E1", 499), alert("E2", 500)])] == [
        None, over.identity, None,
    ]  # fmt: skip


def test_steps_of_minutes_without_an_acknowledgement():
    one = alert(at=0)
    assert due_escalations(one, 15 * 60 - 1, RULES.escalation) == ()
    later = escalated(one, 15 * 60, RULES, PLACE, OWNERS)
    assert [(step.role, step.owner) for step in later.escalations] == [
        ("production_manager", "prod")
    ]
    assert escalated(later, 59 * 60, RULES, PLACE, OWNERS) is later
    last = escalated(later, 60 * 60, RULES, PLACE, OWNERS)
    assert last.escalations[-1].role == "plant_manager"
    assert escalated(last, 10**6, RULES, PLACE, OWNERS) is last
    assert len(escalated(one, 10**6, RULES, PLACE, OWNERS).escalations) == 2


def test_an_acknowledged_alert_does_not_escalate():
    one = acknowledged(alert(at=0), 60, "ann")
    assert escalated(one, 10**6, RULES, PLACE, OWNERS) is one
    assert (one.time_to_acknowledge, one.acknowledged_by) == (60, "ann")
    assert acknowledged(one, 90, "bob") is one


def test_a_hidden_alert_does_not_escalate():
    line = alert("L1", 0, kind="line")
    (_, hidden) = suppressed([line, alert(at=5)])
    assert due_escalations(hidden, 10**6, RULES.escalation) == ()


def test_it_stays_open_until_cause_and_note_are_stored():
    one = cleared(alert(at=0), event(at=500, what=EventKind.CLEARED))
    assert (one.cleared_at, one.open) == (500, True)
    with pytest.raises(CoreError, match="no cause code"):
        closed(one, Closing(600, "ann", "weather", "rain"), RULES)
    with pytest.raises(CoreError, match="needs a note"):
        closed(one, Closing(600, "ann", "tool", "  "), RULES)
    done = closed(one, Closing(600, "ann", "tool", "worn die changed"), RULES)
    assert (done.open, done.time_to_close, done.time_to_acknowledge) == (False, 600, 600)
    assert (done.cause, done.note, done.acknowledged_by) == ("tool", "worn die changed", "ann")
    with pytest.raises(CoreError, match="was closed by ann"):
        closed(done, Closing(700, "bob", "tool", "again"), RULES)
    with pytest.raises(CoreError, match="was closed by ann"):
        acknowledged(done, 700, "bob")


def test_only_the_end_of_the_alert_clears_it():
    assert cleared(alert(), event(at=5, what=EventKind.WATCHING)).cleared_at is None


def test_a_note_is_added_once():
    one = noted(noted(alert(), "restated"), "restated")
    assert one.notes == ("restated",)
    assert noted(one, None) is one

"""D10, E1, E2, E3, G2: proposed, negotiated, signed by three people in order; then unchangeable."""

from datetime import timedelta
from fractions import Fraction

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.approvals.desk import Actor
from hr_core.audit import log
from hr_core.errors import NothingToComputeError, RefusedError
from hr_core.people.records import Membership, Role
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import (
    Draft,
    accept,
    ask_change,
    explain,
    propose,
    send_back,
    sign_goals,
    state_of,
    waiting,
)
from hr_core.performance.first_score import first_score
from hr_core.performance.goals import Group, Level
from hr_core.performance.periods import Period
from hr_core.performance.sign_off import Act, State, move
from hr_core.store.database import writing
from hr_core.store.goals import add_set, set_by_number, steps_of
from hr_core.store.organisation import save_organisation
from hr_core.store.performance_figures import Figure, add_figures
from tests.hr_core.performance.goal_samples import NOW, day, goal, goal_set, organisation, plant

OWN = {"parent": "CO-1"}


def sign(name, note="", at=NOW):
    return Deed(at=at, actor=Actor(name), note=note)


@pytest.fixture
def core(engine):
    plant(engine)
    with writing(engine) as conn:
        company = goal("CO-1", owner="CO", period="2026", level=Level.COMPANY)
        add_set(conn, goal_set(company), NOW, "BOSS", "")
    return engine


def draft(*goals, person="E1", period="2026-Q4", **changes):
    goals = goals or (goal(person and "G", owner=person, period=period, **OWN),)
    return Draft(person=person, period=period, goals=goals, **changes)


def two(a, b, period="2026-Q4"):
    return tuple(
        goal(code, period=period, weight=Fraction(weight), **OWN)
        for code, weight in (("a", a), ("b", b))
    )


def did(core, what, *args, **options):
    with writing(core) as conn:
        return what(conn, *args, **options)


def signed_by_all(core, number, at=NOW):
    return [did(core, sign_goals, number, sign(who, at=at)) for who in ("E1", "LEAD", "HEAD")]


def test_three_signatures_in_order(core):
    stored = did(core, propose, draft(), sign("LEAD"))
    assert signed_by_all(core, stored.number) == [
        State.SIGNED_BY_EMPLOYEE,
        State.SIGNED_BY_MANAGER,
        State.SIGNED,
    ]
    with core.connect() as conn:
        steps = steps_of(conn, stored.number)
        audited = [one.action for one in log.entries(conn, subject="person E1")]
    assert [(one.role, one.person, one.before, one.after) for one in steps] == [
        ("manager", "LEAD", "new", "proposed"),
        ("employee", "E1", "proposed", "signed_by_employee"),
        ("manager", "LEAD", "signed_by_employee", "signed_by_manager"),
        ("next_level", "HEAD", "signed_by_manager", "signed"),
    ]
    assert {one.digest for one in steps} == {stored.digest}
    assert audited == ["goals.propose", "goals.sign", "goals.sign", "goals.sign"]


@pytest.mark.parametrize("who", ["LEAD", "HEAD", "BOSS", "E2"])
def test_nobody_signs_before_the_one_below(core, who):
    stored = did(core, propose, draft(), sign("LEAD"))
    with pytest.raises(RefusedError, match="cannot act as the employee") as refused:
        did(core, sign_goals, stored.number, sign(who))
    assert "E1" in refused.value.remedy


def test_a_missing_signature_blocks_the_next_level(core):
    stored = did(core, propose, draft(), sign("LEAD"))
    did(core, sign_goals, stored.number, sign("E1"))
    with pytest.raises(RefusedError, match="manager") as refused:
        did(core, sign_goals, stored.number, sign("HEAD"))
    assert "LEAD" in refused.value.remedy
    with core.connect() as conn, pytest.raises(NothingToComputeError, match="no signed"):
        first_score(conn, "E1", Period.parse("2026-10"))


def test_the_machine_has_no_skip():
    for state in State:
        for act in Act:
            try:
                after = move(state, act).after
            except RefusedError:
                continue
            if after is State.SIGNED:
                assert (state, act) == (State.SIGNED_BY_MANAGER, Act.SIGN)
            if after is State.SIGNED_BY_MANAGER:
                assert (state, act) == (State.SIGNED_BY_EMPLOYEE, Act.SIGN)
            if after is State.SIGNED_BY_EMPLOYEE:
                assert (state, act) == (State.PROPOSED, Act.SIGN)


def test_the_manager_sees_what_waits_and_takes_the_change_over(core):
    stored = did(core, propose, draft(*two(60, 40)), sign("LEAD"))
    wanted = two(50, 50)
    did(core, ask_change, stored.number, sign("E1", "less travel"), wanted)
    with core.connect() as conn:
        told = waiting(conn, NOW.date())
    assert [(one.role, one.people, one.acts) for one in told] == [
        ("manager", ("LEAD",), (Act.ACCEPT, Act.EXPLAIN))
    ]
    with pytest.raises(RefusedError, match="cannot act as the manager"):
        did(core, accept, stored.number, sign("E1"))
    new = did(core, accept, stored.number, sign("LEAD"))
    assert (new.goals.version, [one.weight for one in new.goals.goals]) == (2, [50, 50])
    with core.connect() as conn:
        assert state_of(conn, stored.number) is State.REPLACED
        assert set_by_number(conn, stored.number).goals == stored.goals
    with pytest.raises(RefusedError, match="replaced cannot be followed by sign"):
        did(core, sign_goals, stored.number, sign("E1"))
    assert signed_by_all(core, new.number)[-1] is State.SIGNED


def test_the_manager_may_explain_in_words(core):
    stored = did(core, propose, draft(), sign("LEAD"))
    did(core, ask_change, stored.number, sign("E1", "a second machine"))
    with pytest.raises(RefusedError, match="needs words"):
        did(core, explain, stored.number, sign("LEAD"))
    with pytest.raises(RefusedError, match="asked for in words: 'a second machine'"):
        did(core, accept, stored.number, sign("LEAD"))
    assert did(core, explain, stored.number, sign("LEAD", "in May")) is State.PROPOSED
    assert signed_by_all(core, stored.number)[-1] is State.SIGNED


def test_an_appeal_before_the_period_is_decided_by_the_level_above(core):
    stored = did(core, propose, draft(), sign("LEAD"))
    did(core, ask_change, stored.number, sign("E1", "too high"), appeal=True)
    with pytest.raises(RefusedError, match="next level"):
        did(core, explain, stored.number, sign("LEAD", "no"))
    lower = goal(period="2026-Q4", target=Fraction(80), **OWN)
    new = did(core, accept, stored.number, sign("HEAD"), [lower])
    assert new.goals.goals[0].target == 80
    late = did(core, propose, draft(person="E2"), sign("LEAD"))
    at = NOW + timedelta(days=11)
    with pytest.raises(RefusedError, match="comes before"):
        did(core, ask_change, late.number, sign("E2", "too high", at=at), appeal=True)


def test_a_change_of_signed_goals_is_a_new_version_from_next_month_with_all_signatures(core):
    first = did(core, propose, draft(*two(60, 40)), sign("LEAD"))
    signed_by_all(core, first.number)
    november = NOW + timedelta(days=46)  # 5 November
    now = draft(*two(50, 50), since=day("2026-11-01"))
    with pytest.raises(RefusedError, match="cannot begin to hold on 2026-11-01"):
        did(core, propose, now, sign("LEAD", at=november))
    second = did(core, propose, draft(*two(50, 50)), sign("LEAD", at=november))
    assert (second.goals.version, second.goals.since) == (2, day("2026-12-01"))
    values = [
        Figure(
            subject="person:E1",
            figure=code,
            period=f"2026-{month}",
            value=Fraction(value),
            source="ERP",
            load="L",
            place="",
            loaded_at=NOW,
            loaded_by="hr",
        )
        for month in (11, 12)
        for code, value in (("a", 30), ("b", 15))
    ]
    with writing(core) as conn:
        add_figures(conn, values)
    with core.connect() as conn:
        before = first_score(conn, "E1", Period.parse("2026-12"))
    assert before.goals_version == 1
    signed_by_all(core, second.number, at=november)
    with core.connect() as conn:
        assert first_score(conn, "E1", Period.parse("2026-11")).goals_version == 1
        assert first_score(conn, "E1", Period.parse("2026-12")).goals_version == 2


def test_a_change_signed_too_late_leaves_the_past_month_alone(core):
    signed_by_all(core, did(core, propose, draft(), sign("LEAD")).number)
    october = NOW + timedelta(days=20)
    second = did(core, propose, draft(), sign("LEAD", at=october))
    december = NOW + timedelta(days=80)
    for who in ("E1", "LEAD"):
        did(core, sign_goals, second.number, sign(who, at=december))
    with pytest.raises(RefusedError, match="a month that is over"):
        did(core, sign_goals, second.number, sign("HEAD", at=december))
    assert did(core, send_back, second.number, sign("HEAD", "late")) is State.SENT_BACK


def test_only_one_version_is_open_at_a_time(core):
    did(core, propose, draft(), sign("LEAD"))
    with pytest.raises(RefusedError, match=r"version 1 .* is proposed"):
        did(core, propose, draft(), sign("LEAD"))


@pytest.mark.parametrize("who", ["E1", "E2", "BOSS"])
def test_others_do_not_propose(core, who):
    with pytest.raises(RefusedError, match="cannot act as the manager"):
        did(core, propose, draft(), sign(who))


def test_weights_that_are_not_100_are_refused_with_who_can_mend_it(core):
    one, other = two(60, 35)
    goals = draft(one, replace(other, group=Group.KCI))
    with pytest.raises(RefusedError, match=r"95 % together \(KPI 60, KCI 35\)") as refused:
        did(core, propose, goals, sign("LEAD"))
    assert "LEAD can mend it" in refused.value.remedy


@pytest.mark.parametrize(
    ("parent", "fault"), [(None, "has no parent"), ("GONE", "which no unit has")]
)
def test_an_orphan_is_refused(core, parent, fault):
    with pytest.raises(RefusedError, match=fault):
        did(core, propose, draft(goal(period="2026-Q4", parent=parent)), sign("LEAD"))


def test_where_nothing_lies_above_two_signatures_are_all(core):
    stored = did(core, propose, draft(person="HEAD"), sign("BOSS"))
    did(core, sign_goals, stored.number, sign("HEAD"))
    assert did(core, sign_goals, stored.number, sign("BOSS")) is State.SIGNED


def test_a_level_without_a_manager_is_not_skipped(core):
    places = (
        Membership(person="E1", unit="T1"),
        Membership(person="LEAD", unit="T1", role=Role.MANAGER),
    )
    with writing(core) as conn:
        save_organisation(conn, organisation(memberships=places))
    stored = did(core, propose, draft(), sign("LEAD"))
    did(core, sign_goals, stored.number, sign("E1"))
    did(core, sign_goals, stored.number, sign("LEAD"))
    with pytest.raises(RefusedError) as refused:
        did(core, sign_goals, stored.number, sign("HEAD"))
    assert "nobody manages CO" in refused.value.remedy


def test_one_human_gives_one_signature_whatever_the_roles(core):
    """LEAD manages the team, and the department above it too."""
    places = (
        Membership(person="E1", unit="T1"),
        Membership(person="LEAD", unit="T1", role=Role.MANAGER),
        Membership(person="LEAD", unit="PROD", role=Role.MANAGER),
        Membership(person="BOSS", unit="CO", role=Role.MANAGER),
    )
    with writing(core) as conn:
        save_organisation(conn, organisation(memberships=places))
    stored = did(core, propose, draft(), sign("LEAD"))
    did(core, sign_goals, stored.number, sign("E1"))
    did(core, sign_goals, stored.number, sign("LEAD"))
    with pytest.raises(RefusedError):
        did(core, sign_goals, stored.number, sign("LEAD"))
    assert did(core, sign_goals, stored.number, sign("BOSS")) is State.SIGNED
    again = sa.text(
        "INSERT INTO goal_steps SELECT goal_set, 99, act, role, person, name, at, before, after, "
        "digest, wanted, note FROM goal_steps WHERE step = 2"
    )
    with pytest.raises(sa.exc.IntegrityError), writing(core) as conn:
        conn.execute(again)

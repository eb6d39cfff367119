"""D1, D2, D3, D12: a tree from the company down, shared out to the last unit, moved before it closes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.approvals.desk import Actor
from hr_core.errors import RefusedError
from hr_core.people.records import Membership, UnitParent
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import Draft, propose
from hr_core.performance.goal_book import GoalBook
from hr_core.performance.goals import GoalKind, Level
from hr_core.performance.planning import (
    move_goal,
    refuse_closing,
    split_goal,
    store_unit_goals,
)
from hr_core.performance.splitting import split
from hr_core.store.database import writing
from hr_core.store.organisation import load_organisation
from tests.hr_core.performance.goal_samples import NOW, day, goal, organisation, plant

BOSS = Deed(at=NOW, actor=Actor("BOSS"))
LEAD = Deed(at=NOW, actor=Actor("LEAD"))


def unit_goal(code, owner, level, parent=None, **changes):
    columns = {"period": "2026", "weight": Fraction(0)}
    return goal(code, owner=owner, level=level, parent=parent, **columns | changes)


COMPANY = unit_goal("SALES", "CO", Level.COMPANY, target=Fraction(1200))


@pytest.fixture
def core(engine):
    plant(engine)
    with writing(engine) as conn:
        store_unit_goals(conn, (COMPANY,), BOSS)
    return engine


def book(core):
    with core.connect() as conn:
        return GoalBook.load(conn)


def test_1200_by_50_30_20():
    weights = {"A": Fraction(50), "B": Fraction(30), "C": Fraction(20)}
    assert split(Fraction(1200), weights) == {"A": 600, "B": 360, "C": 240}


def test_the_last_unit_goes_to_who_lost_most_and_of_equals_to_the_first():
    thirds = {"A": Fraction("33.3"), "B": Fraction("33.3"), "C": Fraction("33.4")}
    assert split(Fraction(100), thirds) == {"A": 33, "B": 33, "C": 34}
    halves = {"A": Fraction(50), "B": Fraction(50)}
    assert split(Fraction(5), halves) == {"A": 3, "B": 2}
    assert split(Fraction("10.01"), halves, Fraction("0.01")) == {
        "A": Fraction("5.01"),
        "B": Fraction(5),
    }


@given(
    st.fractions(min_value=0, max_value=10**6, max_denominator=100),
    st.lists(st.integers(1, 50), min_size=1, max_size=8),
    st.sampled_from(["1", "0.01", "7"]),
)
def test_the_parts_are_the_whole_and_each_is_within_a_step(total, parts, step):
    whole, step = sum(parts), Fraction(step)
    weights = {str(at): Fraction(100 * part, whole) for at, part in enumerate(parts)}
    found = split(total, weights, step)
    assert sum(found.values()) == total
    for name, weight in weights.items():
        assert abs(found[name] - total * weight / 100) <= step


@pytest.mark.parametrize("weights", [{"A": 50, "B": 49}, {"A": 110, "B": -10}, {}])
def test_weights_of_a_split_are_100_percent(weights):
    with pytest.raises(RefusedError, match="% together"):
        split(Fraction(10), {name: Fraction(one) for name, one in weights.items()})


def test_a_company_goal_is_shared_out_over_four_levels(core):
    with writing(core) as conn:
        halves = split_goal(conn, COMPANY, {"PROD": Fraction(75), "PURCH": Fraction(25)}, BOSS)
        teams = split_goal(conn, halves[0], {"T1": Fraction(50), "T2": Fraction(50)}, BOSS)
        people = split_goal(conn, teams[0], {"person:E1": Fraction(100)}, LEAD)
    assert [one.target for one in (*halves, *teams, *people)] == [900, 300, 450, 450, 450]
    tree = book(core)
    levels = [one.level for one in tree.goals()]
    assert sorted(set(levels), key=lambda one: one.depth) == list(Level)
    assert tree.unaligned() == []
    assert [one.target for one in tree.children(COMPANY)] == [900, 300]


def test_sharing_out_again_changes_nothing(core):
    weights = {"PROD": Fraction(75), "PURCH": Fraction(25)}
    for _ in range(2):
        with writing(core) as conn:
            split_goal(conn, COMPANY, weights, BOSS)
    held = book(core).set_of(Level.DEPARTMENT, "PROD", "2026")
    assert held.stored.goals.version == 1


def test_a_rate_is_not_shared_out(core):
    rate = replace(COMPANY, kind=GoalKind.AT_MOST)
    with writing(core) as conn, pytest.raises(RefusedError, match="only a count"):
        split_goal(conn, rate, {"PROD": Fraction(100)}, BOSS)


@pytest.mark.parametrize(
    ("level", "owner", "parent", "period", "fault"),
    [
        (Level.DEPARTMENT, "PROD", None, "2026", "has no parent"),
        (Level.DEPARTMENT, "PROD", "GONE", "2026", "which no unit has"),
        (Level.DEPARTMENT, "PROD", "SALES", "2027", "which no unit has for 2027"),
        (Level.COMPANY, "CO", "SALES", "2026-Q1", "lies under another"),
    ],
)
def test_an_orphan_is_refused(core, level, owner, parent, period, fault):
    one = unit_goal("X", owner, level, parent, period=period)
    with writing(core) as conn, pytest.raises(RefusedError, match=fault):
        store_unit_goals(conn, (one,), BOSS)


def test_a_goal_does_not_lie_under_its_own_level(core):
    a = unit_goal("A", "PROD", Level.DEPARTMENT, "SALES")
    b = unit_goal("B", "PURCH", Level.DEPARTMENT, "A")
    with writing(core) as conn:
        store_unit_goals(conn, (a,), BOSS)
        with pytest.raises(RefusedError, match="lies under 'A' of a department"):
            store_unit_goals(conn, (b,), BOSS)


def test_what_no_longer_reaches_the_company_is_listed_with_where_it_ends(core):
    with writing(core) as conn:
        part = split_goal(conn, COMPANY, {"PROD": Fraction(100)}, BOSS)[0]
        own = goal("own", period="2026-10", parent=part.code)
        propose(conn, Draft(person="E1", period="2026-10", goals=(own,)), LEAD)
        assert GoalBook.load(conn).unaligned() == []
        other = replace(COMPANY, code="PROFIT")
        store_unit_goals(conn, (other,), BOSS)
    found = book(core).unaligned()
    assert [(one.goal, one.owner, one.path) for one in found] == [
        ("own", "E1", ("own", "SALES.PROD"))
    ]
    assert "lies under 'SALES', which no unit has" in found[0].why


def closing(unit, until):
    rows = organisation()
    parents = tuple(
        replace(one, valid_until=until) if one.unit == unit else one for one in rows.parents
    )
    places = tuple(
        replace(one, valid_until=until) if one.unit == unit else one for one in rows.memberships
    )
    return replace(rows, parents=parents, memberships=places)


def test_a_team_with_open_goals_cannot_close_until_they_are_moved(core):
    with writing(core) as conn:
        part = split_goal(conn, COMPANY, {"PROD": Fraction(100)}, BOSS)[0]
        team = split_goal(conn, part, {"T1": Fraction(100)}, BOSS)[0]
        own = goal("own", period="2026-10", parent=team.code)
        propose(conn, Draft(person="E1", period="2026-10", goals=(own,)), LEAD)
        before = load_organisation(conn)
        with pytest.raises(RefusedError, match="T1 cannot close on 2026-11-01") as refused:
            refuse_closing(conn, before, closing("T1", day("2026-11-01")))
        assert f"goals move {team.code} --period 2026 --to UNIT" in refused.value.remedy
        move_goal(conn, team, "T2", BOSS)
        refuse_closing(conn, before, closing("T1", day("2026-11-01")))
    tree = book(core)
    assert tree.unit_goal(team.code, "2026").owner == "T2"
    assert tree.unaligned() == []


def test_a_unit_may_close_when_its_goals_are_over(core):
    with writing(core) as conn:
        split_goal(conn, COMPANY, {"PROD": Fraction(100)}, BOSS)
        refuse_closing(conn, load_organisation(conn), closing("PROD", day("2027-01-01")))


def test_units_without_dates_are_left_alone(core):
    with writing(core) as conn:
        split_goal(conn, COMPANY, {"PROD": Fraction(100)}, BOSS)
        before = load_organisation(conn)
        more = replace(
            before,
            parents=(*before.parents, UnitParent(unit="T1", parent="PURCH")),
            memberships=(*before.memberships, Membership(person="E2", unit="T1")),
        )
        refuse_closing(conn, before, more)

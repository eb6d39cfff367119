"""E11, H2, H6: what a locked score leads to, in each of the two schemes, and a goal that was missed."""

from datetime import date
from fractions import Fraction

import pytest

from hr_core.approvals.desk import Actor, approve, open_approvals
from hr_core.approvals.effects import take_effect
from hr_core.approvals.kinds import Kind
from hr_core.pay.agreement import PayAgreement, on_day
from hr_core.performance.follow_up import follow_up
from hr_core.performance.locking import lock_score
from hr_core.performance.opening_from_goals import open_from_goals
from hr_core.performance.periods import Period
from hr_core.quality.month import Tally
from hr_core.store.consequences import ConsequenceKind
from hr_core.store.database import writing
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.performance_figures import add_figures
from tests.hr_core.performance.goal_samples import goal, goal_set, plant
from tests.hr_core.performance.score_desk import BOSS, HR, NOW, OTHER, WORKER, act, locked, marked
from tests.hr_core.performance.test_first_score import figure, store_signed
from tests.hr_core.two_people import agreement_by_two


@pytest.fixture
def core(sqlite_engine):
    with writing(sqlite_engine) as conn:
        terms = PayAgreement(base_fen=600_000, city="上海")
        agreement_by_two(conn, WORKER, date(2026, 1, 1), terms, by=(HR, OTHER), at=NOW)
    return sqlite_engine


def followed(core, score, scheme="general", tally=None):
    with writing(core) as conn:
        locked(conn, score, scheme=scheme, tally=tally)
        return {one.kind.value: one for one in follow_up(conn, "2026-10", act(HR)).made}


@pytest.mark.parametrize(
    ("score", "leads_to"),
    [
        (
            "95",
            {"raise": {"percent": "10", "after_fen": 660_000}, "training": {"course": "团队管理"}},
        ),
        ("85", {"bonus_to_decide": {"decided_by": "people"}, "training": {"course": "专业技能"}}),
        ("70", {"improvement_plan": {"begins": "2026-11-01"}}),
        ("30", {"hr_notice": {"grade": "D"}}),
    ],
)
def test_the_general_scheme_is_another_one_than_the_workshops(core, score, leads_to):
    made = followed(core, score)
    assert made.keys() == leads_to.keys()
    for kind, wanted in leads_to.items():
        assert wanted.items() <= made[kind].detail.items()
    with core.connect() as conn:
        money = [Kind.PAY_AGREEMENT] if "raise" in leads_to else []
        assert [one.kind for one in open_approvals(conn)] == money


def test_a_raises_6000_to_6900_from_the_next_period_and_leaves_its_rows(core):
    made = followed(core, "80", "workshop", Tally(1000, 19))
    assert made.keys() == {"raise", "training", "team_lead_candidate"}
    assert made["training"].detail == {"course": "质量管控"}
    with writing(core) as conn:
        take_effect(conn, approve(conn, made["raise"].approval, at=NOW, by=Actor(OTHER)))
        held = agreements_until(conn, date(2026, 12, 1))[WORKER]
    assert [
        on_day(held, day).terms.base_fen for day in (date(2026, 10, 31), date(2026, 11, 1))
    ] == [
        600_000,
        690_000,
    ]


@pytest.fixture
def by_goals(sqlite_engine):
    """E1's goals of October: contracts 80 of 100, cash 120 of 100."""
    plant(sqlite_engine)
    goals = goal_set(goal("contracts", weight=Fraction(60)), goal("cash", weight=Fraction(40)))
    with writing(sqlite_engine) as conn:
        store_signed(conn, goals)
        add_figures(conn, [figure("contracts", 80), figure("cash", 120)])
        number, _ = open_from_goals(conn, WORKER, Period.parse("2026-10"), act(HR), rater=BOSS)
        marked(conn, number, "85", "85")
        lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
    return sqlite_engine


def test_a_missed_goal_becomes_a_review_with_its_figures(by_goals):
    with writing(by_goals) as conn:
        made = follow_up(conn, "2026-10", act(HR)).made
        again = follow_up(conn, "2026-10", act(HR))
    (task,) = (one for one in made if one.kind is ConsequenceKind.GOAL_REVIEW)
    (missed,) = task.detail["goals"]
    assert (missed["goal"], missed["weight_percent"], missed["first"]) == ("contracts", "60", "80")
    assert (missed["target"].split()[0], missed["actual"]) == ("100", "80")
    assert any("ERP row 2" in source for source in missed["sources"])
    assert (again.made, again.withdrawn) == ((), ())


def test_without_data_nothing_says_that_a_goal_was_missed(core):
    assert "goal_review" not in followed(core, "30")

"""D5, D8, D9, D10, D14, E4: the first score is a recomputation from data, with its whole trace."""

from fractions import Fraction

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.errors import NothingToComputeError
from hr_core.performance.first_score import ScoreMismatchError, first_score, replay
from hr_core.performance.goals import GoalKind, Group
from hr_core.performance.periods import Period
from hr_core.performance.sign_off import State
from hr_core.store.database import writing
from hr_core.store.goals import StepRow, add_set, add_step
from hr_core.store.performance_figures import Figure, add_figures
from tests.hr_core.performance.goal_samples import NOW, day, goal, goal_set, plant

OCTOBER = Period.parse("2026-10")


def store_signed(conn, goals):
    """As signing leaves it; how it gets there is test_agreeing's subject."""
    stored = add_set(conn, goals, NOW, "LEAD", "")
    row = StepRow(
        goal_set=stored.number,
        step=1,
        act="propose",
        role="manager",
        person="LEAD",
        name="LEAD",
        at=NOW,
        before="new",
        after=State.SIGNED,
        digest=stored.digest,
        wanted=None,
        note="",
    )
    add_step(conn, row)
    return stored


def figure(name, value, period="2026-10", subject="person:E1", of=None, revision=1):
    return Figure(
        subject=subject,
        figure=name,
        period=period,
        revision=revision,
        value=Fraction(value),
        of=None if of is None else Fraction(of),
        source="ERP",
        load="L1",
        place="row 2",
        loaded_at=NOW,
        loaded_by="hr",
    )


@pytest.fixture
def plant_engine(engine):
    plant(engine)
    return engine


def scored(engine, goals, figures, period=OCTOBER):
    with writing(engine) as conn:
        store_signed(conn, goals)
        add_figures(conn, figures)
    with engine.connect() as conn:
        return first_score(conn, "E1", period)


def test_three_rates_with_three_weights_make_one_score(plant_engine):
    goals = goal_set(
        goal("contracts", weight=Fraction(40)),
        goal("cash", weight=Fraction(30)),
        goal("output", weight=Fraction(30)),
    )
    values = [figure("contracts", 80), figure("cash", 60), figure("output", 100)]
    found = scored(plant_engine, goals, values)
    assert found.score == 80
    assert [one.tier for one in found.indicators] == ["excellent", "base", "outstanding"]
    assert "ERP row 2, load L1" in found.indicators[0].sources[0]


@pytest.mark.parametrize(
    ("reached", "tier"),
    [
        ("59.99", None),
        ("60", "base"),
        ("79.99", "base"),
        ("80", "excellent"),
        ("100", "outstanding"),
    ],
)
def test_tiers_begin_at_their_edges(plant_engine, reached, tier):
    found = scored(plant_engine, goal_set(goal()), [figure("G", reached)])
    assert found.indicators[0].tier == tier


@pytest.mark.parametrize(
    ("kind", "target", "base", "actual", "achieved"),
    [
        (GoalKind.COUNT, "3", None, "2", Fraction(200, 3)),
        (GoalKind.AT_MOST, "5", None, "5", 100),
        (GoalKind.AT_MOST, "5", None, "6", Fraction(500, 6)),
        (GoalKind.AT_MOST, "0", None, "0", 100),
        (GoalKind.AT_MOST, "0", None, "1", 0),
        (GoalKind.AT_LEAST, "30", None, "24", 80),
        (GoalKind.AT_LEAST, "30", None, "-1", 0),
        (GoalKind.CHANGE, "-10", "40", "38", 50),
        (GoalKind.CHANGE, "-50", "8", "4", 100),
        (GoalKind.CHANGE, "-50", "8", "9", 0),
        (GoalKind.CHANGE, "20", "100", "110", 50),
    ],
)
def test_each_kind_of_goal_is_computed_exactly(plant_engine, kind, target, base, actual, achieved):
    one = goal(kind=kind, target=Fraction(target), base=base and Fraction(base))
    found = scored(plant_engine, goal_set(one), [figure("G", actual)])
    assert found.indicators[0].achievement == achieved


def test_more_than_the_goal_is_capped_and_shown(plant_engine):
    found = scored(plant_engine, goal_set(goal()), [figure("G", 150)])
    assert (found.indicators[0].achievement, found.score) == (150, 100)


def test_a_failed_trial_costs_nothing_and_is_shown_apart(plant_engine):
    trial = goal("new way", trial=True, weight=Fraction(50))
    found = scored(plant_engine, goal_set(goal(), trial), [figure("G", 90), figure("new way", 1)])
    assert found.score == 90
    assert [one.goal for one in found.trials] == ["new way"]


def test_a_trial_without_a_figure_holds_nothing_up(plant_engine):
    found = scored(plant_engine, goal_set(goal(), goal("new", trial=True)), [figure("G", 90)])
    assert found.score == 90
    assert [one.goal for one in found.trials_missing] == ["new"]


def test_a_missing_figure_is_told_and_never_zero(plant_engine):
    with pytest.raises(NothingToComputeError, match=r"goal G: G of person:E1 for 2026-10 is not"):
        scored(plant_engine, goal_set(goal()), [])


def test_without_signed_goals_there_is_no_score(plant_engine):
    with writing(plant_engine) as conn:
        add_set(conn, goal_set(goal()), NOW, "LEAD", "")
    with plant_engine.connect() as conn, pytest.raises(NothingToComputeError, match="no signed"):
        first_score(conn, "E1", OCTOBER)


def test_past_months_keep_their_weights(plant_engine):
    kpi = {"period": "2026-Q4"}
    before = goal_set(goal("a", weight=Fraction(60), **kpi), goal("b", weight=Fraction(40), **kpi))
    after = goal_set(
        goal("a", weight=Fraction(30), **kpi),
        goal("b", weight=Fraction(70), **kpi),
        version=2,
        since=day("2026-11-01"),
    )
    third = Fraction(100, 3)
    months = ("2026-10", "2026-11", "2026-12")
    values = [
        figure(name, third * share, month)
        for month in months
        for name, share in (("a", 1), ("b", Fraction(1, 2)))
    ]
    october = scored(plant_engine, before, values)
    assert october.score == 60 + 20
    with writing(plant_engine) as conn:
        store_signed(conn, after)
    with plant_engine.connect() as conn:
        assert first_score(conn, "E1", OCTOBER) == october
        assert first_score(conn, "E1", Period.parse("2026-11")).score == 30 + 35
        whole = first_score(conn, "E1", Period.parse("2026-Q4"))
    assert [one.weight for one in whole.indicators] == [40, 60]
    assert whole.score == 40 + 30
    assert len(whole.goals_digests) == 2


def test_rates_of_months_add_up_by_their_wholes_only(plant_engine):
    one = goal(kind=GoalKind.AT_LEAST, target=Fraction(90), period="2026-Q4")
    quarter = Period.parse("2026-Q4")
    months = [
        figure("G", n, f"2026-{m}", of=of) for m, n, of in ((10, 9, 10), (11, 0, 5), (12, 5, 5))
    ]
    found = scored(plant_engine, goal_set(one), months, quarter)
    assert found.indicators[0].actual == 70
    with writing(plant_engine) as conn:
        bare = [figure("G", 90, row.period, revision=2) for row in months]
        add_figures(conn, bare)
    with plant_engine.connect() as conn, pytest.raises(NothingToComputeError, match="do not add"):
        first_score(conn, "E1", quarter)


def test_the_score_follows_from_its_own_trace(plant_engine):
    goals = goal_set(
        goal("a", weight=Fraction(100, 3)),
        goal("b", weight=Fraction(200, 3), group=Group.KCI, kind=GoalKind.AT_MOST),
    )
    found = scored(plant_engine, goals, [figure("a", 77), figure("b", 103)])
    assert replay(found) == found.score
    with plant_engine.connect() as conn:
        assert first_score(conn, "E1", OCTOBER) == found
    altered = replace(found.indicators[0], actual=Fraction(78))
    with pytest.raises(ScoreMismatchError):
        replay(replace(found, indicators=(altered, found.indicators[1])))
    with pytest.raises(ScoreMismatchError):
        replay(replace(found, score=found.score + 1))


def test_a_corrected_figure_is_a_revision_and_the_old_one_stays(plant_engine):
    found = scored(plant_engine, goal_set(goal()), [figure("G", 50)])
    with writing(plant_engine) as conn:
        add_figures(conn, [figure("G", 70, revision=2)])
    with plant_engine.connect() as conn:
        assert (found.score, first_score(conn, "E1", OCTOBER).score) == (50, 70)
        assert conn.execute(sa.text("SELECT count(*) FROM performance_figures")).scalar() == 2

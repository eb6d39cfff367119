"""From signed goals and figures to an assessment, and from there to a locked score."""

import json
from fractions import Fraction

import pytest

from hr_core.cli import main
from hr_core.performance.content import content_of
from hr_core.performance.score_rules import Combination
from hr_core.store.database import open_database, writing
from hr_core.store.performance_figures import add_figures
from hr_core.store.score_results import newest_result
from tests.hr_core.performance.goal_samples import goal, goal_set, plant
from tests.hr_core.performance.test_first_score import figure, store_signed

MONTH = ("--period", "2025-10")


def run(*words):
    return main(["performance", *words])


@pytest.fixture
def signed(empty):
    """E1's signed goals of October 2025; of the trial nothing was reached."""
    engine = open_database(f"sqlite:///{empty}")
    plant(engine)
    third = Fraction(100, 3)
    period = "2025-10"
    goals = goal_set(
        goal("output", period=period, weight=third),
        goal("cash", period=period, weight=2 * third),
        goal("new press", period=period, weight=Fraction(0), trial=True),
        goal("shown only", period=period, weight=Fraction(0)),
    )
    with writing(engine) as conn:
        store_signed(conn, goals)
        values = (("output", 50), ("cash", 80), ("new press", 0), ("shown only", 10))
        add_figures(conn, [figure(name, value, period) for name, value in values])
    yield engine
    engine.dispose()


def test_an_assessment_begins_at_the_first_score_of_the_signed_goals(signed, capfd):
    capfd.readouterr()
    opened = ("assess", "from-goals", "E1", *MONTH, "--rater", "LEAD", "--by", "BOSS")
    assert run(*opened, "--json") == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["assessment"], found["first_score"]) == (1, "70")
    for side, who in (("self", "E1"), ("manager", "LEAD")):
        marks = ("--mark", "output=60", "--mark", "cash=90", "--by", who)
        run("assess", "enter", "1", "--side", side, *marks)
    assert run("lock", *MONTH, "--scheme", "general", "--by", "BOSS") == 0
    with signed.connect() as conn:
        row = newest_result(conn, ["E1"], "2025-10")
    assert row.score == 80
    (part,) = content_of(row.content).posts
    assert part.goals_version == 1
    assert [(one.code, one.first) for one in part.indicators] == [("output", "50"), ("cash", "80")]
    data_alone = Combination(Fraction(100), Fraction(0), Fraction(0))
    assert part.score(data_alone) == 70  # the failed trial is no part of it


def test_without_signed_goals_the_weights_are_typed(signed, capfd):
    begin = ("E2", *MONTH, "--rater", "LEAD", "--by", "BOSS")
    assert run("assess", "from-goals", *begin) == 2
    assert "no signed goals" in capfd.readouterr().err
    assert run("assess", "open", *begin, "--weight", "output=100") == 0

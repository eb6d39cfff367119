"""An appeal: other eyes, a second version, and the difference that pay sees."""

from fractions import Fraction

import pytest
import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.performance.appealing import appeal_score, ask_review, open_appeals, review
from hr_core.performance.content import content_of
from hr_core.performance.results import changed_since, highest_number, locked_results
from hr_core.store.appeals import About, Outcome, appeals
from hr_core.store.database import writing
from hr_core.store.score_results import result_by_number
from tests.hr_core.performance.score_desk import BOSS, HR, OTHER, WORKER, act, locked

OCTOBER = Month(2026, 10)
HIGHER = {"output": Fraction(95)}


def test_an_appeal_becomes_version_two_and_a_difference_for_pay(engine):
    with writing(engine) as conn:
        first = locked(conn, "80")
        paid_with = highest_number(conn)
        assert changed_since(conn, OCTOBER, paid_with) == {}
        number = appeal_score(conn, WORKER, "2026-10", "the machine stood still", act(WORKER))
        assert [one.number for one in open_appeals(conn)] == [number]
        made = review(conn, number, Outcome.CHANGED, HIGHER, "the log shows it", act(OTHER))
        assert open_appeals(conn) == []
        changed = changed_since(conn, OCTOBER, paid_with)
        second = result_by_number(conn, made.number)
    assert made.version == 2
    assert made.score == Fraction("0.6") * 95 + Fraction("0.4") * 80
    assert changed[WORKER].before == first
    assert changed[WORKER].after == made
    assert content_of(second.content).score() == made.score
    assert content_of(second.content).appeal == number
    with engine.connect() as conn:
        assert locked_results(conn, OCTOBER) == {WORKER: made}
        assert locked_results(conn, OCTOBER, up_to=paid_with) == {WORKER: first}
        assert result_by_number(conn, first.number).score == 80


@pytest.mark.parametrize(
    "who", [act(BOSS), act(WORKER), act("boss-2", also=(BOSS,)), act("ＭＹ-ME", also=("e1",))]
)
def test_who_rated_or_appealed_does_not_review(engine, who):
    with writing(engine) as conn:
        locked(conn, "80")
        number = appeal_score(conn, WORKER, "2026-10", "too low", act(WORKER))
        with pytest.raises(RefusedError, match="cannot review"):
            review(conn, number, Outcome.UPHELD, {}, "no", who)


@pytest.mark.parametrize("who", [BOSS, WORKER])
def test_the_database_refuses_such_a_review_too(engine, who):
    with writing(engine) as conn:
        locked(conn, "80")
        appeal_score(conn, WORKER, "2026-10", "too low", act(WORKER))
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as conn:
        conn.execute(appeals.update().values(reviewed_by=who, outcome="upheld"))


def test_an_answer_is_given_once(engine):
    with writing(engine) as conn:
        locked(conn, "80")
        number = appeal_score(conn, WORKER, "2026-10", "too low", act(WORKER))
        with pytest.raises(RefusedError, match=f"appeal {number} about the same is open"):
            appeal_score(conn, WORKER, "2026-10", "really", act(WORKER))
        with pytest.raises(RefusedError, match="marks belong to a score that changes"):
            review(conn, number, Outcome.CHANGED, {}, "yes", act(OTHER))
        with pytest.raises(RefusedError, match="has no indicator speed"):
            review(conn, number, Outcome.CHANGED, {"speed": Fraction(90)}, "yes", act(OTHER))
        assert review(conn, number, Outcome.UPHELD, {}, "the figures stand", act(OTHER)) is None
        with pytest.raises(RefusedError, match="was answered by M2"):
            review(conn, number, Outcome.CHANGED, HIGHER, "yes", act(HR))
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as conn:
        conn.execute(appeals.update().values(answer="other words"))


def test_a_second_appeal_is_for_a_third_pair_of_eyes(engine):
    with writing(engine) as conn:
        locked(conn, "80")
        number = appeal_score(conn, WORKER, "2026-10", "too low", act(WORKER))
        review(conn, number, Outcome.CHANGED, HIGHER, "half of it", act(OTHER))
        again = appeal_score(conn, WORKER, "2026-10", "still too low", act(WORKER))
        with pytest.raises(RefusedError, match="cannot review"):
            review(conn, again, Outcome.UPHELD, {}, "no", act(OTHER))
        made = review(conn, again, Outcome.CHANGED, {"care": Fraction(90)}, "yes", act(HR))
    # What the first review gave stands beside what the second one gave.
    assert made.score == Fraction("0.6") * 95 + Fraction("0.4") * 90
    assert made.version == 3


def test_only_the_rated_person_appeals_and_only_after_the_lock(engine):
    with writing(engine) as conn:
        with pytest.raises(RefusedError, match="no score of E1"):
            appeal_score(conn, WORKER, "2026-10", "too low", act(WORKER))
        locked(conn, "80")
        with pytest.raises(RefusedError, match="cannot appeal for E1"):
            appeal_score(conn, WORKER, "2026-10", "too low", act(OTHER))


def test_goals_and_a_past_period_go_the_same_way_without_a_score(engine):
    with writing(engine) as conn:
        goals = ask_review(
            conn, About.GOALS, WORKER, "2027-Q1", "three times last year", act(WORKER), manager=BOSS
        )
        with pytest.raises(RefusedError, match="cannot review"):
            review(conn, goals, Outcome.UPHELD, {}, "no", act(BOSS))
        with pytest.raises(RefusedError, match="marks belong to a score"):
            review(conn, goals, Outcome.CHANGED, HIGHER, "yes", act(OTHER))
        assert review(conn, goals, Outcome.CHANGED, {}, "halve the goal", act(OTHER)) is None
        with pytest.raises(RefusedError, match="ends before 2027-01-01"):
            ask_review(conn, About.PERIOD, WORKER, "2026", "look back", act(WORKER), manager=BOSS)
        ask_review(conn, About.PERIOD, WORKER, "2026-10", "look back", act(WORKER), manager=BOSS)
        assert highest_number(conn) == 0


def test_a_score_locked_after_the_run_is_a_change_from_nothing(engine):
    with writing(engine) as conn:
        made = locked(conn, "80")
        changed = changed_since(conn, OCTOBER, 0)
    assert changed[WORKER].before is None
    assert changed[WORKER].after == made


def test_the_shortest_period_that_ends_with_the_month_is_the_months(engine):
    with writing(engine) as conn:
        year = locked(conn, "95", period="2025")
        month = locked(conn, "70", period="2025-12")
        assert locked_results(conn, Month(2025, 12)) == {WORKER: month}
        assert year.period == "2025"
        assert locked_results(conn, Month(2025, 11)) == {}


@pytest.mark.parametrize("mark", ["-1", "100.5", "100000000"])
def test_a_reviewer_gives_marks_as_everybody_does(engine, mark):
    with writing(engine) as conn:
        locked(conn, "80")
        number = appeal_score(conn, WORKER, "2026-10", "too low", act(WORKER))
        with pytest.raises(RefusedError, match="output: a mark of"):
            review(conn, number, Outcome.CHANGED, {"output": Fraction(mark)}, "yes", act(OTHER))

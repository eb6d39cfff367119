"""What a manager is told of missed goals, once, and what a team's meeting is about."""

from datetime import date
from fractions import Fraction

import pytest

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.notify.delivery import tell_all
from hr_core.notify.goal_message import review_messages
from hr_core.notify.settings import LOG_ONLY
from hr_core.performance.follow_up import end_task, follow_up
from hr_core.performance.goals import Level
from hr_core.performance.locking import lock_score
from hr_core.performance.open_tasks import reviews_waiting
from hr_core.performance.opening_from_goals import open_from_goals
from hr_core.performance.periods import Period
from hr_core.performance.talks import log_talk
from hr_core.performance.team_summary import lines_of, team_summary
from hr_core.store.database import writing
from hr_core.store.goals import add_set
from hr_core.store.performance_figures import add_figures
from hr_core.store.talks import Talk
from tests.hr_core.performance.goal_samples import NOW as SEPTEMBER
from tests.hr_core.performance.goal_samples import goal, goal_set, plant
from tests.hr_core.performance.score_desk import HR, NOW, act, marked
from tests.hr_core.performance.test_first_score import figure, store_signed

TODAY = date(2026, 11, 5)


@pytest.fixture
def core(engine):
    """E1 missed "contracts" of October; the team has a goal of its own."""
    plant(engine)
    goals = goal_set(goal("contracts", weight=Fraction(60)), goal("cash", weight=Fraction(40)))
    with writing(engine) as conn:
        store_signed(conn, goals)
        team = goal("TEAM", "T1", "2026-10", level=Level.TEAM, title="Contracts of the team")
        add_set(conn, goal_set(team), SEPTEMBER, "LEAD", "")
        own = figure("TEAM", 120, subject="unit:T1")
        add_figures(conn, [figure("contracts", 80), figure("cash", 120), own])
        number, _ = open_from_goals(conn, "E1", Period.parse("2026-10"), act(HR), rater="LEAD")
        marked(conn, number, "85", "85", rater="LEAD")
        lock_score(conn, "E1", "2026-10", "general", None, act(HR))
        follow_up(conn, "2026-10", act(HR))
    return engine


def test_the_manager_is_told_of_a_missed_goal_once(core):
    def told(conn):
        messages = review_messages(reviews_waiting(conn, TODAY), {"E1": "Wang", "LEAD": "Li"})
        return messages, tell_all(conn, messages, LOG_ONLY, NOW)

    with writing(core) as conn:
        (message,), count = told(conn)
        assert (message.owner, message.owner_name, message.role) == ("LEAD", "Li", "manager")
        assert "Wang missed goals of 2026-10 (contracts)" in message.text_en
        assert "contracts" in message.text_zh
        assert count == len(LOG_ONLY)
        assert told(conn)[1] == 0
        (waiting,) = reviews_waiting(conn, TODAY)
        end_task(conn, waiting.row.number, "talked over", act("LEAD"))
        assert reviews_waiting(conn, TODAY) == []


def test_a_team_meeting_in_few_lines(core):
    with writing(core) as conn:
        log_talk(conn, Talk(0, "one_to_one", "E1", "LEAD", date(2026, 10, 8), "x"), act("LEAD"))
        found = team_summary(conn, "T1", Month(2026, 10), TODAY)
    assert found.day == date(2026, 10, 31)
    assert list(lines_of(found)) == [
        "T1, 2026-10 (as of 2026-10-31), people: 2",
        "  goal TEAM (Contracts of the team): 120.0 %",
        "  goals of people: 2, 1 behind; 0 sets to be agreed",
        "  scores: 1 of 2 locked",
        "  missed goals to talk over: 1",
        "  overdue talks: one_to_one 1, quality 8",
    ]


def test_a_running_month_is_told_as_of_today(core):
    with core.connect() as conn:
        found = team_summary(conn, "T2", Month(2026, 11), TODAY)
        assert (found.day, found.goals, found.locked, found.reviews) == (TODAY, (), 0, 0)
        with pytest.raises(NotFoundError, match="no unit 'T9'"):
            team_summary(conn, "T9", Month(2026, 11), TODAY)

"""What the tests of scores share: people who act, and an assessment that is ready for its lock."""

from datetime import UTC, datetime
from fractions import Fraction

from hr_core.approvals.desk import Actor
from hr_core.performance.acting import Deed
from hr_core.performance.assessing import (
    NewAssessment,
    enter_marks,
    explain_deviation,
    open_assessment,
    view_of,
)
from hr_core.performance.locking import lock_score
from hr_core.store.assessments import Indicator

NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)
WORKER, BOSS, HR, OTHER = "E1", "M1", "H1", "M2"


def act(name, at=NOW, *, also=()):
    return Deed(actor=Actor(name, frozenset({name, *also})), at=at)


def indicators(*pairs):
    return tuple(Indicator(code=code, weight_percent=weight) for code, weight in pairs)


TWO = indicators(("output", "60"), ("care", "40"))


def opened(conn, person=WORKER, period="2026-10", rater=BOSS, post="", share="100", of=TWO):
    new = NewAssessment(
        person=person, period=period, rater=rater, indicators=of, post=post, share_percent=share
    )
    return open_assessment(conn, new, act(HR))


def entered(conn, number, side, who, **marks):
    exact = {code: Fraction(mark) for code, mark in marks.items()}
    enter_marks(conn, number, side, exact, act(who), "")


def marked(conn, number, own, manager, person=WORKER, rater=BOSS):
    """Both sides give one mark for everything; what lies apart is explained."""
    codes = [one.code for one in view_of(conn, number, act(HR)).assessment.indicators]
    entered(conn, number, "self", person, **dict.fromkeys(codes, own))
    entered(conn, number, "manager", rater, **dict.fromkeys(codes, manager))
    for code in view_of(conn, number, act(HR)).to_explain:
        explain_deviation(conn, number, code, "talked over", act(rater))


def locked(conn, score, person=WORKER, period="2026-10", scheme="general", tally=None, at=NOW):
    """A locked score of one person, both sides of one mind."""
    number = opened(conn, person, period)
    marked(conn, number, score, score, person)
    return lock_score(conn, person, period, scheme, tally, act(HR, at))

"""A two-way assessment by the signed goals: their weights, and the first score that the data gave."""

from typing import NamedTuple

import sqlalchemy as sa

from hr_core.errors import RefusedError
from hr_core.performance.acting import Deed
from hr_core.performance.assessing import NewAssessment, open_assessment
from hr_core.performance.first_score import FirstScore, first_score
from hr_core.performance.goal_book import signed_sets
from hr_core.performance.periods import Period
from hr_core.performance.sign_off import Act, Role
from hr_core.store.assessments import Indicator
from hr_core.store.goals import steps_of


class Post(NamedTuple):
    """Of several posts of one person: which, and its percent of the whole score."""

    name: str = ""
    share_percent: str = "100"


def open_from_goals(
    conn: sa.Connection,
    person: str,
    period: Period,
    deed: Deed,
    *,
    rater: str | None = None,
    post: Post | None = None,
) -> tuple[int, FirstScore]:
    """The number of the assessment. `rater`: a person's key; None: who signed as the manager.

    Raises NothingToComputeError (no signed goals, a figure is missing), RefusedError.
    """
    found = first_score(conn, person, period)
    return open_by_score(conn, found, deed, rater=rater, post=post), found


def open_by_score(
    conn: sa.Connection,
    found: FirstScore,
    deed: Deed,
    *,
    rater: str | None = None,
    post: Post | None = None,
) -> int:
    """As `open_from_goals`, of a first score that was computed already."""
    post = post or Post()
    new = NewAssessment(
        person=found.person,
        period=found.period,
        rater=rater or _signed_manager(conn, found),
        indicators=tuple(
            Indicator(code=one.goal, weight_percent=str(one.weight), first=str(one.points))
            for one in found.indicators
            if one.weight > 0  # shown, not counted
        ),
        goals_version=found.goals_version,
        post=post.name,
        share_percent=post.share_percent,
    )
    return open_assessment(conn, new, deed)


def _signed_manager(conn: sa.Connection, found: FirstScore) -> str:
    for stored in reversed(signed_sets(conn, found.person)):
        if stored.digest == found.goals_digests[-1]:
            for step in steps_of(conn, stored.number):
                if (step.act, step.role) == (Act.SIGN, Role.MANAGER):
                    return step.person
    raise RefusedError(
        f"nobody signed the goals of {found.person} as the manager", remedy="name the --rater"
    )

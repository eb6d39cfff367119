"""What a team talks about in its meeting, in few lines: counts and the team's own goals, nobody's name."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.performance import agreeing
from hr_core.performance.goals import Level
from hr_core.performance.open_tasks import open_tasks
from hr_core.performance.periods import Period
from hr_core.performance.progress import Progress, percent_shown, progress_of
from hr_core.performance.results import results_of_period
from hr_core.performance.score_rules import rules_on
from hr_core.performance.talks import overdue, people_of_unit
from hr_core.performance.units import Units
from hr_core.store.consequences import ConsequenceKind


class TeamGoal(Struct, frozen=True, kw_only=True):
    goal: str
    title: str
    achievement: Fraction | None
    behind: bool


class TeamSummary(Struct, frozen=True, kw_only=True):
    """As of `day`: the month's last, or today. No grades: in a small team a count names somebody.

    goals           the team's own that go on then
    of_people       agreed goals of people; `behind` of them lie behind their plan
    to_agree        sets of goals that somebody has not signed yet
    reviews         missed goals of earlier scores that nobody has talked over
    overdue         by kind of talk, how often none took place in a month or week of the month
    """

    unit: str
    month: str
    day: date
    people: int
    goals: tuple[TeamGoal, ...]
    of_people: int
    behind: int
    to_agree: int
    locked: int
    reviews: int
    overdue: dict[str, int]


def team_summary(conn: sa.Connection, unit: str, month: Month, today: date) -> TeamSummary:
    """Raises NotFoundError."""
    if unit not in Units.load(conn).codes:
        raise NotFoundError(
            f"there is no unit {unit!r}", remedy="name a [[unit]] of the people file"
        )
    day = min(today, month.after - timedelta(days=1))
    people = people_of_unit(conn, unit, day)
    shown = [one for one in progress_of(conn, day) if not one.trial]
    own = [one for one in shown if one.level == Level.PERSON and one.owner in people]
    tasks = open_tasks(conn, (ConsequenceKind.GOAL_REVIEW,))
    return TeamSummary(
        unit=unit,
        month=str(month),
        day=day,
        people=len(people),
        goals=tuple(map(_team_goal, _of_unit(shown, unit))),
        of_people=len(own),
        behind=sum(one.behind for one in own),
        to_agree=sum(one.person in people for one in agreeing.waiting(conn, day)),
        locked=len(results_of_period(conn, Period.of(month), unit)),
        reviews=sum(one.row.person in people for one in tasks),
        overdue=_overdue(conn, people, month, today),
    )


def lines_of(found: TeamSummary) -> Iterator[str]:
    yield f"{found.unit}, {found.month} (as of {found.day}), people: {found.people}"
    for one in found.goals:
        done = "no figure yet" if one.achievement is None else f"{percent_shown(one.achievement)} %"
        yield f"  goal {one.goal} ({one.title}): {done}{'  BEHIND' if one.behind else ''}"
    yield (
        f"  goals of people: {found.of_people}, {found.behind} behind; {found.to_agree} sets to be "
        "agreed"
    )
    yield f"  scores: {found.locked} of {found.people} locked"
    yield f"  missed goals to talk over: {found.reviews}"
    talks = ", ".join(f"{kind} {count}" for kind, count in sorted(found.overdue.items()))
    yield f"  overdue talks: {talks}"


def _of_unit(shown: Sequence[Progress], unit: str) -> Iterator[Progress]:
    return (one for one in shown if one.level != Level.PERSON and one.owner == unit)


def _team_goal(one: Progress) -> TeamGoal:
    return TeamGoal(goal=one.goal, title=one.title, achievement=one.achievement, behind=one.behind)


def _overdue(
    conn: sa.Connection, people: Sequence[str], month: Month, today: date
) -> dict[str, int]:
    return {
        kind: sum(
            one.since < month.after for one in overdue(conn, people, kind, month.first, today)
        )
        for kind in rules_on(conn, today).talks
    }

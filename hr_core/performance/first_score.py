"""The first score of a person: computed from data by the signed goals, with all that it rests on."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import NothingToComputeError
from hr_core.performance.achievement import achievement
from hr_core.performance.figures import Figures
from hr_core.performance.goal_book import signed_sets
from hr_core.performance.goal_rules import GoalRules
from hr_core.performance.goals import WHOLE, Goal, GoalKind, Group
from hr_core.performance.periods import Period
from hr_core.performance.rule_desk import goal_rules
from hr_core.store.goals import StoredSet


class ScoreMismatchError(Exception):
    """A score does not follow from its own trace: the record was changed or the code is wrong."""


class IndicatorScore(Struct, frozen=True, kw_only=True):
    """One goal in a score. All percentages are exact.

    target        of the scored time: a count's target of a longer period by its months
    achievement   percent of the target; tier: the highest whose edge it reaches, or None
    points        what the goal gets by the rules, 0 to the cap; it adds weight x points / 100
    sources       the values that `actual` was made from
    open          what somebody has to look at before anybody is paid by it
    """

    goal: str
    title: str
    title_zh: str
    group: Group
    kind: GoalKind
    scored_by: str | None
    actual: Fraction
    target: Fraction
    base: Fraction | None
    measure: str
    achievement: Fraction
    tier: str | None
    weight: Fraction
    points: Fraction
    sources: tuple[str, ...]
    open: tuple[str, ...]


class MissingFigure(Struct, frozen=True, kw_only=True):
    goal: str
    missing: tuple[str, ...]


class FirstScore(Struct, frozen=True, kw_only=True):
    """`score` is the sum of weight x points / 100 over the indicators; trials are shown apart.

    goals_version   of the newest set that holds in the period; goals_digests: all that hold in it
    rules           with the tiers and the scoring that made the points
    trials_missing  trial goals without a figure: they hold nothing up
    """

    person: str
    period: str
    goals_version: int
    goals_digests: tuple[str, ...]
    score: Fraction
    indicators: tuple[IndicatorScore, ...]
    trials: tuple[IndicatorScore, ...]
    trials_missing: tuple[MissingFigure, ...]
    rules: GoalRules

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(f"{one.goal}: {text}" for one in self.indicators for text in one.open)


class _Weighted(NamedTuple):
    goal: Goal
    weight: Fraction


class FirstScores:
    """Of many people for one period: the organisation and the lines' months are read once."""

    def __init__(self, conn: sa.Connection, period: Period) -> None:
        self._conn = conn
        self._period = period
        self._rules = goal_rules(conn).on(period.first)
        self._figures = Figures(conn)

    def of(self, person: str) -> FirstScore:
        """As `first_score`."""
        by_month = _sets_by_month(self._conn, person, self._period)
        found: dict[bool, list[IndicatorScore]] = {False: [], True: []}
        lacking: dict[bool, list[MissingFigure]] = {False: [], True: []}
        for goal, weight in _weighted([one.goals.goals for one in by_month]):
            one = _indicator(self._figures, goal, weight, self._period, self._rules)
            if isinstance(one, MissingFigure):
                lacking[goal.trial].append(one)
            else:
                found[goal.trial].append(one)
        _refuse_missing(person, self._period, lacking[False])
        return FirstScore(
            person=person,
            period=str(self._period),
            goals_version=by_month[-1].goals.version,
            goals_digests=tuple(dict.fromkeys(one.digest for one in by_month)),
            score=_total(found[False]),
            indicators=tuple(found[False]),
            trials=tuple(found[True]),
            trials_missing=tuple(lacking[True]),
            rules=self._rules,
        )


def first_score(conn: sa.Connection, person: str, period: Period) -> FirstScore:
    """`person` is a key. The same data give the same score, whenever it is asked for.

    Raises NothingToComputeError: without signed goals, or while a figure is missing (it says which
    and who can mend it); NoLawError.
    """
    return FirstScores(conn, period).of(person)


def _refuse_missing(person: str, period: Period, lacking: Sequence[MissingFigure]) -> None:
    if lacking:
        raise NothingToComputeError(
            f"no first score of {person} for {period}: "
            + "; ".join(f"goal {one.goal}: {text}" for one in lacking for text in one.missing),
            remedy="enter what is missing, then compute again",
        )


def replay(found: FirstScore) -> Fraction:
    """The score again, from its own trace alone. Raises ScoreMismatchError."""
    for one in (*found.indicators, *found.trials):
        achieved = achievement(one.kind, one.target, one.base, one.actual)
        tier = found.rules.reached(achieved)
        made = (achieved, tier.code if tier else None, found.rules.points(achieved))
        if made != (one.achievement, one.tier, one.points):
            raise ScoreMismatchError(f"goal {one.goal} does not give its own points")
    total = _total(found.indicators)
    if total != found.score:
        raise ScoreMismatchError(f"the indicators give {total}, stored {found.score}")
    return total


def target_of(goal: Goal, period: Period) -> Fraction:
    """A count's target is shared out by months; a rate's holds at any time."""
    if goal.kind is not GoalKind.COUNT:
        return goal.target
    return goal.target * period.length / Period.parse(goal.period).length


def _indicator(
    figures: Figures, goal: Goal, weight: Fraction, period: Period, rules: GoalRules
) -> IndicatorScore | MissingFigure:
    actual = figures.actual(goal, period)
    if actual.value is None or actual.missing:
        return MissingFigure(goal=goal.code, missing=actual.missing)
    target = target_of(goal, period)
    achieved = achievement(goal.kind, target, goal.base, actual.value)
    tier = rules.reached(achieved)
    return IndicatorScore(
        goal=goal.code,
        title=goal.title,
        title_zh=goal.title_zh,
        group=goal.group,
        kind=goal.kind,
        scored_by=goal.scored_by,
        actual=actual.value,
        target=target,
        base=goal.base,
        measure=goal.measure,
        achievement=achieved,
        tier=tier.code if tier else None,
        weight=weight,
        points=rules.points(achieved),
        sources=actual.sources,
        open=actual.open,
    )


def _sets_by_month(conn: sa.Connection, person: str, period: Period) -> list[StoredSet]:
    """For each month of the period the version that holds then: past months keep theirs."""
    signed = [
        one for one in signed_sets(conn, person) if Period.parse(one.goals.period).holds(period)
    ]
    shortest = min((Period.parse(one.goals.period).length for one in signed), default=0)
    signed = [one for one in signed if Period.parse(one.goals.period).length == shortest]
    return [_in_force(signed, month, person) for month in period.months()]


def _in_force(signed: Sequence[StoredSet], month: Month, person: str) -> StoredSet:
    found = [one for one in signed if one.goals.since <= month.first]
    if not found:
        raise NothingToComputeError(
            f"{person} has no signed goals for {month}",
            remedy="hr-core performance goals waiting shows whose signature is missing",
        )
    return max(found, key=lambda one: one.goals.version)


def _weighted(by_month: Sequence[tuple[Goal, ...]]) -> Iterator[_Weighted]:
    """A goal counts with the mean of its weights over the months, as its newest version words it."""
    newest = {(goal.code, goal.trial): goal for goals in by_month for goal in goals}
    for key, goal in newest.items():
        weights = [
            one.weight for goals in by_month for one in goals if (one.code, one.trial) == key
        ]
        yield _Weighted(goal, sum(weights, Fraction(0)) / len(by_month))


def _total(indicators: Sequence[IndicatorScore]) -> Fraction:
    return sum((one.weight * one.points / WHOLE for one in indicators), Fraction(0))

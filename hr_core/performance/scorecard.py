"""The card of an assessment from a person's first score: the same goals, weights and points."""

from typing import NamedTuple

import sqlalchemy as sa

from hr_core.performance.first_score import FirstScore, first_score
from hr_core.performance.periods import Period
from hr_core.store.assessments import Indicator


class Card(NamedTuple):
    """`open`: what somebody has to look at in the data, before anybody is paid by it."""

    goals_version: int
    indicators: tuple[Indicator, ...]
    open: tuple[str, ...]


def card_from_goals(conn: sa.Connection, person: str, period: Period) -> Card:
    """Of the signed goals. Raises NothingToComputeError: no signed goals, or a figure is missing."""
    return card_of(first_score(conn, person, period))


def card_of(found: FirstScore) -> Card:
    """Trial goals are not among a first score's indicators, so a failed trial costs nothing."""
    indicators = tuple(
        Indicator(code=one.goal, weight_percent=str(one.weight), first=str(one.points))
        for one in found.indicators
        if one.weight > 0  # shown, not counted
    )
    return Card(found.goals_version, indicators, found.open)

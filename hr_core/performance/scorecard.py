"""The card of an assessment from a person's first score: the same goals, weights and points."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

from hr_core.store.assessments import Indicator


class Scored(Protocol):
    """What a card needs of an indicator's score (first_score.IndicatorScore)."""

    @property
    def goal(self) -> str: ...
    @property
    def weight(self) -> Fraction: ...
    @property
    def points(self) -> Fraction: ...


def card_of(scored: Sequence[Scored]) -> tuple[Indicator, ...]:
    """Trial goals are not among a first score's indicators, so a failed trial costs nothing."""
    return tuple(
        Indicator(code=one.goal, weight_percent=str(one.weight), first=str(one.points))
        for one in scored
        if one.weight > 0  # shown, not counted
    )

"""How far a goal is reached, in exact percent of it."""

from fractions import Fraction

from hr_core.performance.goals import WHOLE, GoalKind

NOTHING = Fraction(0)


def achievement(
    kind: GoalKind, target: Fraction, base: Fraction | None, actual: Fraction
) -> Fraction:
    """Percent of the goal, never below 0.

    count, at_least   actual / target: 10 % of a goal of 15 % are 66.7 %
    at_most           100 when kept, else target / actual: 6 % defects of at most 5 % are 83.3 %
    change            the change reached / the change wanted, both in percent of the base
    """
    match kind:
        case GoalKind.COUNT | GoalKind.AT_LEAST:
            return max(WHOLE * actual / target, NOTHING)
        case GoalKind.AT_MOST:
            return WHOLE if actual <= target else WHOLE * target / actual
        case GoalKind.CHANGE:
            return max(WHOLE * change_percent(base, actual) / target, NOTHING)


def change_percent(base: Fraction | None, actual: Fraction) -> Fraction:
    """Raises ValueError without a base."""
    if not base:
        raise ValueError("a change without a base")
    return WHOLE * (actual - base) / abs(base)

"""A goal shared out by weights, so that the parts are the whole again."""

from collections.abc import Mapping
from fractions import Fraction

from hr_core.errors import RefusedError
from hr_core.money import decimal_text
from hr_core.performance.goals import WHOLE


def split(
    total: Fraction, weights: Mapping[str, Fraction], step: Fraction = Fraction(1)
) -> dict[str, Fraction]:
    """The part of each, in whole steps. 1,200 by 50/30/20 is 600/360/240.

    What is left of the steps after rounding down goes one each to those who lost most by it, of
    equals to the one named first; what is left of one step goes there too.

    Raises RefusedError for weights that are not 100 % together or not above 0.
    """
    whole = sum(weights.values(), Fraction(0))
    if whole != WHOLE or any(one <= 0 for one in weights.values()):
        told = ", ".join(f"{name} {decimal_text(weight)}" for name, weight in weights.items())
        raise RefusedError(
            f"the weights are {decimal_text(whole)} % together ({told or 'none'})",
            remedy="give weights above 0 that are 100 % together, like A=50 B=30 C=20",
        )
    if step <= 0:
        raise RefusedError(f"a step of {decimal_text(step)}", remedy="give a step above 0")
    exact = {name: total * weight / WHOLE / step for name, weight in weights.items()}
    parts = {name: Fraction(value // 1) for name, value in exact.items()}
    left = total / step - sum(parts.values(), Fraction(0))
    by_loss = sorted(exact, key=lambda name: parts[name] - exact[name])  # stable: the first named
    for name in by_loss:
        more = min(left, Fraction(1))
        parts[name] += more
        left -= more
    return {name: part * step for name, part in parts.items()}

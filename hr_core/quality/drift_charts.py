"""Charts that remember: CUSUM, EWMA and the Bernoulli CUSUM of single pieces.

Exact fractions throughout, so that the boundary is strict: a sum equal to h is no signal.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from hr_core.quality.control_charts import Limits

# ln(p1/p0) has no fraction: the Bernoulli steps are rounded once to this grid, then summed exactly.
_GRID = 10**12


class Cusum(NamedTuple):
    """Both one-sided sums in standard deviations (the lower one negative, as qcc draws it);
    signals numbered from 1.
    """

    upper: tuple[Fraction, ...]
    lower: tuple[Fraction, ...]
    signal_upper_at: tuple[int, ...]
    signal_lower_at: tuple[int, ...]


def cusum(
    points: Iterable[Fraction], *, centre: Fraction, sd: Fraction, k: Fraction, h: Fraction
) -> Cusum:
    """`k` the slack and `h` the decision interval, both in standard deviations."""
    upper: list[Fraction] = []
    lower: list[Fraction] = []
    above = below = Fraction(0)
    for point in points:
        score = (point - centre) / sd
        above = max(Fraction(0), above + score - k)
        below = min(Fraction(0), below + score + k)
        upper.append(above)
        lower.append(below)
    return Cusum(
        tuple(upper),
        tuple(lower),
        tuple(number for number, value in enumerate(upper, 1) if value > h),
        tuple(number for number, value in enumerate(lower, 1) if value < -h),
    )


class Ewma(NamedTuple):
    """`variance` of each smoothed value; `limits` for drawing; signals numbered from 1."""

    smoothed: tuple[Fraction, ...]
    variance: tuple[Fraction, ...]
    limits: tuple[Limits, ...]
    signal_at: tuple[int, ...]


def ewma(
    points: Sequence[Fraction],
    *,
    centre: Fraction,
    sd: Fraction,
    weight: Fraction,
    sigmas: Fraction,
) -> Ewma:
    """`weight` is lambda: the share of the newest point."""
    smoothed: list[Fraction] = []
    variances: list[Fraction] = []
    value = centre
    for number, point in enumerate(points, 1):
        value = weight * point + (1 - weight) * value
        settled = 1 - (1 - weight) ** (2 * number)
        smoothed.append(value)
        variances.append(sd**2 * weight / (2 - weight) * settled)
    middle = float(centre)
    reaches = [float(sigmas) * math.sqrt(variance) for variance in variances]
    return Ewma(
        tuple(smoothed),
        tuple(variances),
        tuple(Limits(middle - reach, middle + reach) for reach in reaches),
        tuple(
            number
            for number, (one, variance) in enumerate(zip(smoothed, variances, strict=True), 1)
            if (one - centre) ** 2 > sigmas**2 * variance
        ),
    )


class BernoulliCusum(NamedTuple):
    """Tells a rise from p0 to p1 piece by piece: a reject adds, a good piece takes a little."""

    for_reject: Fraction
    for_good: Fraction

    @classmethod
    def between(cls, p0: Fraction, p1: Fraction) -> "BernoulliCusum":
        """Raises ValueError unless 0 < p0 < p1 < 1."""
        if not 0 < p0 < p1 < 1:
            raise ValueError(f"p0 {p0} and p1 {p1} must be rising rates between 0 and 1")
        return cls(_log(p1 / p0), _log((1 - p1) / (1 - p0)))

    def after(self, total: Fraction, *, good: int, rejects: int) -> Fraction:
        """The sum after a batch: its good pieces first, so that a batch never overstates."""
        total = max(Fraction(0), total + good * self.for_good)
        return total + rejects * self.for_reject


def _log(ratio: Fraction) -> Fraction:
    return Fraction(round(math.log(ratio) * _GRID), _GRID)

"""Wilson's interval of a defect rate: exact where it decides, in floats where it is shown.

A limit p lies below Wilson's lower bound exactly when the score test rejects it:
d/n > p and (d - n p)^2 > z^2 n p (1 - p). With z^2 as a fraction this is a comparison of integers.
"""

import math
from fractions import Fraction
from typing import Literal, NamedTuple

Confidence = Literal["95", "99"]

# z of the normal distribution, sixteen digits (Abramowitz & Stegun 26.2; statistics.NormalDist).
Z_TWO_SIDED: dict[Confidence, Fraction] = {
    "95": Fraction("1.959963984540054"),
    "99": Fraction("2.575829303548901"),
}
Z_ONE_SIDED: dict[Confidence, Fraction] = {
    "95": Fraction("1.644853626951473"),
    "99": Fraction("2.326347874040841"),
}


class Interval(NamedTuple):
    """Shares, for display; nothing is decided by them."""

    low: float
    high: float


def exceeds(pieces: int, rejects: int, limit: Fraction) -> bool:
    """The plain rule, by cross-multiplication: 29/967 does not exceed 3 %, 29/966 does."""
    return rejects * limit.denominator > limit.numerator * pieces


def surely_exceeds(pieces: int, rejects: int, limit: Fraction, z: Fraction) -> bool:
    """Whether Wilson's lower bound lies above the limit."""
    return exceeds(pieces, rejects, limit) and not _accepted(pieces, rejects, limit, z)


def spans(pieces: int, rejects: int, edge: Fraction, z: Fraction) -> bool:
    """Whether the edge lies inside Wilson's open interval: the data cannot tell its two sides."""
    return pieces > 0 and _accepted(pieces, rejects, edge, z, strictly=True)


def wilson(pieces: int, rejects: int, z: Fraction = Z_TWO_SIDED["95"]) -> Interval | None:
    """Both bounds, each at the z given; None where the interval has no meaning."""
    if not 0 <= rejects <= pieces or pieces == 0:
        return None
    at, rate = float(z), rejects / pieces
    z2 = at * at
    centre = rate + z2 / (2 * pieces)
    half = at * math.sqrt(rate * (1 - rate) / pieces + z2 / (4 * pieces * pieces))
    scale = 1 + z2 / pieces
    low = 0.0 if rejects == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if rejects == pieces else min(1.0, (centre + half) / scale)
    return Interval(low, high)


def _accepted(
    pieces: int, rejects: int, rate: Fraction, z: Fraction, *, strictly: bool = False
) -> bool:
    """(d - n a/b)^2 <= z^2 n a/b (1 - a/b), multiplied out by b^2 and z's denominator."""
    a, b = rate.numerator, rate.denominator
    distance = (rejects * b - pieces * a) ** 2 * z.denominator**2
    width = z.numerator**2 * pieces * a * (b - a)
    return distance < width if strictly else distance <= width

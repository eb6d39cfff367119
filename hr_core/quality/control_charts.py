"""Attribute control charts: p, np, u and c with limits for each sample size, and Laney's p'.

A chart answers whether the process changed; a threshold answers whether it keeps its promise.
Whether a point is out is decided by exact fractions (Laney's excepted, which divides by a standard
deviation); the limits that are drawn are floats.
"""

import math
from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

Kind = Literal["p", "np", "u", "c"]

_SIGMAS = 3
# d2 of a moving range of two, as Minitab's Laney chart rounds it; implementations differ here.
_D2 = 1.128


class Sample(NamedTuple):
    """`found`: defectives (p, np) or defects (u, c); `size`: pieces inspected (p, np) or units of opportunity (u, c)."""

    found: int
    size: int


class Limits(NamedTuple):
    lower: float
    upper: float


class Chart(NamedTuple):
    """`limits` one for each sample; `out` the samples beyond them, numbered from 1."""

    kind: Kind
    centre: Fraction
    limits: tuple[Limits, ...]
    out: tuple[int, ...]


def chart(kind: Kind, samples: Sequence[Sample], without: Collection[int] = ()) -> Chart:
    """The centre comes from the samples that are not in `without` (numbered from 1): those whose
    cause was found. These are not judged again. Raises ValueError for nothing to compute from.
    """
    used = [sample for number, sample in enumerate(samples, 1) if number not in without]
    size = sum(sample.size for sample in used)
    if size == 0:
        raise ValueError("a control chart needs at least one sample of a size above 0")
    if kind in {"np", "c"} and len({sample.size for sample in used}) > 1:
        raise ValueError(f"an {kind} chart needs samples of one size: use a p or u chart")
    per_unit = Fraction(sum(sample.found for sample in used), size)
    out = tuple(
        number
        for number, sample in enumerate(samples, 1)
        if number not in without and _out(kind, sample, per_unit)
    )
    scale = used[0].size if kind in {"np", "c"} else 1
    limits = tuple(_limits(kind, sample.size, per_unit, 1.0) for sample in samples)
    return Chart(kind, per_unit * scale, limits, out)


def laney_chart(samples: Sequence[Sample], *, narrow: bool = False) -> tuple[float, Chart]:
    """(sigma_z, p' chart): the p limits widened by what varies between samples beyond chance.

    sigma_z below 1 does not narrow them unless asked: too few samples would pretend control.
    """
    plain = chart("p", samples)
    sigma_z = laney_sigma_z(samples, plain.centre)
    factor = sigma_z if narrow else max(1.0, sigma_z)
    limits = tuple(_limits("p", sample.size, plain.centre, factor) for sample in samples)
    out = tuple(
        number
        for number, (sample, at) in enumerate(zip(samples, limits, strict=True), 1)
        if sample.size and not at.lower <= sample.found / sample.size <= at.upper
    )
    return sigma_z, Chart("p", plain.centre, limits, out)


def laney_sigma_z(samples: Sequence[Sample], centre: Fraction) -> float:
    """Mean moving range of the standardised rates / 1.128 (Minitab); 0.0 for fewer than two."""
    scores = [
        float(Fraction(sample.found, sample.size) - centre)
        / math.sqrt(_variance("p", sample.size, centre))
        for sample in samples
        if sample.size and 0 < centre < 1
    ]
    ranges = [abs(after - before) for before, after in pairwise(scores)]
    return math.fsum(ranges) / len(ranges) / _D2 if ranges else 0.0


def _variance(kind: Kind, size: int, per_unit: Fraction) -> Fraction:
    """Of one plotted point, where the process is at its centre."""
    match kind:
        case "p":
            return per_unit * (1 - per_unit) / size
        case "np":
            return per_unit * (1 - per_unit) * size
        case "u":
            return per_unit / size
        case "c":
            return per_unit * size


def _out(kind: Kind, sample: Sample, per_unit: Fraction) -> bool:
    if sample.size == 0:
        return False
    scale = sample.size if kind in {"np", "c"} else 1
    point = Fraction(sample.found * scale, sample.size)
    distance = point - per_unit * scale
    return distance**2 > _SIGMAS**2 * _variance(kind, sample.size, per_unit)


def _limits(kind: Kind, size: int, per_unit: Fraction, factor: float) -> Limits:
    """Clipped to what a point can be: a negative lower limit is 0, a share is at most 1."""
    highest = {"p": 1.0, "np": float(size), "u": math.inf, "c": math.inf}[kind]
    if size == 0:
        return Limits(0.0, highest)
    middle = float(per_unit * (size if kind in {"np", "c"} else 1))
    reach = _SIGMAS * factor * math.sqrt(_variance(kind, size, per_unit))
    return Limits(max(0.0, middle - reach), min(highest, middle + reach))

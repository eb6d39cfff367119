"""A line's control chart as the command shows it: hours of a day, or days of a month."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError, NothingToComputeError
from hr_core.people.model import Roster
from hr_core.quality.control_charts import Chart, Limits, Sample, chart, laney_chart
from hr_core.quality.counted_span import Part, Window, parts_of, series_of
from hr_core.quality.drift_charts import cusum, ewma
from hr_core.quality.grades import percent_text

ChartKind = Literal["p", "laney", "u", "c", "cusum", "ewma"]

# Montgomery, Statistical Quality Control: a shift of one sigma is found in about ten points.
CUSUM_K, CUSUM_H = Fraction(1, 2), Fraction(5)
EWMA_WEIGHT, EWMA_SIGMAS = Fraction(1, 5), Fraction(3)
_FEWEST = 2  # one point is its own centre
_GRID = 10**9  # a standard deviation is no fraction: scores are rounded to this, once


class ChartPoint(Struct, frozen=True, kw_only=True):
    """`value` is what is drawn: the rate (p, laney, u), the count (c), the smoothed score (ewma) or
    the larger of both sums by its amount (cusum; `lower` and `upper` are then these sums).

    signal      the point is out; strictly, on the limit is in
    """

    since: str
    until: str
    pieces: int
    rejects: int
    rate: str
    value: float
    lower: float
    upper: float
    signal: bool


class LineChart(Struct, frozen=True, kw_only=True):
    """`centre` of the rate, or of the count for c. `settings`: what the kind was drawn with, as
    exact text. `left_out`: parts with more rejects than pieces, which have no rate.
    """

    line: str
    window: str
    kind: str
    centre: str
    settings: dict[str, str]
    points: tuple[ChartPoint, ...]
    left_out: tuple[str, ...]

    @property
    def signals(self) -> int:
        return sum(point.signal for point in self.points)


class _Drawn(Struct, frozen=True):
    centre: Fraction
    values: tuple[float, ...]
    limits: tuple[Limits, ...]
    signals: frozenset[int]  # numbered from 1
    settings: dict[str, str] = {}


def line_chart(
    conn: sa.Connection, roster: Roster, line: str, kind: ChartKind, window: Window
) -> LineChart:
    """Raises NotFoundError, and NothingToComputeError where the kind has nothing to draw."""
    if line not in roster.lines:
        raise NotFoundError(
            f"there is no line {line!r}", remedy=f"lines are {', '.join(sorted(roster.lines))}"
        )
    counted = [
        one
        for one in series_of(conn, roster, window)
        if one.station.line == line and one.line_total
    ]
    parts = parts_of(counted, window)
    usable = [
        part for part in parts if part.tally.pieces and part.tally.rejects <= part.tally.pieces
    ]
    if len(usable) < _FEWEST:
        raise NothingToComputeError(
            f"line {line} has {len(usable)} parts with pieces in {window.name}: a chart needs "
            f"{_FEWEST}",
            remedy="choose another --day or a --month",
        )
    drawn = _drawn(kind, [Sample(part.tally.rejects, part.tally.pieces) for part in usable])
    return LineChart(
        line=line,
        window=window.name,
        kind=kind,
        centre=_exact(drawn.centre),
        settings=drawn.settings,
        points=tuple(
            _point(part, value, limits, signal=number in drawn.signals)
            for number, (part, value, limits) in enumerate(
                zip(usable, drawn.values, drawn.limits, strict=True), 1
            )
        ),
        left_out=tuple(part.span.since.isoformat() for part in parts if part not in usable),
    )


def _drawn(kind: ChartKind, samples: Sequence[Sample]) -> _Drawn:
    match kind:
        case "p" | "u":
            return _shewhart(chart(kind, samples), samples)
        case "c":
            try:
                return _shewhart(chart("c", samples), samples)
            except ValueError as exc:
                raise NothingToComputeError(
                    f"no c chart: {exc}",
                    remedy="the parts made different numbers of pieces: --kind u",
                ) from exc
        case "laney":
            sigma_z, made = laney_chart(samples)
            return _shewhart(made, samples, {"sigma_z": f"{sigma_z:.3f}"})
        case "cusum":
            return _cusum(samples)
        case "ewma":
            return _ewma(samples)


def _shewhart(
    made: Chart, samples: Sequence[Sample], settings: dict[str, str] | None = None
) -> _Drawn:
    values = [one.found if made.kind == "c" else one.found / one.size for one in samples]
    return _Drawn(
        made.centre, tuple(map(float, values)), made.limits, frozenset(made.out), settings or {}
    )


def _cusum(samples: Sequence[Sample]) -> _Drawn:
    centre, scores = _scores(samples)
    sums = cusum(scores, centre=Fraction(0), sd=Fraction(1), k=CUSUM_K, h=CUSUM_H)
    limits = tuple(
        Limits(float(low), float(high)) for low, high in zip(sums.lower, sums.upper, strict=True)
    )
    values = tuple(at.upper if at.upper >= -at.lower else at.lower for at in limits)
    signals = frozenset(sums.signal_upper_at + sums.signal_lower_at)
    settings = {"of": "scores", "k": _exact(CUSUM_K), "h": _exact(CUSUM_H)}
    return _Drawn(centre, values, limits, signals, settings)


def _ewma(samples: Sequence[Sample]) -> _Drawn:
    centre, scores = _scores(samples)
    made = ewma(scores, centre=Fraction(0), sd=Fraction(1), weight=EWMA_WEIGHT, sigmas=EWMA_SIGMAS)
    settings = {"of": "scores", "weight": _exact(EWMA_WEIGHT), "sigmas": _exact(EWMA_SIGMAS)}
    values = tuple(map(float, made.smoothed))
    return _Drawn(centre, values, made.limits, frozenset(made.signal_at), settings)


def _scores(samples: Sequence[Sample]) -> tuple[Fraction, list[Fraction]]:
    """The mean rate, and each rate's distance from it in its own binomial standard deviations."""
    centre = chart("p", samples).centre
    if not 0 < centre < 1:
        raise NothingToComputeError(
            f"no drift can be told at a rate of {_exact(centre)} in all parts",
            remedy="without a reject, or without a good piece, there is no spread: --kind p",
        )
    spread = float(centre * (1 - centre))
    return centre, [
        Fraction(
            round(float(Fraction(one.found, one.size) - centre) / math.sqrt(spread / one.size) * _GRID),
            _GRID,
        )
        for one in samples
    ]  # fmt: skip


def _point(part: Part, value: float, limits: Limits, *, signal: bool) -> ChartPoint:
    return ChartPoint(
        since=part.span.since.isoformat(),
        until=part.span.until.isoformat(),
        pieces=part.tally.pieces,
        rejects=part.tally.rejects,
        rate=percent_text(*part.tally),
        value=value,
        lower=limits.lower,
        upper=limits.upper,
        signal=signal,
    )


def _exact(number: Fraction) -> str:
    return f"{number.numerator}/{number.denominator}"

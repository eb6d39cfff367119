"""Geometry of the board's small pictures, as text for SVG attributes (the CSP allows no style)."""

from msgspec import Struct

from hr_core.web.line_board import TrendPoint, Work
from hr_core.web.rate_picture import SCALE_PERCENT, RatePicture, limit_x, rate_picture

TREND_WIDTH, TREND_HEIGHT = 120.0, 24.0
_TREND_EDGE = 2.0


class WilsonPicture(Struct, frozen=True, kw_only=True):
    """The interval on the fixed scale of 0 to 10 %, with ticks at the two limits."""

    bar: RatePicture
    ticks: tuple[str, str]


def wilson_picture(work: Work, limits: tuple[str, str]) -> WilsonPicture | None:
    if work.interval is None or work.pieces <= 0:
        return None
    return WilsonPicture(
        bar=rate_picture(work.pieces, work.rejects, work.interval, limits[0]),
        ticks=(limit_x(limits[0]), limit_x(limits[1])),
    )


def trend_path(points: tuple[TrendPoint, ...]) -> str:
    """An SVG path of the rates; a stretch without pieces is a hole, a lone point a short dash."""
    if not points:
        return ""
    step = TREND_WIDTH / len(points)
    moves: list[str] = []
    pen_down = False
    for index, point in enumerate(points):
        if not point.pieces or point.rejects is None:
            pen_down = False
            continue
        y = _trend_y(100 * point.rejects / point.pieces)
        left, right = index * step, (index + 1) * step
        moves.append(f"{'L' if pen_down else 'M'}{left:.1f} {y:.1f}H{right:.1f}")
        pen_down = True
    return "".join(moves)


def _trend_y(percent: float) -> float:
    shown = min(max(percent, 0.0), SCALE_PERCENT) / SCALE_PERCENT
    return TREND_HEIGHT - _TREND_EDGE - shown * (TREND_HEIGHT - 2 * _TREND_EDGE)

"""Geometry of the small interval picture: a rate, its 95 % interval and the limit on one scale.

The scale is fixed, 0 to 10 %, so that two rows, two months and two pages can be compared by eye.
Positions are text for SVG attributes, because the page's CSP allows no inline style.
"""

from msgspec import Struct

SCALE_PERCENT = 10.0
WIDTH = 200  # of the viewBox
_EDGE = 6.0  # room for the dot at 0 and the arrow past 10 %


class RatePicture(Struct, frozen=True, kw_only=True):
    """`beyond`: the interval goes on past the right end of the scale."""

    low_x: str
    high_x: str
    rate_x: str
    limit_x: str
    beyond: bool
    low_percent: str
    high_percent: str


def rate_picture(
    pieces: int, rejects: int, interval: tuple[float, float], limit_percent: str
) -> RatePicture:
    """`pieces` is positive. The floats place ink, nothing is decided by them."""
    low, high = (100 * share for share in interval)
    return RatePicture(
        low_x=_x(low),
        high_x=_x(high),
        rate_x=_x(100 * rejects / pieces),
        limit_x=limit_x(limit_percent),
        beyond=high > SCALE_PERCENT,
        low_percent=f"{low:.2f}",
        high_percent=f"{high:.2f}",
    )


def limit_x(limit_percent: str) -> str:
    return _x(float(limit_percent))


def _x(percent: float) -> str:
    shown = min(max(percent, 0.0), SCALE_PERCENT)
    return f"{_EDGE + shown / SCALE_PERCENT * (WIDTH - 2 * _EDGE):.1f}"

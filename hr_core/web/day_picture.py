"""Geometry of a person's day: lanes of bars and marks over a scale of wall-clock hours.

Positions are text for SVG attributes, because the page's CSP allows no inline style. The x axis
counts minutes from the first full hour shown, so that one unit is one minute.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

LANE_HEIGHT = 26
_TOP = 18  # room for the hours
_MARGIN_MIN = 30  # before the first and after the last thing drawn
_LEAST_MIN = 10 * 60  # a lone punch keeps its size
_MOST_MIN = 3 * 1440  # a longer day is a mistake somewhere: drawn up to here
_HOUR_MIN = 60
_STEPS = (1, 2, 3, 6, 12)
_MOST_HOURS_NAMED = 16


class Bar(Struct, frozen=True, kw_only=True):
    """Wall seconds, half-open. `kind` is the style's class, `title` what it is in words; `link` may be
    empty.
    """

    start: int
    end: int
    kind: str
    title: str
    link: str = ""


class Mark(Struct, frozen=True, kw_only=True):
    at: int
    kind: str
    title: str
    link: str


class Lane(Struct, frozen=True, kw_only=True):
    label: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()


class DrawnBar(Struct, frozen=True, kw_only=True):
    x: str
    width: str
    bar: Bar


class DrawnMark(Struct, frozen=True, kw_only=True):
    x: str
    mark: Mark


class DrawnLane(Struct, frozen=True, kw_only=True):
    y: int
    label: str
    bars: tuple[DrawnBar, ...]
    marks: tuple[DrawnMark, ...]


class DayPicture(Struct, frozen=True, kw_only=True):
    """`hours`: (x, "08") pairs."""

    width: int
    height: int
    hours: tuple[tuple[int, str], ...]
    lanes: tuple[DrawnLane, ...]


def day_picture(lanes: Sequence[Lane]) -> DayPicture | None:
    """None when there is nothing to draw."""
    edges = [edge for lane in lanes for edge in _edges(lane)]
    if not edges:
        return None
    first = (min(edges) // 60 - _MARGIN_MIN) // _HOUR_MIN * _HOUR_MIN
    last = -((-max(edges) // 60 - _MARGIN_MIN) // _HOUR_MIN * _HOUR_MIN)
    last = min(max(last, first + _LEAST_MIN), first + _MOST_MIN)
    return DayPicture(
        width=last - first,
        height=_TOP + LANE_HEIGHT * len(lanes),
        hours=tuple(_hours(first, last)),
        lanes=tuple(
            _drawn(lane, _TOP + LANE_HEIGHT * row, (first, last)) for row, lane in enumerate(lanes)
        ),
    )


def _edges(lane: Lane) -> Iterable[int]:
    for bar in lane.bars:
        yield bar.start
        yield bar.end
    for mark in lane.marks:
        yield mark.at


def _hours(first: int, last: int) -> Iterable[tuple[int, str]]:
    span = (last - first) // _HOUR_MIN
    step = next((one for one in _STEPS if span <= one * _MOST_HOURS_NAMED), _STEPS[-1])
    for minute in range(first, last + 1, _HOUR_MIN):
        if minute // _HOUR_MIN % step == 0:
            yield minute - first, f"{minute // _HOUR_MIN % 24:02d}"


def _drawn(lane: Lane, y: int, span: tuple[int, int]) -> DrawnLane:
    first, last = (60 * minute for minute in span)
    return DrawnLane(
        y=y,
        label=lane.label,
        bars=tuple(
            DrawnBar(
                x=_x(max(bar.start, first), first),
                width=_x(min(bar.end, last), max(bar.start, first)),
                bar=bar,
            )
            for bar in lane.bars
            if bar.start < last and bar.end > first
        ),
        marks=tuple(
            DrawnMark(x=_x(mark.at, first), mark=mark) for mark in lane.marks if mark.at <= last
        ),
    )


def _x(second: int, first: int) -> str:
    return f"{(second - first) / 60:.1f}"

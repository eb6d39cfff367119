"""Rounding of punch times and durations, in whole seconds."""

from enum import StrEnum
from typing import Literal, NamedTuple

MINUTE = 60


class RoundingMode(StrEnum):
    """`nearest`: half the interval goes up; `closest`: it goes down. `nearest_half_down` and `_half_up` halve in whole
    minutes: of 15 minutes, 8:00 is the first to go up with the former, 7:00 with the latter.
    `cutoff`: up from `grace` seconds past the boundary on is the next boundary's side.
    """

    DOWN = "down"
    NEAREST = "nearest"
    NEAREST_HALF_DOWN = "nearest_half_down"
    NEAREST_HALF_UP = "nearest_half_up"
    UP = "up"
    CLOSEST = "closest"
    CUTOFF = "cutoff"


def round_seconds(value: int, interval: int, mode: RoundingMode, grace: int = 0) -> int:
    """An instant or a duration, rounded away from or towards zero alike on both sides of it.

    `grace` widens (or, below zero, narrows) the boundary that a time is pulled back to: rounding up,
    a time at most so far past it stays; rounding down, one at most so far before the next is given
    the next. No interval, no rounding.
    """
    if interval <= 0:
        return value
    if value < 0:
        return -round_seconds(-value, interval, mode, grace)
    match mode:
        case RoundingMode.DOWN:
            shifted = value + grace
        case RoundingMode.UP:
            shifted = value - grace + interval - 1
        case RoundingMode.CUTOFF:
            shifted = value + interval - grace
        case RoundingMode.CLOSEST:
            shifted = value + (interval - 1) // 2
        case _:
            shifted = value + _half(interval, mode)
    return shifted // interval * interval


def _half(interval: int, mode: RoundingMode) -> int:
    half = interval // 2
    if interval <= MINUTE or mode is RoundingMode.NEAREST:
        return half
    if mode is RoundingMode.NEAREST_HALF_DOWN:
        return half // MINUTE * MINUTE
    return -(-half // MINUTE) * MINUTE


class Span(NamedTuple):
    begin: int
    end: int
    duration: int


SpanMode = Literal["floor", "ceil", "closest", "default"]

_MODES = {
    "floor": RoundingMode.DOWN,
    "ceil": RoundingMode.UP,
    "closest": RoundingMode.CLOSEST,
}


def round_span(begin: int, end: int, intervals: Span, mode: SpanMode) -> Span:
    """Begin, end and then the duration between them, each to its own interval in `intervals`.

    `default` gives the person the benefit at both ends: begin down, end and duration up.
    """
    begin_mode = RoundingMode.DOWN if mode == "default" else _MODES[mode]
    other_mode = RoundingMode.UP if mode == "default" else _MODES[mode]
    rounded_begin = round_seconds(begin, intervals.begin, begin_mode)
    rounded_end = round_seconds(end, intervals.end, other_mode)
    duration = round_seconds(rounded_end - rounded_begin, intervals.duration, other_mode)
    return Span(rounded_begin, rounded_end, duration)

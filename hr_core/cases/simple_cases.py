"""Kinds of case that are one call of the engine."""

from hr_core.attendance.periods import Period, period_of
from hr_core.attendance.rounding import RoundingMode, Span, SpanMode, round_seconds, round_span
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    as_clock,
    clock,
    day,
    length,
    minutes,
    text,
    whole,
)
from hr_core.clock import DAY_S

_SPAN_MODES: dict[str, SpanMode] = {
    "floor": "floor",
    "ceil": "ceil",
    "closest": "closest",
    "default": "default",
}
_SUNDAY_TO_SATURDAY = range(7)
_MOST_WEEKS = 520


def _round_instant(given: Fields, _: Json) -> Json:
    # A time of day alone: past midnight it begins again.
    return {"time": as_clock(_rounded(given, given.read("time", clock)) % DAY_S)}


def _round_duration(given: Fields, _: Json) -> Json:
    return {"seconds": _rounded(given, given.read("seconds", whole))}


def _rounded(given: Fields, value: int) -> int:
    mode = RoundingMode(given.choice("mode", list(RoundingMode)))
    if mode is RoundingMode.CUTOFF:
        grace = given.read("cutoff_seconds", whole)
    else:
        grace = given.read_or("grace_seconds", whole, 0)
    return round_seconds(value, given.read("interval_seconds", length), mode, grace)


def _span(given: Fields, _: Json) -> Json:
    name = given.read("mode", text).split("(")[0].strip()
    if name not in _SPAN_MODES:
        raise UnsupportedError(f"input.mode: {name!r}")
    intervals = Span(*(given.read_or(f"round_{what}_minutes", minutes, 0) for what in Span._fields))
    begin, end = given.read("begin", clock), given.read("end", clock)
    if end < begin:
        end += DAY_S
    rounded = round_span(begin, end, intervals, _SPAN_MODES[name])
    return {
        "begin": as_clock(rounded.begin % DAY_S),
        "end": as_clock(rounded.end % DAY_S),
        "duration_seconds": rounded.duration,
    }


def _weekday(value: Json) -> int:
    found = whole(value)
    if found not in _SUNDAY_TO_SATURDAY:
        raise ValueError
    return found


def _period(given: Fields, weeks: int) -> Period:
    if not 1 <= weeks <= _MOST_WEEKS:
        raise UnsupportedError(f"input.weeks: {weeks}")
    return period_of(
        given.read("date", day),
        weeks,
        given.read("first_period_start", day),
        given.read("week_start_day", _weekday),
    )


def _second_week_of_pair(given: Fields, _: Json) -> Json:
    return {"second_week": _period(given, 2).is_last_week}


def _overtime_period(given: Fields, _: Json) -> Json:
    period = _period(given, given.read("weeks", whole))
    return {
        "start_date": period.start.isoformat(),
        "end_date": period.end.isoformat(),
        "is_first_week": period.is_first_week,
        "is_last_week": period.is_last_week,
    }


KINDS = {
    "round_instant": _round_instant,
    "round_duration": _round_duration,
    "round_span": _span,
    "second_week_of_pair": _second_week_of_pair,
    "overtime_period": _overtime_period,
}

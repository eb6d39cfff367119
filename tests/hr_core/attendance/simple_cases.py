"""Kinds of case that are one call of the engine."""

from hr_core.attendance.periods import period_of
from hr_core.attendance.rounding import RoundingMode, Span, round_seconds, round_span
from tests.hr_core.attendance.case_input import Fields, as_clock, clock, day


def round_instant(given):
    text = given.take("time")
    return {"time": as_clock(_rounded(given, clock(text)))}


def round_duration(given):
    return {"seconds": _rounded(given, given.take("seconds"))}


def _rounded(given, value):
    mode = RoundingMode(given.choice("mode", list(RoundingMode)))
    grace = given.take("cutoff_seconds" if mode is RoundingMode.CUTOFF else "grace_seconds")
    return round_seconds(value, given.take("interval_seconds"), mode, grace)


def span(given):
    mode = given.take("mode").split("(")[0]
    intervals = Span(*(given.take(f"round_{what}_minutes") * 60 for what in Span._fields))
    rounded = round_span(clock(given.take("begin")), clock(given.take("end")), intervals, mode)
    return {
        "begin": as_clock(rounded.begin),
        "end": as_clock(rounded.end),
        "duration_seconds": rounded.duration,
    }


def _period(given, weeks):
    return period_of(
        day(given.take("date")),
        weeks,
        day(given.take("first_period_start")),
        given.take("week_start_day"),
    )


def second_week_of_pair(given):
    return {"second_week": _period(given, 2).is_last_week}


def overtime_period(given):
    period = _period(given, given.take("weeks"))
    return {
        "start_date": period.start.isoformat(),
        "end_date": period.end.isoformat(),
        "is_first_week": period.is_first_week,
        "is_last_week": period.is_last_week,
    }


KINDS = {
    "round_instant": round_instant,
    "round_duration": round_duration,
    "round_span": span,
    "second_week_of_pair": second_week_of_pair,
    "overtime_period": overtime_period,
}


def answer(kind, values, expect):
    given = Fields(values)
    found = KINDS[kind](given)
    given.done()
    return found

"""Cases of overtime by Chinese law: hours by the engine, rates by the pay scheme's terms."""

from datetime import date
from fractions import Fraction

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.comprehensive import (
    HoursScheme,
    PeriodHours,
    average_year,
    period_overtime,
)
from hr_core.pay.scheme import built_in_scheme_text, parse_scheme
from tests.hr_core.attendance.case_input import Fields, UnsupportedError

HOUR = 3600
MONTH_HOURS_OF_A_DAY = 8


def _terms():
    return parse_scheme(built_in_scheme_text("demo"), file="demo").on(date(2026, 1, 1)).overtime


def _yuan(amount):
    """Half up to the fen, once."""
    return float(Fraction((2 * Fraction(amount) * 100 + 1) // 2, 100))


def _rates(given):
    terms = _terms()
    day_wage = Fraction(str(given.take("monthly_wage"))) / terms.month_days
    hour_wage = day_wage / terms.day_hours
    found = {
        kind: hour_wage * terms.factor(kind) * Fraction(str(worked))
        for kind, worked in _by_kind(given, "hours").items()
    }
    found |= {"day_wage": day_wage, "hour_wage": hour_wage, "total": sum(found.values())}
    return {key: _yuan(amount) for key, amount in found.items()}


def _by_kind(given, key):
    values = Fields(given.take(key), key)
    found = {kind: values.take(kind, 0) for kind in DayKind}
    values.done()
    return found


def _pieces(given):
    terms, price = _terms(), Fraction(str(given.take("piece_price")))
    return {
        kind: _yuan(price * terms.factor(kind) * pieces)
        for kind, pieces in _by_kind(given, "pieces_over_quota").items()
    }


def _year(given):
    text = given.take("year_kind")
    count, _, what = text.partition(" ")
    if what != "statutory days" or not count.isdigit():
        raise UnsupportedError(f"year_kind {text!r}")
    year = average_year(int(count))
    return {
        "year_workdays": year.workdays,
        "quarter_workdays": float(year.quarter),
        "month_workdays": float(year.month),
        "month_hours": float(year.month * MONTH_HOURS_OF_A_DAY),
        "paid_days_per_month": float(year.paid_days_of_month),
    }


def _scheme(given):
    terms = _terms()
    scheme = HoursScheme(given.choice("scheme", list(HoursScheme)))
    if scheme is HoursScheme.COMPREHENSIVE:
        given.choice("period", ("week", "month", "quarter", "year"))
    hours = PeriodHours(
        worked=_seconds(given.take("worked_hours")),
        statutory_holiday=_seconds(given.take("of_which_statutory_holiday_hours", 0)),
        standard=_seconds(given.take("standard_hours", 0)),
        holiday_fills_standard=False,
    )
    found = period_overtime(scheme, hours)
    wage = Fraction(str(given.take("hour_wage", 0)))
    pay = wage * (found.over * terms.workday + found.holiday * terms.statutory_holiday) / HOUR
    return {
        "holiday_hours_at_300": found.holiday / HOUR,
        "over_hours_at_150": found.over / HOUR,
        "pay": _yuan(pay),
        "overtime_pay": _yuan(pay),
    }


def _seconds(hours):
    return round(Fraction(str(hours)) * HOUR)


def cn_overtime(given):
    for key, adapter in (
        ("monthly_wage", _rates),
        ("piece_price", _pieces),
        ("year_kind", _year),
        ("scheme", _scheme),
    ):
        if key in given:
            return adapter(given)
    raise UnsupportedError("cn_overtime of an unknown kind")


KINDS = {"cn_overtime": cn_overtime}


def answer(kind, values, expect):
    given = Fields(values)
    found = KINDS[kind](given)
    given.done()
    return found

"""Cases of overtime by Chinese law: hours by the engine, rates by the country's law."""

from datetime import date
from fractions import Fraction

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.comprehensive import (
    HoursScheme,
    PeriodHours,
    average_year,
    period_overtime,
)
from hr_core.cases.case_input import Fields, Json, UnsupportedError, flag, number, text
from hr_core.cases.money_input import as_asked
from hr_core.law.national import Overtime, national_law

_HOUR = 3600
_HOURS_OF_A_DAY = 8
_WEEK_HOURS = 40
_STATUTORY_DAYS = 13  # 国务院令第795号, from 2025 on
_MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
_IN_LIEU = DayKind.REST_DAY


def _terms() -> Overtime:
    return national_law().overtime_on(date(2026, 1, 1))


def _yuan(amount: Fraction | int) -> float:
    """Half up to the fen, once."""
    return float(Fraction((2 * Fraction(amount) * 100 + 1) // 2, 100))


def _exactly(value: Json) -> Fraction:
    return Fraction(str(number(value)))


def _rates(given: Fields) -> Json:
    terms = _terms()
    if "monthly_wage" in given:
        day_wage = given.read("monthly_wage", _exactly) / terms.month_days
    else:
        day_wage = given.read("day_wage", _exactly)
    hour_wage = day_wage / terms.day_hours
    in_lieu = given.read_or("time_off_in_lieu", flag, default=False)
    found = {
        # Time off settles rest days alone (art. 44).
        kind: hour_wage * terms.factors[kind] * (0 if in_lieu and kind is _IN_LIEU else worked)
        for kind, worked in _by_kind(given, "hours").items()
    }
    total = sum(found.values(), Fraction())
    return {str(kind): _yuan(amount) for kind, amount in found.items()} | {
        "day_wage": _yuan(day_wage),
        "hour_wage": _yuan(hour_wage),
        "total": _yuan(total),
    }


def _by_kind(given: Fields, key: str) -> dict[DayKind, Fraction]:
    values = Fields(given.take(key, {}), key)
    found = {kind: values.read_or(kind, _exactly, Fraction()) for kind in DayKind}
    values.done()
    return found


def _pieces(given: Fields) -> Json:
    terms, price = _terms(), given.read("piece_price", _exactly)
    found = {
        str(kind): price * terms.factors[kind] * pieces
        for kind, pieces in _by_kind(given, "pieces_over_quota").items()
    }
    total = sum(found.values(), Fraction())
    return {kind: _yuan(amount) for kind, amount in (found | {"total": total}).items()}


def _year(given: Fields) -> Json:
    kind = given.read("year_kind", text)
    count, _, what = kind.partition(" ")
    if what != "statutory days" or not count.isdecimal():
        raise UnsupportedError(f"year_kind {kind!r}")
    year = average_year(int(count))
    return {
        "year_workdays": year.workdays,
        "quarter_workdays": float(year.quarter),
        "month_workdays": float(year.month),
        "month_hours": float(year.month * _HOURS_OF_A_DAY),
        "paid_days_per_month": float(year.paid_days_of_month),
    }


def _scheme(given: Fields) -> Json:
    terms = _terms()
    scheme = HoursScheme(given.choice("scheme", list(HoursScheme)))
    standard = 0
    if scheme is HoursScheme.COMPREHENSIVE:
        standard = _legal_hours(given.choice("period", ("week", *_MONTHS)))
    hours = PeriodHours(
        worked=given.read("worked_hours", _seconds),
        statutory_holiday=given.read_or("of_which_statutory_holiday_hours", _seconds, 0),
        standard=given.read_or("standard_hours", _seconds, standard),
        holiday_fills_standard=given.read_or("holiday_fills_standard", flag, default=False),
    )
    found = period_overtime(scheme, hours)
    wage = given.read_or("hour_wage", _exactly, Fraction())
    pay = (
        wage
        * (
            found.over * terms.factors[DayKind.WORKDAY]
            + found.holiday * terms.factors[DayKind.STATUTORY_HOLIDAY]
        )
        / _HOUR
    )
    return {
        "holiday_hours_at_300": found.holiday / _HOUR,
        "over_hours_at_150": found.over / _HOUR,
        "pay": _yuan(pay),
        "overtime_pay": _yuan(pay),
    }


def _legal_hours(period: str) -> int:
    """Seconds of a period whose standard hours nobody named."""
    if period == "week":
        return _WEEK_HOURS * _HOUR
    year = average_year(_STATUTORY_DAYS).workdays * _HOURS_OF_A_DAY * _HOUR
    return round(Fraction(year * _MONTHS[period], 12))


def _seconds(value: Json) -> int:
    return round(_exactly(value) * _HOUR)


def _cn_overtime(given: Fields, expect: Json) -> Json:
    for key, adapter in (
        ("monthly_wage", _rates),
        ("day_wage", _rates),
        ("piece_price", _pieces),
        ("year_kind", _year),
        ("scheme", _scheme),
    ):
        if key in given:
            return as_asked(adapter(given), expect)
    raise UnsupportedError("cn_overtime of an unknown kind")


KINDS = {"cn_overtime": _cn_overtime}

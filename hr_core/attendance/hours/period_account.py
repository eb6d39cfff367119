"""The account of a comprehensive period: worked against statutory hours, holidays apart."""

from collections.abc import Callable, Iterable
from datetime import date

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.comprehensive import HoursScheme, PeriodHours, period_overtime
from hr_core.attendance.hours.law import WorkingTimeLaw
from hr_core.attendance.hours.permits import Permit
from hr_core.attendance.hours.windows import DateSpan

KindOfDay = Callable[[date], DayKind]


class WorkedDay(Struct, frozen=True, kw_only=True):
    """All minutes of work that count to the day, overtime included."""

    day: date
    kind: DayKind
    minutes: int


class Statutory(Struct, frozen=True, kw_only=True):
    minutes: int
    basis: str


class PeriodAccount(Struct, frozen=True, kw_only=True):
    """`days`: the part of the period that is judged by the permit. Rates: `over_min` as longer
    workdays, `holiday_min` as work on statutory holidays, whatever the sum.
    """

    period: DateSpan
    days: DateSpan
    permit: str
    worked_min: int
    holiday_min: int
    statutory_min: int
    over_min: int
    basis: str


def statutory_minutes(
    permit: Permit, period: DateSpan, days: DateSpan, law: WorkingTimeLaw, zone: str,
    kind_of: KindOfDay,
) -> Statutory:  # fmt: skip
    """What the part holds by law. A part of a period, or a permit that says so, goes by the workdays
    of the calendar, a whole one by the notice's average year. Raises NoLawError.
    """
    code = law.of_zone(zone)
    if days == period and permit.basis == "notice" and permit.period is not None:
        row = law.hours_of_period(code, period.first)
        return Statutory(minutes=row.of(permit.period), basis=row.source)
    workdays = [day for day in days.days() if kind_of(day) is DayKind.WORKDAY]
    minutes = sum(law.standard_day(code, day).standard_day_min for day in workdays)
    why = "part of a period" if days != period else "by the permit"
    return Statutory(minutes=minutes, basis=f"{len(workdays)} workdays of the calendar, {why}")


def period_account(
    permit: Permit,
    period: DateSpan,
    days: DateSpan,
    worked: Iterable[WorkedDay],
    statutory: Statutory,
) -> PeriodAccount:
    """Of the worked days only those inside `days` count."""
    rows = [row for row in worked if days.covers(row.day)]
    total = sum(row.minutes for row in rows)
    holiday = sum(row.minutes for row in rows if row.kind is DayKind.STATUTORY_HOLIDAY)
    found = period_overtime(
        HoursScheme.COMPREHENSIVE,
        PeriodHours(
            worked=total,
            statutory_holiday=holiday,
            standard=statutory.minutes,
            holiday_fills_standard=permit.holiday_fills_standard,
        ),
    )
    return PeriodAccount(
        period=period,
        days=days,
        permit=permit.number,
        worked_min=total,
        holiday_min=found.holiday,
        statutory_min=statutory.minutes,
        over_min=found.over,
        basis=statutory.basis,
    )

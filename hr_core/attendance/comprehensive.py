"""Hours that are not judged by the day: comprehensive and irregular working hours (综合工时, 不定时).

工资支付暂行规定 art. 13: over the period's standard hours counts as overtime of workdays, work on a
statutory holiday as a holiday's, whatever day it was otherwise.
"""

from enum import StrEnum
from fractions import Fraction

from msgspec import Struct

_YEAR_DAYS = 365
_WEEKENDS = 104


class HoursScheme(StrEnum):
    COMPREHENSIVE = "comprehensive_hours"
    IRREGULAR = "irregular_hours"


class PeriodHours(Struct, frozen=True, kw_only=True):
    """Of a whole period, all in one unit (seconds, minutes). Cities differ in whether holiday work
    also fills the period's standard hours (`holiday_fills_standard`), so it must be said.
    """

    worked: int
    statutory_holiday: int
    standard: int
    holiday_fills_standard: bool


class PeriodOvertime(Struct, frozen=True):
    over: int
    holiday: int


def period_overtime(scheme: HoursScheme, hours: PeriodHours) -> PeriodOvertime:
    """Irregular hours know no overtime by national law; some cities pay holidays by their own."""
    if scheme is HoursScheme.IRREGULAR:
        return PeriodOvertime(0, 0)
    counted = hours.worked - (0 if hours.holiday_fills_standard else hours.statutory_holiday)
    return PeriodOvertime(max(0, counted - hours.standard), hours.statutory_holiday)


class AverageYear(Struct, frozen=True):
    """Days of work in an average year; a month's is the twelfth, unrounded."""

    workdays: int

    @property
    def quarter(self) -> Fraction:
        return Fraction(self.workdays, 4)

    @property
    def month(self) -> Fraction:
        return Fraction(self.workdays, 12)

    @property
    def paid_days_of_month(self) -> Fraction:
        """Statutory holidays are paid, weekends are not: 21.75."""
        return Fraction(_YEAR_DAYS - _WEEKENDS, 12)


def average_year(statutory_days: int) -> AverageYear:
    """人社部发〔2025〕2号: 365 days less 104 weekend days less the statutory ones."""
    return AverageYear(_YEAR_DAYS - _WEEKENDS - statutory_days)

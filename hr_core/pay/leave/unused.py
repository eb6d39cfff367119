"""Annual leave that a leaver did not take: his part of the year's, less what was taken, in whole days."""

from datetime import date
from fractions import Fraction
from typing import ClassVar

from msgspec import Struct

from hr_core.law.national import Overtime
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import Line, by_edition, line
from hr_core.trace.calculation import Calculation

# 企业职工带薪年休假实施办法 art. 12: calendar days of the year / 365 (in a leap year too) x the year's
# leave - what was taken; less than a whole day is not paid, and more than was due is not taken back.
_YEAR_DAYS = 365
_DAY_MIN = 480
_HALVES = 2


class Unused(Struct, frozen=True, kw_only=True):
    """`employed_days` of the year until the last one; `taken_before_min` of the year's leave, beside the
    days of `taken`, minutes of a day of eight hours. Leave of `earlier_half_days`, carried over from
    a year before, is whole, and taken first.
    """

    HALF_DAY_MIN: ClassVar[int] = _DAY_MIN // _HALVES

    half_days_a_year: int
    employed_days: int
    taken_before_min: int = 0
    taken: tuple[tuple[date, int], ...] = ()
    earlier_half_days: int = 0
    origin: tuple[str, ...] = ()


def unused_leave_pay(unused: Unused, wage: int, law: Overtime) -> Line:
    """As hr_core.pay.cn.overtime.unused_leave, of days that the steps count themselves."""
    steps = Calculation()
    minutes = sum(count for _, count in unused.taken)
    steps.step("taken_before", "constant", unused.taken_before_min)
    steps.step("taken_here", "constant", minutes)
    steps.step("taken", "sum", "taken_before", "taken_here")
    counted = "taken"
    if unused.earlier_half_days:
        steps.step("carried_over", "product", unused.earlier_half_days, Unused.HALF_DAY_MIN)
        steps.step("of_carried_over", "smallest", "carried_over", "taken_here")
        steps.step("carried_over_left", "difference", "carried_over", "of_carried_over")
        counted = "taken_of_the_year"
        steps.step(counted, "difference", "taken", "of_carried_over")
    steps.step(
        "part", "product", unused.half_days_a_year, unused.employed_days, Unused.HALF_DAY_MIN
    )
    steps.step("off", "product", counted, _YEAR_DAYS)
    steps.step("left", "difference", "part", "off")
    steps.step("not_below_zero", "largest", "left", 0)
    steps.step("negative", "difference", 0, "not_below_zero")
    # Rounding up below zero cuts the part of a day.
    steps.step("negative_days", "multiply_up", "negative", 1, _YEAR_DAYS * _DAY_MIN)
    steps.step("due_minutes", "product", "negative_days", -_DAY_MIN)
    due = "due_minutes"
    if unused.earlier_half_days:
        due = "due_in_all"
        steps.step(due, "sum", "due_minutes", "carried_over_left")
    due_min = steps.steps[-1].result
    steps.step("wage_x_minutes", "product", wage, due)
    rate = law.unused_leave_further_percent / 100 / law.month_days / _DAY_MIN
    steps.step("leave_pay", "multiply_half_up", "wage_x_minutes", rate.numerator, rate.denominator)
    return line(
        "leave_pay",
        steps,
        by_edition("overtime", law),
        formula="(leave of a year x days of service in it / 365 - leave taken, whole days) x wage / "
        f"{decimal_text(law.month_days)} x {decimal_text(law.unused_leave_further_percent)} %",
        facts={
            "days": str(Fraction(due_min, _DAY_MIN)),
            "leave_a_year": str(Fraction(unused.half_days_a_year, _HALVES)),
            "service_days": str(unused.employed_days),
            "leave_taken": str(Fraction(unused.taken_before_min + minutes, _DAY_MIN)),
            "taken_on": ", ".join(str(on) for on, _ in unused.taken),
            "wage_fen": str(wage),
            "month_days": str(law.month_days),
            "further_percent": str(law.unused_leave_further_percent),
            "opening": "; ".join(unused.origin),
        },
    )

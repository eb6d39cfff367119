"""Overtime by the kind of day: wage / 21.75 / 8 x 1.5, 2 or 3; and leave that was not taken."""

from datetime import date
from fractions import Fraction
from math import lcm

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.law.national import Overtime
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import Line, by_edition, line
from hr_core.trace.calculation import Calculation


class OvertimeWork(Struct, frozen=True):
    """`wage` is fen a month on that day. Time off in lieu settles rest days alone: by art. 44 work
    on workdays and statutory holidays is paid whatever was agreed.
    """

    on: date
    kind: DayKind
    hours: Fraction
    wage: int
    time_off_in_lieu: bool = False

    @property
    def paid(self) -> bool:
        return not (self.time_off_in_lieu and self.kind is DayKind.REST_DAY)


def overtime_lines(work: tuple[OvertimeWork, ...], law: Overtime) -> dict[DayKind, Line]:
    """One line for each kind of day that is paid, each rounded once."""
    found: dict[DayKind, Line] = {}
    for kind in DayKind:
        paid = [one for one in work if one.kind is kind and one.paid]
        if paid:
            found[kind] = _line(kind, paid, law)
    return found


def _line(kind: DayKind, work: list[OvertimeWork], law: Overtime) -> Line:
    steps = Calculation()
    # Hours in parts that make all of them whole: the steps are integers.
    parts_of_an_hour = lcm(*(one.hours.denominator for one in work))
    names = []
    for position, one in enumerate(work, 1):
        names.append(f"wage_x_parts_{position}")
        steps.step(names[-1], "product", one.wage, int(one.hours * parts_of_an_hour))
    steps.step("wage_x_parts", "sum", *names)
    hour = law.factors[kind] / law.month_days / law.day_hours / parts_of_an_hour
    steps.step("overtime", "multiply_half_up", "wage_x_parts", hour.numerator, hour.denominator)
    hours = sum((one.hours for one in work), Fraction())
    return line(
        f"overtime_{kind}",
        steps,
        by_edition("overtime", law),
        formula=f"wage / {decimal_text(law.month_days)} / {decimal_text(law.day_hours)} x hours x "
        f"{decimal_text(law.factors[kind])}",
        facts={
            "hours": str(hours),
            "days": ", ".join(str(one.on) for one in work),
            "factor": str(law.factors[kind]),
            "month_days": str(law.month_days),
            "day_hours": str(law.day_hours),
            **_one_wage({one.wage for one in work}),
        },
    )


def _one_wage(wages: set[int]) -> dict[str, str]:
    """Nothing when the month has two: no one wage gives the hour's pay."""
    return {"wage_fen": str(*wages)} if len(wages) == 1 else {}


def too_long(work: tuple[OvertimeWork, ...], law: Overtime) -> list[str]:
    """What goes beyond art. 41, in words: it is paid all the same."""
    by_day: dict[date, Fraction] = {}
    month = Fraction()
    for one in work:
        if one.kind is not DayKind.STATUTORY_HOLIDAY:
            month += one.hours
        if one.kind is DayKind.WORKDAY:
            by_day[one.on] = by_day.get(one.on, Fraction()) + one.hours
    said = [
        f"{on}: {decimal_text(hours)} hours of overtime, {law.most_hours_a_day} are allowed"
        for on, hours in by_day.items()
        if hours > law.most_hours_a_day
    ]
    if month > law.most_hours_a_month:
        said.append(
            f"{decimal_text(month)} hours in the month, {law.most_hours_a_month} are allowed"
        )
    return said


def unused_leave(days: Fraction, wage: int, law: Overtime) -> Line:
    """Annual leave that was not taken: 300 % in all, of which the wage itself holds one."""
    steps = Calculation()
    steps.step("wage_x_parts", "product", wage, days.numerator)
    rate = law.unused_leave_further_percent / 100 / law.month_days / days.denominator
    steps.step("leave_pay", "multiply_half_up", "wage_x_parts", rate.numerator, rate.denominator)
    return line(
        "leave_pay",
        steps,
        by_edition("overtime", law),
        formula=f"days x wage / {decimal_text(law.month_days)} x "
        f"{decimal_text(law.unused_leave_further_percent)} %",
        facts={"days": str(days)},
    )

"""Sick pay: a share of the wage by full years of service, at least a share of the minimum wage.

Both shares are a row of the city's law (or of an agreement that HR imports as one): without a row the
person is refused. A day of sick leave is wage / 21.75; of a part of a day the minutes count, of eight hours.
"""

from collections.abc import Collection, Sequence
from datetime import date
from fractions import Fraction

from msgspec import Struct

from hr_core.attendance.day import DayResult, DayStatus
from hr_core.law.national import Overtime
from hr_core.law.rows import LawRow
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import Line, PayRefusedError, by_edition, by_row
from hr_core.trace.calculation import Calculation, DayInput, Trace

SICK = "sick"
HOUR_MIN = 60


class WageDay(Struct, frozen=True):
    """A day on leave: its minutes of a day of eight hours, and the month's wage agreed for it."""

    day: DayResult
    minutes: int
    wage: int

    def as_input(self) -> DayInput:
        return DayInput(self.day.day.isoformat(), self.minutes, self.day.used)


def all_day(day: DayResult, kinds: Collection[str]) -> bool:
    """Nobody came, and all of the leave is of these kinds."""
    on_leave = day.status is DayStatus.ON_LEAVE and bool(day.leave)
    return on_leave and all(one.kind in kinds for one in day.leave)


def minutes_on_leave(day: DayResult, kinds: Collection[str], law: Overtime) -> int:
    """Of a day of eight hours; all of them for a whole day, whatever the shift."""
    whole = int(law.day_hours * HOUR_MIN)
    if all_day(day, kinds):
        return whole
    return min(whole, sum(one.minutes for one in day.leave if one.kind in kinds))


def wage_of_days(steps: Calculation, days: Sequence[WageDay]) -> str:
    """The name of the step with wage x minutes."""
    wages = {one.wage for one in days}
    if len(wages) == 1:
        steps.step("minutes", "minutes_of_days")
        steps.step("wage_x_minutes", "product", wages.pop(), "minutes")
        return "wage_x_minutes"
    names = []
    for one in days:
        names.append(f"wage_x_minutes_{one.day.day}")
        steps.step(names[-1], "product", one.wage, one.minutes)
    steps.step("wage_x_minutes", "sum", *names)
    return "wage_x_minutes"


def minute_share(law: Overtime) -> Fraction:
    """What a minute is of a month's wage."""
    return 1 / law.month_days / law.day_hours / HOUR_MIN


def full_years(hired: date, on: date) -> int:
    """Of service, on a day: the anniversary completes one."""
    return on.year - hired.year - ((on.month, on.day) < (hired.month, hired.day))


def share_by_service(row: LawRow, years: int) -> Fraction:
    """Raises PayRefusedError for a row without shares."""
    reached = [share for since, share in row.by_service if since <= years]
    if not reached:
        raise PayRefusedError(f"{row.version} tells no share", remedy="correct the law row")
    return reached[-1]


def sick_pay(
    days: Sequence[WageDay], hired: date, row: LawRow, minimum: LawRow | None, law: Overtime
) -> Line:
    """`minimum` where the row has a floor by it. Service counts on the first sick day of the month."""
    years = full_years(hired, days[0].day.day)
    share = share_by_service(row, years)
    inputs = tuple(one.as_input() for one in days)
    steps = Calculation(days=inputs)
    wage = wage_of_days(steps, days)
    part = share * minute_share(law)
    steps.step("by_service", "multiply_half_up", wage, part.numerator, part.denominator)
    facts = {
        "days": ", ".join(one.day for one in inputs),
        "hours": decimal_text(Fraction(sum(one.minutes for one in inputs), HOUR_MIN)),
        "service_years": str(years),
        "percent": decimal_text(share * 100),
        "wage_fen": ", ".join(sorted({str(one.wage) for one in days})),
    }
    named = (*by_row(row).law, *by_edition("overtime", law).law)
    formula = f"wage / {decimal_text(law.month_days)} x days x {facts['percent']} %"
    last = "by_service"
    if row.floor_of_minimum is not None:
        if minimum is None or minimum.amount is None:
            raise PayRefusedError(
                f"{row.version} has a floor by the minimum wage, and there is none",
                remedy="import the city's minimum wage: hr-core law import FILE",
            )
        if len({one.wage for one in days}) > 1:
            steps.step("minutes", "minutes_of_days")
        steps.step("minimum_x_minutes", "product", minimum.amount, "minutes")
        part = row.floor_of_minimum * minute_share(law)
        steps.step(
            "floor", "multiply_half_up", "minimum_x_minutes", part.numerator, part.denominator
        )
        steps.step("sick_pay", "largest", last, "floor")
        facts["floor_percent"] = decimal_text(row.floor_of_minimum * 100)
        facts["minimum_fen"] = str(minimum.amount)
        named = (*named, *by_row(minimum).law)
        formula += f", at least {facts['floor_percent']} % of the minimum wage"
    if any(one.status == "unverified" for one in named):
        facts["law_status"] = "unverified"
    trace = Trace(
        rule="sick_pay",
        version=row.version,
        source=row.source,
        formula=formula,
        facts=facts,
        steps=steps.steps,
        days=inputs,
        law=named,
    )
    return Line("sick_pay", trace)

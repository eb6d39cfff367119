"""A month's wage: full, changed inside the month, after hire or before leaving, less unpaid leave.

A full month is the agreed wage whatever its number of days. A part of a month is paid by the day at
wage / 21.75 (statutory holidays are paid days), and is never more than the full wage. A wage that
changes inside a fully employed month counts each wage by its share of the month's paid days.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from fractions import Fraction

from msgspec import Struct

from hr_core.attendance.calendar import SATURDAY, Calendar, DayKind
from hr_core.clock import Month
from hr_core.law.national import Overtime
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import Line, PayRefusedError, by_edition, line
from hr_core.trace.calculation import Calculation


class WageSpan(Struct, frozen=True):
    """A monthly wage in fen from `since` (included) until `until` (excluded, None = without end)."""

    fen: int
    since: date
    until: date | None = None


class PaidDays(Struct, frozen=True):
    """A month's days that carry wage; on `holidays` nobody works and everybody is paid."""

    all: tuple[date, ...]
    holidays: frozenset[date]


class Employment(Struct, frozen=True, kw_only=True):
    hired: date
    left: date | None = None  # the last day
    wages: tuple[WageSpan, ...]

    def employed(self, on: date) -> bool:
        return self.hired <= on and (self.left is None or on <= self.left)

    def wage_on(self, on: date) -> int:
        """Fen a month. Raises PayRefusedError where no wage is agreed."""
        for span in self.wages:
            if span.since <= on and (span.until is None or on < span.until):
                return span.fen
        raise PayRefusedError(
            f"no wage is agreed for {on}", remedy="HR enters the wage with its first day"
        )


def paid_days(month: Month, calendar: Calendar) -> PaidDays:
    """Workdays and statutory holidays. Raises NoLawError for a year without a calendar."""
    kinds = {on: calendar.day(on).kind for on in month.days()}
    return PaidDays(
        tuple(on for on, kind in kinds.items() if kind is not DayKind.REST_DAY),
        frozenset(on for on, kind in kinds.items() if kind is DayKind.STATUTORY_HOLIDAY),
    )


def paid_days_with(month: Month, holidays: Collection[date]) -> PaidDays:
    """By holidays that the employer names. Every weekday is paid and no weekend is: a holiday on
    one has its weekday off among them.
    """
    return PaidDays(
        tuple(on for on in month.days() if on.weekday() < SATURDAY),
        frozenset(on for on in month.days() if on in holidays),
    )


def month_wage(
    work: Employment, month: Month, days: PaidDays, unpaid: Iterable[date], law: Overtime
) -> Line:
    """Raises PayRefusedError when the person is not employed in the month or no wage is agreed."""
    employed = [on for on in month.days() if work.employed(on)]
    if not employed:
        raise PayRefusedError(
            f"not employed in {month} (hired {work.hired}, left {work.left})",
            remedy="HR corrects the dates, or takes the person out of the run",
        )
    present = [on for on in days.all if work.employed(on)]
    absent = {on for on in unpaid if on in present and on not in days.holidays}
    workdays = {on for on in present if on not in days.holidays}
    whole = len(present) == len(days.all)
    by_wage = _days_by_wage(work, present or employed[:1])
    missed = _days_by_wage(work, sorted(absent))
    steps = Calculation()
    if absent and absent >= workdays:
        # A day's wage is 1/21.75: days taken off one by one would leave a rest, or less than none.
        steps.step("nothing_worked", "constant", 0)
        formula = "unpaid leave on every workday"
    elif whole:
        formula = _whole_month(steps, by_wage, missed, law)
    else:
        formula = _part_of_month(steps, by_wage if present else {}, missed, law)
    return line(
        "wages",
        steps,
        by_edition("overtime", law),
        formula=formula,
        facts={
            "month": str(month),
            "paid_days": str(len(days.all)),
            "employed_days": str(len(present)),
            "unpaid_days": str(len(absent)),
            "month_days": str(law.month_days),
            **({"wage_fen": str(*by_wage)} if len(by_wage) == 1 else {}),
        },
    )


def full_month_wage(work: Employment, month: Month) -> int:
    """Fen agreed for a whole month, as if nobody was hired, left or away in it: the last wage."""
    last = month.after - timedelta(days=1)
    return work.wage_on(min(last, work.left) if work.left else last)


def _days_by_wage(work: Employment, days: Iterable[date]) -> dict[int, int]:
    counted: dict[int, int] = {}
    for on in days:
        wage = work.wage_on(on)
        counted[wage] = counted.get(wage, 0) + 1
    return counted


def _sum(steps: Calculation, name: str, by_wage: dict[int, int], factor: int) -> str:
    parts = []
    for position, (wage, count) in enumerate(by_wage.items(), 1):
        parts.append(f"{name}_{position}")
        steps.step(parts[-1], "product", wage, count, factor)
    steps.step(name, "sum", *parts)
    return name


def _whole_month(
    steps: Calculation, by_wage: dict[int, int], missed: dict[int, int], law: Overtime
) -> str:
    days, month_days = sum(by_wage.values()), law.month_days
    earned = _sum(steps, "earned", by_wage, month_days.numerator)
    if missed:
        off = _sum(steps, "unpaid", missed, month_days.denominator * days)
        steps.step("after_unpaid", "difference", earned, off)
        steps.step("not_below_zero", "largest", "after_unpaid", 0)
        earned = "not_below_zero"
    steps.step("wages", "multiply_half_up", earned, 1, days * month_days.numerator)
    formula = "agreed wage" if len(by_wage) == 1 else "each wage x its days / paid days"
    return formula + (f" - unpaid days x wage / {_text(month_days)}" if missed else "")


def _part_of_month(
    steps: Calculation, by_wage: dict[int, int], missed: dict[int, int], law: Overtime
) -> str:
    month_days = law.month_days
    earned = _sum(steps, "earned", by_wage, month_days.denominator)
    if missed:
        off = _sum(steps, "unpaid", missed, month_days.denominator)
        earned = "after_unpaid"
        steps.step(earned, "difference", "earned", off)
    steps.step("by_days", "multiply_half_up", earned, 1, month_days.numerator)
    steps.step("wages", "smallest", "by_days", max(by_wage, default=0))
    return f"employed paid days x wage / {_text(month_days)}, at most the wage"


def _text(value: Fraction) -> str:
    return decimal_text(value)

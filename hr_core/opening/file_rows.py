"""The rows of a file of opening balances, and what cannot stand in them."""

from datetime import date
from fractions import Fraction
from typing import Annotated

from msgspec import Meta, Struct

from hr_core.attendance.calendar import DayKind
from hr_core.clock import DAY_MIN, Month
from hr_core.law.national import Fen
from hr_core.money import MAX_FEN, parse_exact, parse_yuan
from hr_core.opening.rows import (
    LeaveOpening,
    PeriodOpening,
    TaxOpening,
    TimeOffOpening,
)

_HALVES = 2

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=0)]


class PersonRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person: Word


class TaxYearRow(PersonRow, frozen=True, kw_only=True):
    months: Annotated[int, Meta(ge=0, le=12)]
    income: Fen
    contributions: Fen
    special_deductions: Fen
    withheld: Fen
    annual_bonus_apart: bool = False

    def balance(self, month: Month) -> TaxOpening:
        found = TaxOpening(
            year=month.year,
            first_month=str(month),
            months=self.months,
            income=self.income.fen,
            contributions=self.contributions.fen,
            special=self.special_deductions.fen,
            withheld=self.withheld.fen,
            bonus_apart_taken=self.annual_bonus_apart,
        )
        figures = (found.income, found.contributions, found.special, found.withheld)
        if found.months >= month.month:
            raise ValueError(
                f"{found.months} months, and {month.month - 1} of the tax year lie before {month}"
            )
        if min(figures) < 0 or max(figures) > MAX_FEN:
            raise ValueError("an amount is below zero or beyond any pay")
        if found.withheld > found.income:
            raise ValueError("more tax is withheld than was earned")
        if not found.months and any(figures):
            raise ValueError("there are amounts and no months")
        return found


class TimeOffRow(PersonRow, frozen=True, kw_only=True):
    day: date
    day_kind: DayKind
    minutes: Annotated[int, Meta(ge=1, le=DAY_MIN)]
    last_day: date | None = None

    def balance(self, month: Month) -> TimeOffOpening:
        if self.day >= month.first:
            raise ValueError(f"{self.day} lies in a month that is counted here")
        if self.last_day is not None and self.last_day < self.day:
            raise ValueError(f"the last day {self.last_day} is before the overtime")
        return TimeOffOpening(
            day=self.day, day_kind=self.day_kind, minutes=self.minutes, last_day=self.last_day
        )


class LeaveRow(PersonRow, frozen=True, kw_only=True):
    leave: Word
    year: int
    days: Fraction

    def balance(self, month: Month) -> LeaveOpening:
        halves = self.days * _HALVES
        if halves.denominator != 1 or halves < 0:
            raise ValueError(f"{self.days} days are not whole or half days from 0 on")
        if not month.year - 1 <= self.year <= month.year:
            raise ValueError(f"leave of {self.year} cannot be open in {month}")
        return LeaveOpening(leave=self.leave, year=self.year, half_days=halves.numerator)


class PeriodRow(PersonRow, frozen=True, kw_only=True, rename={"since": "from"}):
    permit: Word
    since: date
    worked_min: Count
    holiday_min: Count = 0

    def balance(self, month: Month) -> PeriodOpening:
        days = (month.first - self.since).days
        if days < 1:
            raise ValueError(f"a period from {self.since} on is counted here from its start")
        if self.holiday_min > self.worked_min or self.worked_min > days * DAY_MIN:
            raise ValueError("more minutes than the whole work, or the days, can hold")
        return PeriodOpening(
            permit=self.permit,
            since=self.since,
            until=month.first,
            worked_min=self.worked_min,
            holiday_min=self.holiday_min,
        )


# Each has `balance(month)`, of the first month that is paid here; it raises ValueError for what
# cannot be before that.
FileRow = TaxYearRow | TimeOffRow | LeaveRow | PeriodRow
SHAPES: dict[str, type[FileRow]] = {
    "tax_year": TaxYearRow,
    "time_off": TimeOffRow,
    "leave": LeaveRow,
    "period": PeriodRow,
}


def figure(target: type, value: object) -> Fraction | Fen:
    """A hook of msgspec for amounts and exact numbers, both written as text."""
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not a figure as text, like "69600.00"')  # noqa: TRY004 - msgspec tells ValueErrors with the key
    return Fen(parse_yuan(value)) if target is Fen else parse_exact(value)

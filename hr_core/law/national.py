"""Pay law of the whole country: tax tables, deductions, overtime, severance; each edition dated."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.data_files import read_text
from hr_core.errors import NoLawError
from hr_core.law.rows import Status
from hr_core.money import parse_exact, parse_yuan


class Fen:
    """An amount in fen, written as yuan text in the file."""

    __slots__ = ("fen",)

    def __init__(self, fen: int) -> None:
        self.fen = fen


class _Dated(Protocol):
    @property
    def since(self) -> date: ...
    @property
    def until(self) -> date | None: ...


Edition = TypeVar("Edition", bound=_Dated)


class _Edition(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}
):
    version: str
    since: date
    status: Status
    source: str
    until: date | None = None


class _Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    percent: Fraction
    quick: Fen
    up_to: Fen | None = None


class Band(Struct, frozen=True):
    """Up to `up_to` fen (included; None = without end): rate numerator/denominator less `quick`."""

    up_to: int | None
    numerator: int
    denominator: int
    quick: int


class IncomeTax(_Edition, frozen=True):
    basic_month: Fen
    basic_year: Fen
    severance_exempt_year_wages: int
    non_resident_bonus_months: int
    year: tuple[_Row, ...]
    month: tuple[_Row, ...]

    def year_bands(self) -> tuple[Band, ...]:
        return tuple(_band(row) for row in self.year)

    def month_bands(self) -> tuple[Band, ...]:
        return tuple(_band(row) for row in self.month)


class AnnualBonus(_Edition, frozen=True):
    months: int


class Deductions(_Edition, frozen=True):
    excluding: tuple[tuple[str, ...], ...]
    yearly_only: tuple[str, ...]
    major_medical_over: Fen
    major_medical_most: Fen
    caps: dict[str, Fen]
    per_child: tuple[str, ...]
    elderly_support_shared: Fen
    rent_by_place: dict[str, Fen]
    untaxed: tuple[str, ...]


class Overtime(_Edition, frozen=True):
    month_days: Fraction
    day_hours: Fraction
    factors: dict[DayKind, Fraction]
    unused_leave_further_percent: Fraction
    most_hours_a_day: int
    most_hours_a_month: int


class Severance(_Edition, frozen=True):
    cap_average_wages: int
    cap_years: int


class WageDeduction(_Edition, frozen=True):
    damages_percent: Fraction


class NationalLaw(Struct, frozen=True, forbid_unknown_fields=True):
    income_tax: tuple[IncomeTax, ...]
    annual_bonus: tuple[AnnualBonus, ...]
    deductions: tuple[Deductions, ...]
    overtime: tuple[Overtime, ...]
    severance: tuple[Severance, ...]
    wage_deduction: tuple[WageDeduction, ...]

    def income_tax_on(self, day: date) -> IncomeTax:
        return _in_force(self.income_tax, day, "income tax table")

    def annual_bonus_on(self, day: date) -> AnnualBonus:
        """Raises NoLawError past its end: the bonus is then taxed as wage."""
        return _in_force(self.annual_bonus, day, "separate tax of an annual bonus")

    def deductions_on(self, day: date) -> Deductions:
        return _in_force(self.deductions, day, "list of special deductions")

    def overtime_on(self, day: date) -> Overtime:
        return _in_force(self.overtime, day, "rule of overtime")

    def severance_on(self, day: date) -> Severance:
        return _in_force(self.severance, day, "rule of severance")

    def wage_deduction_on(self, day: date) -> WageDeduction:
        return _in_force(self.wage_deduction, day, "rule of deductions from wage")


@cache
def national_law() -> NationalLaw:
    text = read_text("law/cn_national.toml")
    return msgspec.toml.decode(text, type=NationalLaw, dec_hook=_figure)


def _in_force(editions: tuple[Edition, ...], day: date, what: str) -> Edition:
    holding = [
        one for one in editions if one.since <= day and (one.until is None or day < one.until)
    ]
    if not holding:
        raise NoLawError(what, day)
    return max(holding, key=lambda one: one.since)


def _band(row: _Row) -> Band:
    rate = row.percent / 100
    up_to = None if row.up_to is None else row.up_to.fen
    return Band(up_to, rate.numerator, rate.denominator, row.quick.fen)


def _figure(target: type, value: object) -> Fraction | Fen:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not a figure as text, like "1.5"')  # noqa: TRY004 - msgspec tells ValueErrors with the key
    readers: dict[type, Callable[[str], Fraction | Fen]] = {
        Fraction: parse_exact,
        Fen: lambda text: Fen(parse_yuan(text)),
    }
    return readers[target](value)

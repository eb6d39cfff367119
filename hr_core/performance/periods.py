"""The periods of goals: a month, a quarter, a year."""

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import NamedTuple, Self

from typing_extensions import override

from hr_core.clock import Month

_YEAR_MONTHS = 12
_QUARTER_MONTHS = 3
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_YEAR = re.compile(r"(\d{4})")


class Period(NamedTuple):
    """`length` months from the month `begin` on."""

    begin: Month
    length: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "2026-10", "2026-Q4" or "2026". Raises ValueError for other spellings."""
        if quarter := _QUARTER.fullmatch(text):
            first = _QUARTER_MONTHS * (int(quarter[2]) - 1) + 1
            return cls(Month.parse(f"{quarter[1]}-{first:02d}"), _QUARTER_MONTHS)
        if year := _YEAR.fullmatch(text):
            return cls(Month.parse(f"{year[1]}-01"), _YEAR_MONTHS)
        try:
            return cls(Month.parse(text), 1)
        except ValueError as exc:
            raise ValueError(f"{text!r} is not a period like 2026-10, 2026-Q4 or 2026") from exc

    @classmethod
    def of(cls, month: Month) -> Self:
        return cls(month, 1)

    @property
    def first(self) -> date:
        return self.begin.first

    @property
    def after(self) -> date:
        """The first day that no longer belongs to the period."""
        return self.months()[-1].after

    def months(self) -> tuple[Month, ...]:
        first = self.begin.month
        return tuple(Month(self.begin.year, first + n) for n in range(self.length))

    def days(self) -> Iterator[date]:
        for month in self.months():
            yield from month.days()

    def moved(self, by: int) -> "Period":
        """The period of the same length that many of them later."""
        months = self.begin.year * _YEAR_MONTHS + self.begin.month - 1 + by * self.length
        return Period(Month(months // _YEAR_MONTHS, months % _YEAR_MONTHS + 1), self.length)

    def holds(self, other: "Period") -> bool:
        return self.first <= other.first and other.after <= self.after

    def elapsed(self, on: date) -> Fraction:
        """The share of the days that is over in the morning of the day `on`, 0 to 1."""
        whole = (self.after - self.first).days
        return Fraction(min(max((on - self.first).days, 0), whole), whole)

    @override
    def __str__(self) -> str:
        if self.length == _YEAR_MONTHS:
            return f"{self.begin.year:04d}"
        if self.length == _QUARTER_MONTHS:
            return f"{self.begin.year:04d}-Q{self.begin.month // _QUARTER_MONTHS + 1}"
        return str(self.begin)

"""Columns of the month's pay kernel: people in, law once for each city, money and trace out.

Every column is int64 (or bool), one entry a person; amounts are fen, rates millionths (8 % = 80,000).
People are the last axis: a column lies in one piece of memory.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hr_core.clock import Month
from hr_core.law.book import LawBook
from hr_core.law.rows import FUNDS, INSURANCES, Item, LawRow

Fen = NDArray[np.int64]
Flags = NDArray[np.bool_]

MILLION = 1_000_000
UNTOLD = -1
NO_CEILING = 10**12
ITEMS = (*INSURANCES, *FUNDS)
# Larger figures are a wrong unit; below them every product stays inside int64.
MOST_FEN = 10**10
MOST_MINUTES = 60 * 24 * 31
# Why somebody is not paid by the kernel.
PAID, NO_BASE, NO_RATE, RATE_NOT_ALLOWED, BELOW_MINIMUM = range(5)


class PeopleTable(NamedTuple):
    """One wage for the whole month: whom two wages, severance or a maternity fund concern is
    computed by hr_core.pay.cn.month_pay.

    employed_days   paid days of the month on which the person is employed
    unpaid_days     workdays among them on unpaid leave; `no_workday_worked` where that is all
    other_taxed     allowances and sums that are taxed with the wage (bonus, heat allowance)
    months          that count for the basic deduction; `basic_at_once` deducts 60,000
    *_before        of the tax year, up to the month before
    base UNTOLD     nobody entered one; rate UNTOLD = the law's
    """

    city: Fen
    wage: Fen
    employed_days: Fen
    unpaid_days: Fen
    no_workday_worked: Flags
    overtime_minutes: NDArray[np.int64]  # (workday, rest day, statutory holiday) x people
    insurance_base: Fen
    fund_base: Fen
    rates: NDArray[np.int64]  # ITEMS x (employee, employer) x people
    insured: Flags
    in_fund: Flags
    resident: Flags
    bonus: Fen
    other_taxed: Fen
    untaxed: Fen
    bonus_apart: Fen
    special: Fen
    months: Fen
    basic_at_once: Flags
    income_before: Fen
    contributions_before: Fen
    special_before: Fen
    withheld_before: Fen

    @property
    def size(self) -> int:
        return len(self.wage)


class CityTerms(NamedTuple):
    """One row a city. The last axis of rates, ranges and fixed amounts: employee, employer."""

    cities: tuple[str, ...]
    versions: tuple[tuple[str | None, ...], ...]
    known: NDArray[np.bool_]  # cities x ITEMS
    floor: NDArray[np.int64]
    ceiling: NDArray[np.int64]
    rate: NDArray[np.int64]
    least: NDArray[np.int64]
    most: NDArray[np.int64]
    step: NDArray[np.int64]  # a rate is a multiple of it
    fixed: NDArray[np.int64]
    unit: NDArray[np.int64]
    up: NDArray[np.bool_]
    minimum_wage: Fen
    minimum_after_own: Flags


class PayTable(NamedTuple):
    """The slips, and beside them the compact trace: what each amount was made of.

    `held_base` is the base between floor and ceiling, `rate` what was applied, `taxable` and `band`
    the tax's place in its table, `bonus_band` the bonus'. With `PeopleTable` and the law's versions
    that is every number of the full trace. Amounts of people who are refused mean nothing.
    """

    refused: NDArray[np.int8]
    wages: Fen
    overtime: NDArray[np.int64]  # kinds of day x people
    gross: Fen
    shares: NDArray[np.int64]  # ITEMS x (employee, employer) x people
    income_tax: Fen
    bonus_tax: Fen
    net: Fen
    employer_cost: Fen
    held_base: NDArray[np.int64]  # ITEMS x people
    rate: NDArray[np.int64]  # as `shares`
    taxable: Fen
    band: NDArray[np.int8]
    bonus_band: NDArray[np.int8]


def millionths(rate: Fraction) -> int:
    """Raises ValueError for a rate finer than that: the kernel would not be exact."""
    scaled = rate * MILLION
    if scaled.denominator != 1:
        raise ValueError(f"{rate} is finer than a millionth")
    return int(scaled)


def city_terms(book: LawBook, cities: Sequence[str], month: Month) -> CityTerms:
    """Raises NoLawError and UnverifiedLawError as the reference does, for a whole city at once;
    ValueError for a row without its rounding.
    """
    rows = [[_row(book, city, item, month) for item in ITEMS] for city in cities]
    minimum = [book.row(city, Item.MINIMUM_WAGE, month.first) for city in cities]

    def table(of: object) -> NDArray[np.int64]:
        return np.array(of, np.int64)

    return CityTerms(
        cities=tuple(cities),
        versions=tuple(tuple(None if row is None else row.version for row in own) for own in rows),
        known=np.array([[row is not None for row in own] for own in rows], np.bool_),
        floor=table([[(row and row.floor) or 0 for row in own] for own in rows]),
        ceiling=table([[_ceiling(row) for row in own] for own in rows]),
        rate=table([[_rates(row) for row in own] for own in rows]),
        least=table([[_range(row, 0) for row in own] for own in rows]),
        most=table([[_range(row, 1) for row in own] for own in rows]),
        step=table([[_step(row) for row in own] for own in rows]),
        fixed=table([[_fixed(row) for row in own] for own in rows]),
        unit=table([[_unit(row) for row in own] for own in rows]),
        up=np.array([[_is_up(row) for row in own] for own in rows], np.bool_),
        minimum_wage=table([row.amount for row in minimum]),
        minimum_after_own=np.array([row.after_own_contributions for row in minimum], np.bool_),
    )


def _row(book: LawBook, city: str, item: Item, month: Month) -> LawRow | None:
    """A city that merged maternity into medical, or knows no supplementary fund, has no row."""
    optional = item in (Item.MATERNITY, Item.HOUSING_FUND_SUPPLEMENT)
    if optional and not book.knows(city, item):
        return None
    return book.row(city, item, month.first)


def _ceiling(row: LawRow | None) -> int:
    return NO_CEILING if row is None or row.ceiling is None else row.ceiling


def _rates(row: LawRow | None) -> tuple[int, int]:
    if row is None:
        return 0, 0
    employee, employer = (
        UNTOLD if rate is None else millionths(rate) for rate in (row.employee, row.employer)
    )
    return employee, employer


def _range(row: LawRow | None, end: int) -> tuple[int, int]:
    ranges = (None, None) if row is None else (row.employee_range, row.employer_range)
    employee, employer = (
        (0, MILLION)[end] if allowed is None else millionths(allowed[end]) for allowed in ranges
    )
    return employee, employer


def _step(row: LawRow | None) -> int:
    return MILLION // 100 if row is not None and row.whole_percent else 1


def _fixed(row: LawRow | None) -> tuple[int, int]:
    return (0, 0) if row is None else (row.employee_fixed, row.employer_fixed)


def _unit(row: LawRow | None) -> int:
    if row is None:
        return 1
    if row.rounding is None:
        raise ValueError(f"{row.version} does not tell how a share is rounded")
    return row.rounding.unit_fen


def _is_up(row: LawRow | None) -> bool:
    return row is not None and row.rounding is not None and row.rounding.always_up

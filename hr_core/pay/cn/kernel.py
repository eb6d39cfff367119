"""A month's pay of everybody at once: the rules of month_pay over int64 columns, equal to the fen."""

from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hr_core.attendance.calendar import DayKind
from hr_core.law.national import AnnualBonus, Band, IncomeTax, Overtime
from hr_core.pay.cn.kernel_tables import (
    BELOW_MINIMUM,
    ITEMS,
    MILLION,
    MOST_FEN,
    MOST_MINUTES,
    NO_BASE,
    NO_RATE,
    PAID,
    RATE_NOT_ALLOWED,
    UNTOLD,
    CityTerms,
    Fen,
    Flags,
    PayTable,
    PeopleTable,
)

_INSURANCES = 5
_SUPPLEMENT = len(ITEMS) - 1
_HOUR_MINUTES = 60
Whom = slice | NDArray[np.int64]


class KernelInputError(ValueError):
    """A column holds a figure beyond what the kernel computes exactly."""


def pay_everybody(
    people: PeopleTable,
    terms: CityTerms,
    paid_days: int,
    law: tuple[IncomeTax, AnnualBonus, Overtime],
) -> PayTable:
    """Raises KernelInputError. Who is refused has his reason in `refused`."""
    _refuse_large(people)
    tax_law, apart_law, overtime_law = law
    wages = _wages(people, paid_days, overtime_law)
    overtime = _overtime(people, overtime_law)
    shares, held, rate, refused = _shares(people, terms)
    own, employer = shares[:, 0].sum(axis=0), shares[:, 1].sum(axis=0)
    _refuse_low_wages(people, terms, own, refused)

    taxed = wages + overtime.sum(axis=0) + people.bonus + people.other_taxed
    taxable = np.where(
        people.resident,
        people.income_before
        + taxed
        - _basic(people, tax_law)
        - people.contributions_before
        - own
        - people.special_before
        - people.special,
        taxed - tax_law.basic_month.fen,
    )
    np.maximum(taxable, 0, out=taxable)
    tax, band = _income_tax(people, taxable, tax_law)
    bonus_tax, bonus_band = _bonus_tax(people, tax_law, apart_law)
    gross = taxed + people.untaxed + people.bonus_apart
    return PayTable(
        refused=refused,
        wages=wages,
        overtime=overtime,
        gross=gross,
        shares=shares,
        income_tax=tax,
        bonus_tax=bonus_tax,
        net=gross - own - tax - bonus_tax,
        employer_cost=employer,
        held_base=held,
        rate=rate,
        taxable=taxable,
        band=band,
        bonus_band=bonus_band,
    )


def _refuse_large(people: PeopleTable) -> None:
    for name, column in people._asdict().items():
        limit = MOST_MINUTES if name == "overtime_minutes" else MOST_FEN
        if column.dtype != np.bool_ and column.size:
            if column.max() > limit:
                raise KernelInputError(f"{name} holds {column.max()}, over {limit}")
            if column.min() < UNTOLD:
                raise KernelInputError(f"{name} holds {column.min()}, below zero")


def _half_up(amount: Fen, rate: Fraction) -> Fen:
    """Of amounts that are not below zero."""
    return (amount * (2 * rate.numerator) + rate.denominator) // (2 * rate.denominator)


def _wages(people: PeopleTable, paid_days: int, law: Overtime) -> Fen:
    days = law.month_days
    whole = people.employed_days == paid_days
    # Hundredths of days of 21.75: a whole month less its unpaid days, or the days themselves.
    parts = np.where(
        whole,
        days.numerator - days.denominator * people.unpaid_days,
        days.denominator * (people.employed_days - people.unpaid_days),
    )
    np.maximum(parts, 0, out=parts)
    wages = _half_up(people.wage * parts, Fraction(1, days.numerator))
    wages = np.minimum(wages, people.wage)
    wages[people.no_workday_worked] = 0
    return wages


def _overtime(people: PeopleTable, law: Overtime) -> NDArray[np.int64]:
    found = np.empty_like(people.overtime_minutes)
    for column, kind in enumerate(DayKind):
        rate = law.factors[kind] / law.month_days / law.day_hours / _HOUR_MINUTES
        found[column] = _half_up(people.wage * people.overtime_minutes[column], rate)
    return found


class _Shares(NamedTuple):
    shares: NDArray[np.int64]
    held: NDArray[np.int64]
    rate: NDArray[np.int64]
    refused: NDArray[np.int8]


def _shares(people: PeopleTable, terms: CityTerms) -> _Shares:
    """City by city: its terms are then plain numbers, and numpy divides by those far faster."""
    sides = (len(ITEMS), 2, people.size)
    made = _Shares(
        np.zeros(sides, np.int64),
        np.zeros((len(ITEMS), people.size), np.int64),
        np.zeros(sides, np.int64),
        np.full(people.size, PAID, np.int8),
    )
    if len(terms.cities) == 1:
        _shares_of_city(people, terms, 0, slice(None), made)
        return made
    order = np.argsort(people.city, kind="stable")
    ends = np.searchsorted(people.city[order], np.arange(len(terms.cities) + 1))
    for city in range(len(terms.cities)):
        _shares_of_city(people, terms, city, order[ends[city] : ends[city + 1]], made)
    return made


def _shares_of_city(
    people: PeopleTable, terms: CityTerms, city: int, whom: Whom, made: _Shares
) -> None:
    refused = made.refused[whom]
    for item in range(len(ITEMS)):
        is_insurance = item < _INSURANCES
        joins = (people.insured if is_insurance else people.in_fund)[whom]
        if item == _SUPPLEMENT:  # who has no supplement has no rate of it
            joins = joins & (people.rates[item, 1, whom] > 0)
            if not terms.known[city, item]:
                _refuse(refused, joins, NO_RATE)
        if not terms.known[city, item] or not joins.any():
            continue
        base = (people.insurance_base if is_insurance else people.fund_base)[whom]
        _refuse(refused, joins & (base == UNTOLD), NO_BASE)
        held = np.clip(base, terms.floor[city, item], terms.ceiling[city, item])
        held *= joins
        made.held[item, whom] = held
        for side in range(2):
            rate = _rate(people.rates[item, side, whom], terms, (city, item, side))
            _refuse_rates(refused, joins, rate, terms, (city, item, side))
            made.rate[item, side, whom] = rate
            made.shares[item, side, whom] = _share(held, rate, joins, terms, (city, item, side))
    made.refused[whom] = refused


def _rate(own: Fen, terms: CityTerms, place: tuple[int, int, int]) -> Fen:
    return np.where(own == UNTOLD, terms.rate[place], own)


def _refuse_rates(
    refused: NDArray[np.int8],
    joins: Flags,
    rate: Fen,
    terms: CityTerms,
    place: tuple[int, int, int],
) -> None:
    low, high = int(rate.min()), int(rate.max())
    least, most, step = terms.least[place], terms.most[place], terms.step[place[:2]]
    if low == high and least <= low <= most and low % step == 0:
        return  # one rate for all, and an allowed one: the usual case
    _refuse(refused, joins & (rate == UNTOLD), NO_RATE)
    wrong = (rate < least) | (rate > most)
    if step > 1:
        wrong |= rate // step * step != rate
    _refuse(refused, joins & wrong, RATE_NOT_ALLOWED)


def _share(
    held: Fen, rate: Fen, joins: Flags, terms: CityTerms, place: tuple[int, int, int]
) -> Fen:
    """Half up is up by half a unit before the division, always up by all but a millionth of one."""
    unit = int(terms.unit[place[:2]])
    whole = MILLION * unit
    found: Fen = held * rate
    if terms.up[place[:2]]:
        found += whole - 1
    else:
        found += whole // 2
    found //= whole
    found *= unit
    fixed = int(terms.fixed[place])
    if fixed:
        found += joins * fixed
    return found


def _refuse(refused: NDArray[np.int8], whom: Flags, why: int) -> None:
    """The first reason stays."""
    refused[whom & (refused == PAID)] = why


def _refuse_low_wages(
    people: PeopleTable, terms: CityTerms, own: Fen, refused: NDArray[np.int8]
) -> None:
    counted = people.wage + people.bonus - np.where(terms.minimum_after_own[people.city], own, 0)
    _refuse(refused, counted < terms.minimum_wage[people.city], BELOW_MINIMUM)


def _basic(people: PeopleTable, law: IncomeTax) -> Fen:
    by_month = people.months * law.basic_month.fen
    return np.where(people.basic_at_once, law.basic_year.fen, by_month)


def _by_bands(amount: Fen, bands: tuple[Band, ...], months: int) -> tuple[Fen, NDArray[np.int8]]:
    """Tax by the band of amount / months, its quick deduction taken once."""
    edges = np.array([band.up_to * months for band in bands if band.up_to is not None], np.int64)
    place = np.searchsorted(edges, amount, side="left").astype(np.int8)
    # One denominator for all bands: numpy divides by a single number far faster.
    whole = lcm(*(band.denominator for band in bands))
    rates = np.array([band.numerator * (whole // band.denominator) for band in bands], np.int64)
    return (2 * amount * rates[place] + whole) // (2 * whole), place


def _quick(bands: tuple[Band, ...], place: NDArray[np.int8]) -> Fen:
    return np.array([band.quick for band in bands], np.int64)[place]


def _income_tax(people: PeopleTable, taxable: Fen, law: IncomeTax) -> tuple[Fen, NDArray[np.int8]]:
    of_year, year_band = _by_bands(taxable, law.year_bands(), 1)
    year_tax = of_year - _quick(law.year_bands(), year_band) - people.withheld_before
    tax = np.maximum(year_tax, 0)
    band = year_band
    foreign = ~people.resident
    if foreign.any():
        alone, month_band = _by_bands(taxable[foreign], law.month_bands(), 1)
        tax[foreign] = alone - _quick(law.month_bands(), month_band)
        band[foreign] = month_band
    return tax, band


def _bonus_tax(
    people: PeopleTable, law: IncomeTax, apart: AnnualBonus
) -> tuple[Fen, NDArray[np.int8]]:
    bands = law.month_bands()
    count = people.size
    tax, band = np.zeros(count, np.int64), np.zeros(count, np.int8)
    for months, quicks, whom in (
        (apart.months, 1, people.resident),
        (law.non_resident_bonus_months, law.non_resident_bonus_months, ~people.resident),
    ):
        paid = whom & (people.bonus_apart > 0)
        if paid.any():
            raw, place = _by_bands(people.bonus_apart[paid], bands, months)
            tax[paid] = raw - quicks * _quick(bands, place)
            band[paid] = place
    return tax, band

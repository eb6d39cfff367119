"""Shares of social insurance and housing fund: a base between floor and ceiling, times a rate."""

from fractions import Fraction
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from hr_core.law.rows import Item, LawRow, Rounding
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import Line, PayRefusedError, by_row, line
from hr_core.trace.calculation import Calculation, Operation

Side = Literal["employee", "employer"]


class Shares(Struct, frozen=True):
    """Both sides of one item; the ordinary and the supplementary fund are two of them."""

    item: Item
    employee: Line
    employer: Line


class Rates(Struct, frozen=True):
    """An employer's own rates where the law leaves room: None takes the law's."""

    employer: Fraction | None = None
    employee: Fraction | None = None


def shares(row: LawRow, base_fen: int, own: Rates) -> Shares:
    """Raises PayRefusedError for a rate that the row does not tell or allow, or a base below zero.

    The same base serves both sides; each share is rounded once, in the row's unit.
    """
    if base_fen < 0:
        raise PayRefusedError(
            f"{row.item}: the base is {base_fen} fen", remedy="HR enters the person's base anew"
        )
    return Shares(
        row.item,
        _share(row, base_fen, "employee", _rate(row, "employee", own.employee)),
        _share(row, base_fen, "employer", _rate(row, "employer", own.employer)),
    )


def _rate(row: LawRow, side: Side, own: Fraction | None) -> Fraction:
    of_law = row.employee if side == "employee" else row.employer
    allowed = row.employee_range if side == "employee" else row.employer_range
    rate = of_law if own is None else own
    if rate is None:
        raise PayRefusedError(
            f"{row.city}: no {side} rate of {row.item} is known",
            remedy="HR enters the employer's rate (the unit's own, as told by the fund or bureau)",
        )
    if not 0 <= rate <= 1:
        raise PayRefusedError(
            f"{row.city}: {row.item} at {_percent(rate)} %", remedy="HR corrects the rate"
        )
    if allowed is not None and not allowed[0] <= rate <= allowed[1]:
        raise PayRefusedError(
            f"{row.city}: {row.item} at {_percent(rate)} %, allowed are {_percent(allowed[0])} to "
            f"{_percent(allowed[1])} % ({row.source})",
            remedy="HR corrects the employer's rate, or the law row when a new notice changed it",
        )
    if row.whole_percent and (rate * 100).denominator != 1:
        raise PayRefusedError(
            f"{row.city}: {row.item} at {_percent(rate)} %, only whole percents are allowed",
            remedy="HR corrects the employer's rate",
        )
    return rate


def _rounding(row: LawRow) -> Rounding:
    if row.rounding is None:
        raise PayRefusedError(
            f"{row.version} does not tell how a share is rounded ({row.source})",
            remedy="import the row with its rounding, as the fund or bureau counts",
        )
    return row.rounding


def _share(row: LawRow, base_fen: int, side: Side, rate: Fraction) -> Line:
    rounded = _rounding(row)
    steps = Calculation()
    steps.step("base", "constant", base_fen)
    held = "base"
    if row.floor is not None:
        steps.step("at_least_floor", "largest", held, row.floor)
        held = "at_least_floor"
    if row.ceiling is not None:
        steps.step("at_most_ceiling", "smallest", held, row.ceiling)
        held = "at_most_ceiling"
    unit = rounded.unit_fen
    rounding: Operation = "multiply_up" if rounded.always_up else "multiply_half_up"
    steps.step("units", rounding, held, rate.numerator, rate.denominator * unit)
    steps.step("share", "product", "units", unit)
    fixed = row.employee_fixed if side == "employee" else row.employer_fixed
    if fixed:
        steps.step("with_fixed_amount", "sum", "share", fixed)
    return line(
        f"{row.item}_{side}",
        steps,
        by_row(row),
        formula=f"base between floor and ceiling x {_percent(rate)} %, rounded to the "
        f"{rounded.value.replace('_', ' ')}" + (" plus a fixed amount" if fixed else ""),
        facts={"city": row.city, "side": side},
    )


@lru_cache(maxsize=256)  # some dozen rates in a run
def _percent(rate: Fraction) -> str:
    return decimal_text(rate * 100)

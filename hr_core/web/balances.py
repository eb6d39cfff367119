"""What a person has left, beside the payslip: time off in lots, and the tax year so far."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.lots.booking import lots_of
from hr_core.errors import NotFoundError
from hr_core.pay.slip import SlipLine
from hr_core.pay.year_so_far import TAX_LINE


class LotLeft(Struct, frozen=True, kw_only=True):
    """`last_day` None: it does not lapse."""

    earned_on: date
    minutes: int
    last_day: date | None


class TimeOffLeft(Struct, frozen=True, kw_only=True):
    """`lots` with something left, the first to lapse first; `owed_min`: taken and never earned."""

    on: date
    left_min: int
    owed_min: int
    lots: tuple[LotLeft, ...]


class TaxYearSoFar(Struct, frozen=True, kw_only=True):
    """Fen of the year up to the slip's month, as its own tax line was computed."""

    income: int
    contributions: int
    special: int
    tax: int


class Balances(Struct, frozen=True, kw_only=True):
    """`time_off` None: no overtime of this person ever became time off; `tax_year` None: the slip has
    no tax that counts by the year.
    """

    time_off: TimeOffLeft | None
    tax_year: TaxYearSoFar | None

    def __bool__(self) -> bool:
        return self.time_off is not None or self.tax_year is not None


def balances(
    conn: sa.Connection, person: str, lines: Sequence[SlipLine], on: date, *, explained: bool
) -> Balances:
    """`explained`: who looks may see what amounts are made of."""
    return Balances(
        time_off=_time_off(conn, person, on),
        tax_year=_tax_year(lines) if explained else None,
    )


def _time_off(conn: sa.Connection, person: str, on: date) -> TimeOffLeft | None:
    try:
        lots = lots_of(conn, person, on)
    except NotFoundError:  # erased, or of a slip that another program brought
        return None
    if not lots:
        return None
    usable = [lot for lot in lots if lot.left_min > 0 and lot.usable_on(on)]
    usable.sort(key=lambda lot: (lot.origin.last_day or date.max, lot.origin.day))
    return TimeOffLeft(
        on=on,
        left_min=sum(lot.left_min for lot in usable),
        owed_min=sum(lot.owed_min for lot in lots),
        lots=tuple(
            LotLeft(earned_on=lot.origin.day, minutes=lot.left_min, last_day=lot.origin.last_day)
            for lot in usable
        ),
    )


def _tax_year(lines: Sequence[SlipLine]) -> TaxYearSoFar | None:
    for line in lines:
        steps = {step.name: step.result for step in line.trace.steps}
        if line.code == TAX_LINE and steps.keys() >= {"income", "of_the_year", "withheld"}:
            return TaxYearSoFar(
                income=steps["income"],
                contributions=steps["contributions"],
                special=steps["special_deductions"],
                tax=steps["of_the_year"] - steps["due"] + steps["withheld"],
            )
    return None

"""A person's tax year up to a month: approved opening balances and the months that were paid here.

What a month added to the year is read from the trace of its tax line, so that it is exactly what the
slip says. The months are added up anew each time: nothing is carried that could fall out of step.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.opening.rows import OpeningKind, TaxOpening
from hr_core.pay.cn.income_tax import TaxMonth, TaxYear, after_month
from hr_core.pay.counted_runs import counted_runs, months_before
from hr_core.store.opening_balances import openings
from hr_core.store.results import pay_lines
from hr_core.trace.calculation import Trace

TAX_LINE = "income_tax"
BONUS_TAX_LINE = "bonus_tax"

_decode_trace = msgspec.json.Decoder(Trace).decode


class YearSoFar(Struct, frozen=True, kw_only=True):
    """`origin`: the opening row and the runs that make it. `months` were paid in it, here or before;
    `bonus_apart_taken`: an annual bonus was taxed apart in one of them.
    """

    year: TaxYear = TaxYear()
    origin: tuple[str, ...] = ()
    months: int = 0
    bonus_apart_taken: bool = False

    def with_opening(self, opening: TaxOpening, origin: str) -> "YearSoFar":
        own = TaxMonth(
            income=opening.income, contributions=opening.contributions, special=opening.special
        )
        return YearSoFar(
            year=after_month(self.year, own, opening.withheld),
            origin=(*self.origin, origin),
            months=self.months + opening.months,
            bonus_apart_taken=self.bonus_apart_taken or opening.bonus_apart_taken,
        )

    def with_month(self, own: "PaidTax", origin: str) -> "YearSoFar":
        return YearSoFar(
            year=after_month(self.year, own.month, own.withheld),
            origin=(*self.origin, origin),
            months=self.months + 1,
            bonus_apart_taken=self.bonus_apart_taken,
        )

    def with_bonus_apart(self) -> "YearSoFar":
        return msgspec.structs.replace(self, bonus_apart_taken=True)


class PaidTax(NamedTuple):
    """What a month added to the tax year."""

    month: TaxMonth
    withheld: int


def year_so_far(
    conn: sa.Connection, month: Month, *, scheme: str | None = None
) -> dict[str, YearSoFar]:
    """By person, of everybody who has an opening balance or was paid in the year. A run of a month
    that somebody's opening balance covers (a rehearsal beside the old system) does not count for them.
    """
    found: dict[str, YearSoFar] = {}
    first_here: dict[str, Month] = {}
    for one in openings(conn, kind=OpeningKind.TAX_YEAR):
        balance = one.row.balance
        if isinstance(balance, TaxOpening) and balance.year == month.year:
            person = one.row.person
            found[person] = found.get(person, YearSoFar()).with_opening(balance, one.origin)
            first_here[person] = Month.parse(balance.first_month)
    for paid, run in counted_runs(conn, months_before(month), scheme).items():
        for person, code, trace in _tax_lines(conn, run):
            so_far = found.get(person, YearSoFar())
            if person in first_here and paid < first_here[person]:
                continue
            if code == BONUS_TAX_LINE:
                found[person] = so_far.with_bonus_apart()
            elif (own := paid_tax(trace)) is not None:
                found[person] = so_far.with_month(own, f"run {run} of {paid}")
    return found


def paid_tax(trace: Trace) -> PaidTax | None:
    """From the steps of `cumulative_tax`: each sum is the year before and the month's own. None for
    tax that knows no year, a non-resident's.
    """
    steps = {step.name: step for step in trace.steps}
    if "withheld" not in steps:
        return None

    def own(name: str) -> int:
        operand = steps[name].of[1]
        return steps[operand].result if isinstance(operand, str) else operand

    month = TaxMonth(
        income=own("income"), contributions=own("contributions"), special=own("special_deductions")
    )
    return PaidTax(month, steps["withheld"].result)


def _tax_lines(conn: sa.Connection, run: int) -> Iterator[tuple[str, str, Trace]]:
    there = pay_lines.c
    query = (
        sa.select(there.number, there.code, there.trace)
        .where(there.run == run, there.code.in_((TAX_LINE, BONUS_TAX_LINE)))
        .order_by(there.number, there.position)
    )
    for row in conn.execute(query):
        yield row.number, row.code, _decode_trace(row.trace)

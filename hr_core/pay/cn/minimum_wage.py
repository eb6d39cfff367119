"""The local minimum wage: whether a wage holds it, what tops it up, what may be taken off it."""

from msgspec import Struct

from hr_core.law.national import WageDeduction
from hr_core.law.rows import LawRow
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import Authority, Line, PayRefusedError, by_edition, by_row, line
from hr_core.trace.calculation import Calculation


class CountedWage(Struct, frozen=True):
    """`wage` is without overtime, heat and other special allowances; `own_shares` is the person's
    part of insurance and fund, which some cities take off before they compare.
    """

    wage: int
    own_shares: int = 0

    def compared(self, law: LawRow) -> int:
        return self.wage - (self.own_shares if law.after_own_contributions else 0)


def refuse_below_minimum(counted: CountedWage, law: LawRow) -> None:
    """Raises PayRefusedError for a full month's wage below the minimum."""
    minimum, compared = _amount(law), counted.compared(law)
    if compared < minimum:
        after = " after own insurance and fund" if law.after_own_contributions else ""
        raise PayRefusedError(
            f"{law.city}: {compared / 100:.2f} yuan{after} is below the minimum wage of "
            f"{minimum / 100:.2f} ({law.source})",
            remedy="HR raises the agreed wage, or pays with the top-up line",
        )


def minimum_wage_top_up(
    counted: CountedWage, law: LawRow, *, days: int = 1, full_days: int = 1
) -> Line:
    """What is missing to the minimum wage, for `days` of the month's `full_days`; 0 when none."""
    steps = Calculation()
    steps.step("due", "multiply_half_up", _amount(law), days, full_days)
    steps.step("missing", "difference", "due", counted.compared(law))
    steps.step("top_up", "largest", "missing", 0)
    return line(
        "minimum_wage_top_up",
        steps,
        by_row(law),
        formula="minimum wage x days / days of the month - counted wage",
        facts={"city": law.city, "wage": str(counted.wage), "own_shares": str(counted.own_shares)},
    )


class TakenOff(Struct, frozen=True):
    """What a month takes of a debt, and what waits for the next."""

    line: Line
    left: int


def deduct_damages(wanted: int, month_wage: int, minimum: LawRow, law: WageDeduction) -> TakenOff:
    """Damages come off in parts: at most 20 % of the month's wage, never below the minimum wage."""
    steps = Calculation()
    taken = take_within_cap(steps, wanted, month_wage, month_wage, minimum, law)
    return TakenOff(
        line(
            "damages",
            steps,
            Authority(
                f"{law.version} with {minimum.version}",
                f"{law.source}; {minimum.source}",
                minimum.status,
                (*by_edition("wage_deduction", law).law, *by_row(minimum).law),
            ),
            formula=f"at most {decimal_text(law.damages_percent)} % of the wage and what is above the "
            "minimum wage",
        ),
        wanted - taken,
    )


def take_within_cap(  # noqa: PLR0913 - what the two bounds compare
    steps: Calculation,
    wanted: int | str,
    wage: int | str,
    compared: int | str,
    minimum: LawRow,
    law: WageDeduction,
    already: int = 0,
) -> int:
    """The step `taken`. `compared` is what must not fall below the minimum wage, `already` what other
    damages took of the month. Operands may name earlier steps.
    """
    rate = law.damages_percent / 100
    # "At most" is rounded down: up, of the amount below zero.
    steps.step("below_zero", "difference", 0, wage)
    steps.step("minus_share", "multiply_up", "below_zero", rate.numerator, rate.denominator)
    steps.step("share", "difference", 0, "minus_share")
    steps.step("above_minimum", "difference", compared, _amount(minimum))
    steps.step("room", "smallest", "share", "above_minimum")
    room = "room"
    if already:
        room = "room_left"
        steps.step(room, "difference", "room", already)
    steps.step("not_below_zero", "largest", room, 0)
    return steps.step("taken", "smallest", "not_below_zero", wanted)


def _amount(law: LawRow) -> int:
    if law.amount is None:
        raise PayRefusedError(f"{law.version} has no amount", remedy="correct the law row")
    return law.amount

"""What a person owes for scrapped pieces, within the legal cap; what is left waits.

Only rows of a tally sheet say that scrap was somebody's fault: a counted reject alone never becomes a
deduction.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from msgspec import Struct

from hr_core.law.national import WageDeduction
from hr_core.law.rows import LawRow
from hr_core.money import decimal_text, format_fen
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.cn.minimum_wage import take_within_cap
from hr_core.pay.piece.lines import inputs_of
from hr_core.pay.piece.made import Made
from hr_core.pay.piece.prices import PriceBook
from hr_core.pay.piece.top_up import as_law_input, line_inputs
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import Calculation, LawInput, Trace

CODE = "scrap"


class ScrapTerms(Struct, frozen=True, kw_only=True):
    """`own_shares_fen` above zero; `already_fen`: what other damages take of the same month; `later_fen`:
    what later slips took for this month's scrap before the slip was put anew.
    """

    book: PriceBook
    minimum: LawRow
    law: WageDeduction
    own_shares_fen: int = 0
    already_fen: int = 0
    later_fen: int = 0


class ScrapTaken(Struct, frozen=True):
    """`left_fen` was not taken: later months do, each within its own cap (hr_core.pay.debts)."""

    line: SlipLine
    left_fen: int


def scrap_line(
    scrapped: Sequence[Made], earned: Sequence[SlipLine], terms: ScrapTerms
) -> ScrapTaken | None:
    """`earned`: the month's wage. None without scrap. Raises NoPriceError, PayRefusedError."""
    if not scrapped:
        return None
    by_price = _by_price(scrapped, terms.book)
    _, tallies = inputs_of(scrapped)
    lines = line_inputs(one for one in earned if one.side is Side.EARNED)
    steps = Calculation(tallies=tallies, lines=lines)
    worth = wanted = _worth(steps, by_price)
    owed = "worth"
    if terms.later_fen:
        owed = "not_taken_later"
        steps.step("less_taken_later", "difference", "worth", terms.later_fen)
        wanted = steps.step(owed, "largest", "less_taken_later", 0)
    wage = steps.step("wage", "amount_of_lines")
    compared = "wage"
    if terms.minimum.after_own_contributions:
        compared = "wage_after_own_shares"
        steps.step(compared, "difference", "wage", terms.own_shares_fen)
    taken = take_within_cap(
        steps, owed, "wage", compared, terms.minimum, terms.law, terms.already_fen
    )
    amount = steps.step("amount", "difference", 0, "taken")
    pieces = sum(by_price.values())
    percent = decimal_text(terms.law.damages_percent)
    facts = {
        "pieces": str(pieces),
        "paid": "; ".join(f"{n} x {decimal_text(price / 100)}" for price, n in by_price.items()),
        "days": ", ".join(sorted({str(one.day) for one in scrapped})),
        "goods": ", ".join(sorted({one.goods.text for one in scrapped})),
        "worth_fen": str(worth),
        "wage_fen": str(wage),
        "cap_percent": percent,
        "minimum_fen": str(terms.minimum.amount),
        "already_fen": str(terms.already_fen),
        "left_fen": str(wanted - taken),
    }
    tables = sorted({terms.book.row(one.goods, one.day).version for one in scrapped})
    trace = Trace(
        rule=CODE,
        version=f"{', '.join(tables)} with {terms.law.version} and {terms.minimum.version}",
        source=f"{terms.law.source}; {terms.minimum.source}",
        formula=f"scrapped pieces x price, at most {percent} % of the wage and what is above the "
        "minimum wage",
        facts=facts,
        steps=steps.steps,
        tallies=tallies,
        lines=lines,
        law=(_law(terms.law), as_law_input(terms.minimum)),
    )
    left = f", {format_fen(wanted - taken)} left" if wanted > taken else ""
    line = SlipLine(
        code=CODE,
        label="Scrap",
        label_zh="报废赔偿",
        amount_fen=amount,
        note=f"{pieces} pieces, {format_fen(wanted)}{left}",
        trace=trace,
        side=Side.DEDUCTED,
    )
    return ScrapTaken(line, wanted - taken)


def _by_price(scrapped: Sequence[Made], book: PriceBook) -> dict[Fraction, int]:
    found: dict[Fraction, int] = {}
    for one in scrapped:
        row = book.row(one.goods, one.day)
        if row.scrap is None:
            raise PayRefusedError(
                f"{row.version} does not say what a scrapped {one.goods.text} costs",
                remedy='add scrap to the price ("0" = nothing) and import the table again',
            )
        found[row.scrap] = found.get(row.scrap, 0) + one.pieces
    return found


def _worth(steps: Calculation, by_price: dict[Fraction, int]) -> int:
    """The first price has what the others do not, so that the rows of the sheet are all in it."""
    steps.step("pieces", "pieces_of_tallies")
    unit = lcm(*(price.denominator for price in by_price))
    others = []
    for position, (_, count) in enumerate(list(by_price.items())[1:], 2):
        others.append(f"pieces_{position}")
        steps.step(others[-1], "constant", count)
    steps.step("pieces_1", "difference", "pieces", *others)
    names = []
    for position, price in enumerate(by_price, 1):
        names.append(f"worth_{position}")
        steps.step(names[-1], "product", f"pieces_{position}", int(price * unit))
    steps.step("worth_in_parts", "sum", *names)
    return steps.step("worth", "multiply_half_up", "worth_in_parts", 1, unit)


def _law(law: WageDeduction) -> LawInput:
    return LawInput(
        item="wage_deduction",
        version=law.version,
        since=str(law.since),
        status=law.status,
        source=law.source,
    )

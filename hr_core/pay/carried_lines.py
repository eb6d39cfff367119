"""Line sources of what other months bring: corrections of earlier ones, claims, pay that is owed back."""

from collections.abc import Callable

from hr_core.law.rows import Item
from hr_core.money import format_fen
from hr_core.pay.claims import claim_order_on
from hr_core.pay.debts import OwedBack
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.piece.scrap import CODE as SCRAP
from hr_core.pay.retro import within_limit
from hr_core.pay.slip import Side, SlipLine
from hr_core.pay.taking import MonthLeft, TakingLaw, take_claims
from hr_core.trace.calculation import Calculation, LineInput, Trace

CORRECTED = (Stage.WAGE, Stage.UNTAXED, Stage.SHARES, Stage.EMPLOYER)


def corrections_of(stage: Stage) -> Callable[[PersonMonth], tuple[SlipLine, ...]]:
    """Corrections of earlier months that count as the stage: taxed and insured in this month."""

    def source(month: PersonMonth) -> tuple[SlipLine, ...]:
        kept = within_limit(month, stage)
        return tuple(line for counts_as, line in kept if counts_as is stage)

    return source


def claim_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Court orders, damages and pay that was too much: in the order and within the limits of the law.

    Raises PayRefusedError, NoLawError, UnverifiedLawError.
    """
    carried = month.carried
    if carried.reversing:
        return carried.fixed
    if not carried.claims:
        return ()
    by_law = month.require_law()
    first, place = month.month.first, by_law.person
    paid_out = tuple(stage for stage in Stage if stage is not Stage.EMPLOYER)
    taken = take_claims(
        MonthLeft(
            lines=tuple(
                LineInput(code=line.code, amount_fen=line.amount_fen)
                for line in month.lines(*paid_out)
            ),
            wage_fen=month.fen(Stage.WAGE),
            scrap_fen=-sum(
                line.amount_fen for line in month.lines(Stage.AFTER_TAX) if line.code == SCRAP
            ),
        ),
        carried.claims,
        TakingLaw(
            order=claim_order_on(first),
            minimum=by_law.law.local.row(place.city, Item.MINIMUM_WAGE, first, place.district),
            deduction=by_law.law.national.wage_deduction_on(first),
            allow_unverified=by_law.law.local.allow_unverified,
        ),
    )
    return tuple(one.line for one in taken)


def owed_back_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Pay of an earlier month that its first slip lacked. It was taxed there, by the new version."""
    return tuple(_back(one) for one in month.carried.back)


def _back(one: OwedBack) -> SlipLine:
    made = one.reversal
    steps = Calculation(
        lines=(
            LineInput(code=f"version {made.version}", amount_fen=made.after_fen),
            LineInput(code=f"version {made.version - 1}", amount_fen=-made.before_fen),
        )
    )
    steps.step("owed", "amount_of_lines")
    steps.step("left", "difference", "owed", one.paid.fen)
    trace = Trace(
        rule="owed_back",
        version=f"reversal {made.number}",
        source=f"entered by {made.entered_by}, approved by {made.approved_by}: {made.reason}",
        formula="the slip's new version less the old one, less what was paid since",
        facts={"month": made.month, "run": str(made.run)},
        steps=steps.steps,
        lines=steps.inputs.lines,
    )
    return SlipLine(
        code=one.code,
        label=f"Paid too little in {made.month}",
        label_zh=f"补发 {made.month} 少发工资",
        amount_fen=trace.amount_fen,
        note=f"{format_fen(trace.amount_fen)} of the new version of {made.month}, taxed there",
        trace=trace,
        side=Side.EARNED,
    )

"""What the claims on a person take of a month's net pay, and what of each waits for the next.

A court's order takes at most its instalment and its share of the net pay, and leaves the person what it
protects, the city's minimum wage where it says nothing. All that the employer itself takes in a month is
at most 20 % of the month's wage, rounded down, and leaves at least the minimum wage. For each claim,
what is taken and what is left are together what was owed.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hr_core.law.national import WageDeduction
from hr_core.law.rows import LawRow, Status
from hr_core.money import decimal_text, format_fen
from hr_core.pay.claims import Claim, ClaimKind, ClaimOrder, in_order, rank_of
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import Calculation, LawInput, LineInput, Trace

_HUNDREDTHS_OF_PERCENT = 10_000
_LABELS = {
    True: ("Money back to the employer", "扣回款项"),
    False: ("Court order", "法院协助执行扣款"),
}


class MonthLeft(Struct, frozen=True, kw_only=True):
    """`lines`: all that make the net pay before the claims; `wage_fen`: those of them that are wage;
    `scrap_fen`: what the employer took for scrap of the month, within the same fifth.
    """

    lines: tuple[LineInput, ...]
    wage_fen: int
    scrap_fen: int = 0


class TakingLaw(Struct, frozen=True, kw_only=True):
    """`minimum`: the city's row of the minimum wage."""

    order: ClaimOrder
    minimum: LawRow
    deduction: WageDeduction
    allow_unverified: bool = False


class Taken(Struct, frozen=True, kw_only=True):
    """`short`: the month's pay did not bear what the claim may take by itself."""

    claim: Claim
    owed_fen: int
    taken_fen: int
    short: bool
    line: SlipLine

    @property
    def left_fen(self) -> int:
        return self.owed_fen - self.taken_fen


def take_claims(month: MonthLeft, claims: Iterable[Claim], law: TakingLaw) -> tuple[Taken, ...]:
    """In the order of the law. A claim that takes nothing has a line too: the slip says that it waits.

    Raises PayRefusedError where the pay does not suffice for orders whose rank nobody verified.
    """
    ordered = in_order(claims, law.order)
    found: list[Taken] = []
    for claim in ordered:
        found.append(_take(month, claim, found, law))
    if law.order.status is Status.UNVERIFIED and _rank_matters(found, law.order):
        if not law.allow_unverified:
            raise PayRefusedError(
                f"the month's pay does not suffice for {_names(found)}, and the order of their "
                f"ranks is not verified ({law.order.source})",
                remedy="HR enters each order's rank as the courts told it: hr-core pay orders add "
                "--rank, or allows unverified law for this run",
            )
        found = [_by_unverified(one, law.order) for one in found]
    return tuple(found)


def _take(month: MonthLeft, claim: Claim, before: Sequence[Taken], law: TakingLaw) -> Taken:
    steps = Calculation(
        lines=(
            *month.lines,
            *(LineInput(code=one.claim.code, amount_fen=-one.taken_fen) for one in before),
        ),
        entries=() if claim.entry is None else (claim.entry,),
    )
    own = claim.kind is ClaimKind.OWN
    steps.step("left_before", "amount_of_lines")
    steps.step("net_pay", "sum", "left_before", *(one.taken_fen for one in before))
    limits: list[int | str] = []
    if claim.net_percent is not None:
        _share(steps, "net_pay", claim.net_percent, _HUNDREDTHS_OF_PERCENT)
    owed = _owed(steps, claim, limits)
    if own:
        rate = law.deduction.damages_percent / 100
        steps.step("wage", "constant", month.wage_fen)
        _share(steps, "wage", rate.numerator, rate.denominator)
        others = [one.taken_fen for one in before if one.claim.kind is ClaimKind.OWN]
        steps.step("share_left", "difference", "share", month.scrap_fen, *others)
        limits.append("share_left")
    free = steps.step("bearable", "smallest", "owed", *limits)
    minimum = _minimum(law.minimum)
    protected = minimum if own or claim.protected_fen is None else claim.protected_fen
    steps.step("above_protected", "difference", "left_before", protected)
    steps.step("room", "smallest", "bearable", "above_protected")
    taken = steps.step("taken", "largest", "room", 0)
    return Taken(
        claim=claim,
        owed_fen=owed,
        taken_fen=taken,
        short=taken < max(free, 0),
        line=_line(claim, steps, owed - taken, law),
    )


def _share(steps: Calculation, of: str, numerator: int, denominator: int) -> None:
    """Rounded down, as "at most" says: up, of the amount below zero."""
    steps.step("below_zero", "difference", 0, of)
    steps.step("minus_share", "multiply_up", "below_zero", numerator, denominator)
    steps.step("share", "difference", 0, "minus_share")


def _owed(steps: Calculation, claim: Claim, limits: list[int | str]) -> int:
    """An order without a sum grows each month by its share; of another the share is a limit."""
    if claim.grows and claim.net_percent is not None:
        steps.step("due", "largest", "share", 0)
        return steps.step("owed", "sum", claim.owed_fen, "due")
    if claim.net_percent is not None:
        limits.append("share")
    if claim.instalment_fen is not None and not claim.grows:
        limits.append(claim.instalment_fen)
    return steps.step("owed", "constant", claim.owed_fen)


def _line(claim: Claim, steps: Calculation, left: int, law: TakingLaw) -> SlipLine:
    own = claim.kind is ClaimKind.OWN
    steps.step("taken_off", "difference", 0, "taken")
    limit = f"at most {decimal_text(law.deduction.damages_percent)} % of the wage, and "
    rows = [_of_row(law.minimum)] if own or claim.protected_fen is None else []
    rows += [_of_edition(law.deduction)] if own else []
    trace = Trace(
        rule="claim.own" if own else "claim.order",
        version=law.deduction.version if own else f"order of {claim.received}",
        source="; ".join([claim.told, *(one.source for one in rows)]),
        formula=f"{limit if own else ''}what is above the protected amount, as far as it is owed",
        steps=steps.steps,
        facts={"kind": claim.kind.value, "told": claim.told, "left_fen": str(left)},
        law=tuple(rows),
        lines=steps.inputs.lines,
        entries=steps.inputs.entries,
    )
    waits = f"{format_fen(left)} waits" if left else "nothing is left"
    label, label_zh = _LABELS[own]
    return SlipLine(
        code=claim.code,
        label=label,
        label_zh=label_zh,
        amount_fen=trace.amount_fen,
        note=f"{claim.told}; {waits}",
        trace=trace,
        side=Side.DEDUCTED,
    )


def _rank_matters(found: Iterable[Taken], law: ClaimOrder) -> bool:
    """Some court's order gets less than it asks, and another rank could have changed that."""
    courts = [one for one in found if one.claim.kind is not ClaimKind.OWN]
    ranks = {rank_of(one.claim, law) for one in courts}
    by_law = any(one.claim.rank is None for one in courts)
    return by_law and len(ranks) > 1 and any(one.short for one in courts)


def _by_unverified(one: Taken, law: ClaimOrder) -> Taken:
    trace = replace(one.line.trace, law=(*one.line.trace.law, law.as_input))
    note = f"{one.line.note}; its rank is by law that nobody verified, allowed for this run"
    return replace(one, line=replace(one.line, trace=trace, note=note))


def _names(found: Iterable[Taken]) -> str:
    return " and ".join(
        f"{one.claim.code} ({one.claim.kind})"
        for one in found
        if one.claim.kind is not ClaimKind.OWN
    )


def _minimum(law: LawRow) -> int:
    if law.amount is None:
        raise PayRefusedError(f"{law.version} has no amount", remedy="correct the law row")
    return law.amount


def _of_row(row: LawRow) -> LawInput:
    return LawInput(
        item=row.item.value,
        version=row.version,
        since=row.since.isoformat(),
        status=row.status.value,
        source=row.source,
        city=row.city,
    )


def _of_edition(law: WageDeduction) -> LawInput:
    return LawInput(
        item="wage_deduction",
        version=law.version,
        since=law.since.isoformat(),
        status=law.status.value,
        source=law.source,
    )

"""Lines of single sums that somebody entered and another approved."""

from msgspec.structs import replace

from hr_core.law.rows import Item
from hr_core.pay.cn.lines import Line, PayRefusedError
from hr_core.pay.cn.minimum_wage import deduct_damages
from hr_core.pay.entry import EntryKind, PayEntry
from hr_core.pay.made_line import slip_line, yuan
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import Calculation, Trace

WAGE_KINDS = (
    EntryKind.INSTANT_BONUS,
    EntryKind.BONUS,
    EntryKind.GRADE_BONUS,
    EntryKind.ALLOWANCE,
)
_LABELLED = frozenset(WAGE_KINDS) - {EntryKind.ALLOWANCE}


def wage_entries(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Bonuses and allowances of the month: taxed with the wage."""
    return tuple(_line(one) for one in month.entries_of(*WAGE_KINDS))


def untaxed_entries(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Raises PayRefusedError for a name that the law does not know as no wage."""
    entries = month.entries_of(EntryKind.UNTAXED)
    if not entries:
        return ()
    allowed = month.require_law().law.national.deductions_on(month.month.first)
    for one in entries:
        if one.name not in allowed.untaxed:
            raise PayRefusedError(
                f"entry {one.number}, {one.name!r}, is not among what is no wage "
                f"({', '.join(allowed.untaxed)}; {allowed.source})",
                remedy="HR enters it as a taxed allowance: hr-core pay entries add",
            )
    return tuple(_line(one) for one in entries)


def annual_bonus_entries(month: PersonMonth) -> tuple[SlipLine, ...]:
    return tuple(_line(one) for one in month.entries_of(EntryKind.ANNUAL_BONUS))


def plain_entries(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Of a scheme without law: all that is earned."""
    kinds = (*WAGE_KINDS, EntryKind.UNTAXED, EntryKind.ANNUAL_BONUS)
    return tuple(_line(one) for one in month.entries_of(*kinds))


def advances(month: PersonMonth) -> tuple[SlipLine, ...]:
    """What was paid before comes off whole. Raises PayRefusedError where the net cannot bear it."""
    entries = month.entries_of(EntryKind.ADVANCE)
    found = tuple(_line(one, side=Side.DEDUCTED) for one in entries)
    net = month.fen(*_NET)
    if net + sum(one.amount_fen for one in found) < 0:
        raise PayRefusedError(
            f"advances of {yuan(-sum(one.amount_fen for one in found))} yuan are more than the net "
            f"pay of {yuan(net)}",
            remedy="HR and the person agree on parts: enter the rest as an advance of a later month",
        )
    return found


def damages(month: PersonMonth) -> tuple[SlipLine, ...]:
    """As much as the law lets the month bear; the note says what is left."""
    by_law = month.require_law()
    found: list[SlipLine] = []
    for one in month.entries_of(EntryKind.DAMAGES):
        first = month.month.first
        place = by_law.person
        minimum = by_law.law.local.row(place.city, Item.MINIMUM_WAGE, first, place.district)
        wage = month.fen(Stage.WAGE)
        taken_before = -sum(line.amount_fen for line in found)
        if taken_before:
            # One month has one limit, however many debts there are.
            raise PayRefusedError(
                "two sums of damages in one month share one limit",
                remedy="HR enters them as one, or the second in a later month",
            )
        law = by_law.law.national.wage_deduction_on(first)
        taken = deduct_damages(one.amount_fen, wage, minimum, law)
        trace = replace(taken.line.trace, entries=(one.as_input(),))
        left = f"; {yuan(taken.left)} yuan are left for later months" if taken.left else ""
        found.append(
            slip_line(
                Line("damages", trace),
                f"{one.name}: of {yuan(one.amount_fen)} yuan{left}",
                code=f"damages_{one.number}",
                side=Side.DEDUCTED,
            )
        )
    return tuple(found)


_NET = tuple(stage for stage in Stage if stage is not Stage.EMPLOYER)


def _line(entry: PayEntry, side: Side = Side.EARNED) -> SlipLine:
    steps = Calculation(entries=(entry.as_input(),))
    steps.step("entered", "amount_of_entries")
    trace = Trace(
        rule=entry.kind.value,
        version=f"entry {entry.number}",
        source=f"entered by {entry.entered_by}, approved by {entry.approved_by}",
        formula="the sum as it was entered and approved",
        facts={"name": entry.name, "reason": entry.reason},
        steps=steps.steps,
        entries=steps.inputs.entries,
    )
    labelled = entry.kind in _LABELLED or entry.kind in {EntryKind.ANNUAL_BONUS, EntryKind.ADVANCE}
    return slip_line(
        Line(entry.kind.value, trace),
        f"{entry.name}: {entry.reason}" if entry.reason else entry.name,
        # The agreement has allowances and untaxed sums of its own: no two lines have one code.
        code=f"{'' if labelled else 'entered_'}{entry.kind.value}_{entry.number}",
        labels=None if labelled else (entry.name, entry.name),
        side=side,
    )

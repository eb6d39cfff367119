"""Corrections of months that were paid: the difference of each line, as a line of a later slip.

The old slip stays as it is. What a line would be now, less what was paid for it, is paid as a line of its
own (`retro_2026-07_base`), with both traces named. Wages, own shares and the employer's shares are
corrected so; income tax is not: it counts in the month of payment, by the year so far.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum

import msgspec
from msgspec import Struct

from hr_core.clock import Month
from hr_core.law.rows import Item
from hr_core.money import format_fen
from hr_core.pay.counted_lines import CountedLine
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.piece.prices import PRICE_VERSION
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import Calculation, LineInput, Trace

RETRO_RULE = "retro"
# Lines that are made of lines of other slips, under names that are no codes of this one.
OF_OTHER_SLIPS = frozenset({RETRO_RULE, "settled", "owed_back", "severance"})
RETRO = "retro_"
SETTLED = "settled_"

# Paid with the last slip: nobody has a next one. A wrong one is reversed.
OF_LEAVING = ("severance", "notice_pay", "leave_pay")
# Codes of lines that are not corrected: tax, what is taxed apart, and what was not earned in the month.
_OWN_WAY = (
    "income_tax", "bonus_tax", "annual_bonus", "advance", "damages_", "order_", "recovery_",
    "repaid_", *OF_LEAVING, RETRO, SETTLED,
)  # fmt: skip

_encode = msgspec.json.Encoder(order="deterministic").encode


class Cause(StrEnum):
    """Why a line would be another one now."""

    ATTENDANCE = "attendance"
    ENTRY = "entry"
    QUALITY = "quality"
    INPUT = "input"  # agreement, base, locked result
    PRICE = "price"  # of pieces, by a table that two people signed later
    ANNOUNCED_LAW = "announced_law"  # by a notice that came after the month began
    LAW = "law"
    RULE = "rule"  # another edition or formula of the scheme
    PROGRAM = "program"  # the same inputs and rules, another amount


# Causes that lie in the month itself. The others are an upgrade's: listed, and paid by nobody's leave.
PAID_CAUSES = frozenset(
    {
        Cause.ATTENDANCE,
        Cause.ENTRY,
        Cause.QUALITY,
        Cause.INPUT,
        Cause.PRICE,
        Cause.ANNOUNCED_LAW,
    }
)


class Paid(Struct, frozen=True, kw_only=True):
    """What the counted slips hold for a line of a month: the line itself and its later corrections."""

    line: SlipLine | None
    fen: int
    slips: tuple[str, ...]


class Difference(Struct, frozen=True, kw_only=True):
    """`paid.line` None: there was no such line; `now` None: there would be none."""

    person: str
    month: str
    code: str
    paid: Paid
    now: SlipLine | None
    causes: tuple[Cause, ...]

    @property
    def now_fen(self) -> int:
        return 0 if self.now is None else self.now.amount_fen

    @property
    def fen(self) -> int:
        return self.now_fen - self.paid.fen

    @property
    def stage(self) -> Stage | None:
        """As what a later month pays it; None: not at all."""
        line = self.now or self.paid.line
        return None if line is None else stage_of(line)

    @property
    def is_paid(self) -> bool:
        return self.stage is not None and PAID_CAUSES.issuperset(self.causes)


def stage_of(line: SlipLine) -> Stage | None:
    if line.code.startswith(_OWN_WAY):
        return None
    if line.side is Side.EMPLOYER:
        return Stage.EMPLOYER
    if line.side is Side.DEDUCTED:
        return Stage.SHARES if line.code.endswith("_employee") else None
    return Stage.UNTAXED if line.code.startswith(("untaxed", "entered_untaxed")) else Stage.WAGE


def paid_lines(month: Month, counted: Iterable[CountedLine]) -> dict[str, dict[str, Paid]]:
    """By person and code: the lines of the month's slip, and what any slip corrected of them."""
    found: dict[str, dict[str, Paid]] = {}
    later = f"{RETRO}{month}_"
    for one in counted:
        code = one.line.code.removeprefix(later).removeprefix(SETTLED)
        own = code == one.line.code
        if own and code.startswith(RETRO):
            continue
        lines = found.setdefault(one.person, {})
        known = lines.get(code, Paid(line=None, fen=0, slips=()))
        lines[code] = Paid(
            line=one.line if own else known.line,
            fen=known.fen + one.line.amount_fen,
            slips=(*known.slips, one.slip),
        )
    return found


def differences(
    person: str,
    month: Month,
    paid: Mapping[str, Paid],
    now: Iterable[SlipLine],
    announced: Mapping[str, date],
) -> list[Difference]:
    """Of one person's slip, in the order of its lines; its corrections of other months and of later
    slips are no lines of its month. `announced`: by version of a row of law.
    """
    computed = {line.code: line for line in now if not line.code.startswith((RETRO, SETTLED))}
    found = []
    for code in [*paid, *(code for code in computed if code not in paid)]:
        before = paid.get(code, Paid(line=None, fen=0, slips=()))
        after = computed.get(code)
        if before.fen == (0 if after is None else after.amount_fen):
            continue
        causes = _causes(
            None if before.line is None else before.line.trace,
            None if after is None else after.trace,
            month,
            announced,
        )
        found.append(
            Difference(
                person=person, month=str(month), code=code, paid=before, now=after, causes=causes
            )
        )
    return found


def retro_line(found: Difference) -> SlipLine:
    """Positive earned pay, or a deduction below zero, as the old line's."""
    old = found.now or found.paid.line
    assert old is not None  # noqa: S101 - a difference is of some line
    inputs = [LineInput(code=f"{found.code} now", amount_fen=found.now_fen)]
    if found.paid.slips:
        told = " and ".join(found.paid.slips)
        inputs.append(LineInput(code=f"{found.code} of {told}", amount_fen=-found.paid.fen))
    now = found.now.trace if found.now is not None else None
    steps = Calculation(lines=tuple(inputs))
    steps.step("difference", "amount_of_lines")
    facts = {
        "month": found.month,
        "line": found.code,
        "causes": ", ".join(found.causes),
        "paid_by": ", ".join(found.paid.slips) or "no slip",
        "paid_trace": _told(found.paid.line.trace if found.paid.line is not None else None),
        "now_trace": _told(now),
    }
    trace = Trace(
        rule=RETRO_RULE,
        version="" if now is None else now.version,
        source=f"{old.trace.rule} of {found.month}, computed anew",
        formula="the line as it is now less what was paid for it",
        facts=facts,
        steps=steps.steps,
        lines=steps.inputs.lines,
        days=() if now is None else now.days,
        law=() if now is None else now.law,
        entries=(),
    )
    return SlipLine(
        code=f"{RETRO}{found.month}_{found.code}",
        label=f"{old.label}, correction of {found.month}",
        label_zh=f"{old.label_zh}（{found.month} 更正）",
        amount_fen=trace.amount_fen,
        note=f"{format_fen(found.now_fen)} in place of {format_fen(found.paid.fen)}: "
        f"{', '.join(found.causes)}",
        trace=trace,
        side=old.side,
    )


def settled_line(code: str, given: Sequence[CountedLine]) -> SlipLine:
    """What later slips corrected of a line, off its new version: it was paid there."""
    old = given[0].line
    steps = Calculation(
        lines=tuple(
            LineInput(code=f"{one.line.code} of {one.slip}", amount_fen=-one.line.amount_fen)
            for one in given
        )
    )
    steps.step("paid_later", "amount_of_lines")
    told = ", ".join(one.slip for one in given)
    trace = Trace(
        rule="settled",
        version="",
        source=told,
        formula="the corrections of this line that later slips paid",
        facts={"line": code, "paid_by": told},
        steps=steps.steps,
        lines=steps.inputs.lines,
    )
    return SlipLine(
        code=f"{SETTLED}{code}",
        label=f"{old.label}: paid later",
        label_zh=f"{old.label_zh}：已在后续月份补发",
        amount_fen=trace.amount_fen,
        note=f"paid by {told}",
        trace=trace,
        side=old.side,
    )


def within_limit(month: PersonMonth, stage: Stage) -> tuple[tuple[Stage, SlipLine], ...]:
    """The corrections, or none when they would take more off the month than the law lets it bear: a
    fifth of the wage, and never below the minimum wage. Such a slip is reversed, and comes back in
    parts. Decided once, at the first stage that has one.
    """
    lines = month.carried.lines
    if not lines:
        return ()
    if month.carried.reversing:
        return lines
    order = tuple(Stage)
    first = min((counts_as for counts_as, _ in lines), key=order.index)
    if stage is not first:
        made = {line.code for line in month.lines(first)}
        return lines if any(line.code in made for _, line in lines) else ()
    taken = -sum(line.amount_fen for counts_as, line in lines if counts_as is not Stage.EMPLOYER)
    if taken <= 0:
        return lines
    by_law = month.require_law()
    place, on = by_law.person, month.month.first
    minimum = by_law.law.local.row(place.city, Item.MINIMUM_WAGE, on, place.district)
    percent = by_law.law.national.wage_deduction_on(on).damages_percent
    wage = month.fen(Stage.WAGE)
    bearable = min(wage * percent // 100, wage - (minimum.amount or 0))
    return lines if taken <= bearable else ()


def _causes(
    before: Trace | None, after: Trace | None, month: Month, announced: Mapping[str, date]
) -> tuple[Cause, ...]:
    found = {Cause.ATTENDANCE} if _days(before) != _days(after) else set[Cause]()
    if _parts(before, "entries") != _parts(after, "entries"):
        found.add(Cause.ENTRY)
    if any(_parts(before, part) != _parts(after, part) for part in ("work", "corrections")):
        found.add(Cause.QUALITY)
    if before is None or after is None:
        return tuple(sorted(found)) or (Cause.INPUT,)
    if set(before.law) != set(after.law):
        new = {one.version for one in set(after.law) - set(before.law)}
        later = all(version in announced and announced[version] > month.first for version in new)
        found.add(Cause.ANNOUNCED_LAW if new and later else Cause.LAW)
    elif before.formula != after.formula:
        found.add(Cause.RULE)
    elif before.version != after.version:
        found.add(Cause.PRICE if _priced(before) and _priced(after) else Cause.RULE)
    if not found:
        same = (before.steps[0], before.facts) == (after.steps[0], after.facts)
        constants = _constants(before) == _constants(after)
        found.add(Cause.PROGRAM if same and constants else Cause.INPUT)
    return tuple(sorted(found))


def _priced(trace: Trace) -> bool:
    return trace.version.startswith(PRICE_VERSION)


def _days(trace: Trace | None) -> set[tuple[str, int]]:
    return set() if trace is None else {(one.day, one.minutes) for one in trace.days}


def _parts(trace: Trace | None, name: str) -> tuple[object, ...]:
    found: tuple[object, ...] = () if trace is None else getattr(trace, name)
    return found


def _constants(trace: Trace) -> list[tuple[str, tuple[int | str, ...]]]:
    """What the steps were given, without what they gave."""
    return [(step.name, step.of) for step in trace.steps]


def _told(trace: Trace | None) -> str:
    """The whole trace, so that a person can read what was computed without the program of the day."""
    return "" if trace is None else _encode(trace).decode()

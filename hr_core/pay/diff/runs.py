"""Two runs beside each other, and a run made of another and the differences."""

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec import structs

from hr_core.errors import RefusedError
from hr_core.pay.diff.model import (
    Cause,
    Change,
    LineDiff,
    OnlyIn,
    Part,
    Proof,
    Reason,
    RunDiff,
    RunSide,
    SlipSide,
)
from hr_core.pay.diff.parts import parts_of
from hr_core.pay.diff.reasons import (
    Beside,
    first_step_that_differs,
    moved_terms,
    reasons_of,
    reasons_of_one,
)
from hr_core.pay.slip import Side, SlipLine, net_fen

Amounts = Mapping[str, Mapping[str, int]]


def compare(before: RunSide, after: RunSide, *, across_months: bool = False) -> RunDiff:
    """Raises RefusedError for runs of different months."""
    if before.head.month != after.head.month and not across_months:
        raise RefusedError(
            f"run {before.head.number} is of month {before.head.month}, run {after.head.number} of "
            f"{after.head.month}: the field month differs",
            remedy="compare runs of one month, or say --across-months",
        )
    lines: list[LineDiff] = []
    changed = restated = 0
    for person in sorted(before.slips.keys() & after.slips.keys()):
        found, same = _of_person(before, after, person)
        lines += found
        changed += bool(found)
        restated += same
    both = len(before.slips.keys() & after.slips.keys())
    lines += _of_missing(before, after)
    return RunDiff(
        before=before.head,
        after=after.head,
        proof=_proof(before, after, lines),
        only=tuple(sorted(_only(before, after), key=lambda one: (not one.refused, one.number))),
        lines=tuple(sorted(lines, key=lambda one: one.number)),
        changed_people=changed,
        same_people=both - changed,
        restated=restated,
    )


def amounts(side: RunSide) -> dict[str, dict[str, int]]:
    """Fen by person and line."""
    return {
        person: {line.code: line.amount_fen for line in slip.lines}
        for person, slip in side.slips.items()
    }


def apply(diff: RunDiff, to: Amounts) -> dict[str, dict[str, int]]:
    """The second run's amounts, of the first's. Raises ValueError when `to` is not the first."""
    found = {person: dict(lines) for person, lines in to.items()}
    for one in diff.only:
        if one.in_first:
            found.pop(one.person)
        else:
            found[one.person] = {}
    for line in diff.lines:
        held = found.get(line.person)
        if held is None:
            continue
        if not _is_gone(line, diff) and held.get(line.code) != line.before_fen:
            raise ValueError(f"{line.person} {line.code} is not {line.before_fen}")
        if line.after_fen is None:
            del held[line.code]
        else:
            held[line.code] = line.after_fen
    return found


def _is_gone(line: LineDiff, diff: RunDiff) -> bool:
    return any(one.person == line.person and one.in_first for one in diff.only)


def _of_person(before: RunSide, after: RunSide, person: str) -> tuple[list[LineDiff], int]:
    """What differs, and how many lines have the same amount by another trace."""
    new = after.slips[person]
    was, now = ({line.code: line for line in side.traced(person)} for side in (before, after))
    beside = Beside(
        (before.head, after.head),
        (partial(before.days, person), partial(after.days, person)),
        moved_terms((was[code], now[code]) for code in was if code in now),
    )
    found, restated = [], 0
    for code in [*now, *(code for code in was if code not in now)]:
        first, second = was.get(code), now.get(code)
        if first is None or second is None:
            found.append(_one_sided(new, first, second, beside))
        elif first.side is not second.side:  # out of one sum and into another
            found.append(_one_sided(new, first, None, beside))
            found.append(_one_sided(new, None, second, beside))
        elif first.amount_fen == second.amount_fen:
            restated += first.trace != second.trace
        else:
            found.append(_two_sided(new, first, second, beside))
    return found, restated


def _two_sided(slip: SlipSide, first: SlipLine, second: SlipLine, beside: Beside) -> LineDiff:
    reasons = reasons_of(first, second, beside)
    parts = parts_of(first, second, reasons)
    step = first_step_that_differs(first.trace, second.trace)
    return structs.replace(_diff(slip, (first, second), parts, reasons), first_step=step)


def _one_sided(
    slip: SlipSide, first: SlipLine | None, second: SlipLine | None, beside: Beside
) -> LineDiff:
    line = _either(first, second)
    change = Change.NEW if first is None else Change.GONE
    reasons = reasons_of_one(line, change, beside.heads)
    cause = reasons[0].cause if reasons else Cause.UNKNOWN
    fen = line.amount_fen if first is None else -line.amount_fen
    return _diff(slip, (first, second), (Part(cause, fen),), reasons)


def _either(first: SlipLine | None, second: SlipLine | None) -> SlipLine:
    line = second or first
    if line is None:
        raise ValueError("a difference is of a line that one of the runs has")
    return line


def _diff(
    slip: SlipSide,
    pair: tuple[SlipLine | None, SlipLine | None],
    parts: tuple[Part, ...],
    reasons: tuple[Reason, ...],
) -> LineDiff:
    first, second = pair
    line = _either(first, second)
    return LineDiff(
        person=slip.person,
        number=slip.number,
        name=slip.name,
        code=line.code,
        label=line.label,
        label_zh=line.label_zh,
        side=line.side,
        before_fen=None if first is None else first.amount_fen,
        after_fen=None if second is None else second.amount_fen,
        parts=parts,
        reasons=reasons,
    )


def _of_missing(before: RunSide, after: RunSide) -> Iterator[LineDiff]:
    for one, other, in_first in ((before, after, True), (after, before, False)):
        for person in sorted(one.slips.keys() - other.slips.keys()):
            slip = one.slips[person]
            for line in slip.lines:
                fen = -line.amount_fen if in_first else line.amount_fen
                yield _diff(
                    slip,
                    (line, None) if in_first else (None, line),
                    (Part(Cause.PERSON, fen),),
                    (),
                )


def _only(before: RunSide, after: RunSide) -> Iterator[OnlyIn]:
    for one, other, in_first in ((before, after, True), (after, before, False)):
        for person in one.slips.keys() - other.slips.keys():
            slip, refused = one.slips[person], other.refused.get(person)
            without = other.without.get(person, "")
            yield OnlyIn(
                person=person,
                number=slip.number,
                name=slip.name,
                in_first=in_first,
                total_fen=slip.total_fen,
                refused=refused is not None,
                why=without if refused is None else refused.what,
                remedy="" if refused is None else refused.remedy,
            )


def _proof(before: RunSide, after: RunSide, lines: list[LineDiff]) -> Proof:
    employer = [line for line in lines if line.side is Side.EMPLOYER]
    net = [line for line in lines if line.side is not Side.EMPLOYER]
    return Proof(
        net_before_fen=before.head.total_fen,
        net_after_fen=after.head.total_fen,
        listed_fen=sum(part.fen for line in net for part in line.parts),
        employer_before_fen=_employer_fen(before),
        employer_after_fen=_employer_fen(after),
        employer_listed_fen=sum(part.fen for line in employer for part in line.parts),
        faults=(*_faults(before), *_faults(after)),
    )


def _employer_fen(side: RunSide) -> int:
    return sum(
        line.amount_fen
        for slip in side.slips.values()
        for line in slip.lines
        if line.side is Side.EMPLOYER
    )


def _faults(side: RunSide) -> Iterator[str]:
    run = f"run {side.head.number}"
    for slip in side.slips.values():
        lines = net_fen(slip.lines)
        if lines != slip.total_fen:
            yield f"{run}: the lines of {slip.number} are {lines} fen, its total {slip.total_fen}"
        codes = [line.code for line in slip.lines]
        if len(set(codes)) != len(codes):
            yield f"{run}: a line of {slip.number} stands twice"
    total = sum(slip.total_fen for slip in side.slips.values())
    if total != side.head.total_fen:
        yield f"{run}: the slips are {total} fen, the run's total {side.head.total_fen}"

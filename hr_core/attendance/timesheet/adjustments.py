"""Meals and breaks that are taken off or put on by rule."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from hr_core.attendance.timesheet.model import (
    Pair,
    PunchType,
    Row,
    Shift,
)
from hr_core.attendance.timesheet.rules import (
    MealMode,
    MealRule,
    Place,
    RowKind,
)

# A pair's part of the whole is cut (not rounded) to so many decimals before it is multiplied, so
# that exact thirds lose a second to the last pair: every known answer was made so.
_DECIMALS = 10**10


class Adjustment(NamedTuple):
    """`pair`: the index of the pair in its day that it belongs to."""

    row: Row
    pair: int


class _Taken(NamedTuple):
    start: int
    end: int


def gaps(pairs: Sequence[Pair], type_: PunchType) -> list[_Taken]:
    """Meals or breaks that were punched: out and in again with the same key."""
    return [
        _Taken(before.left.at, after.came.at)
        for before, after in pairwise(pairs)
        if before.left and after.came and before.left.type is type_ and after.came.type is type_
    ]


def adjust(shift: Shift, rules: Iterable[MealRule]) -> list[Adjustment]:
    """The rows of every rule that the worked time of the shift's day has reached."""
    pairs = [pair for pair in shift.pairs if pair.worked]
    worked = sum(pair.worked for pair in pairs)
    made: list[Adjustment] = []
    for kind in (RowKind.LUNCH_ADJUST, RowKind.BREAK_ADJUST):
        type_ = PunchType.LUNCH if kind is RowKind.LUNCH_ADJUST else PunchType.BREAK
        taken = gaps(pairs, type_)
        used = 0
        reached = [rule for rule in rules if rule.kind is kind and worked >= rule.after]
        for position, rule in enumerate(reached):
            seconds = _seconds(rule, taken, position, used)
            if seconds:
                used += abs(seconds)
                made += _spread(shift, pairs, rule, seconds, taken)
    return made


def _seconds(rule: MealRule, taken: Sequence[_Taken], position: int, used: int) -> int:
    lengths = [gap.end - gap.start for gap in taken]
    if rule.kind is RowKind.BREAK_ADJUST and not rule.several_breaks:
        punched = lengths[position] if position < len(lengths) else 0
    else:
        punched = max(0, sum(lengths) - used)
    match rule.mode:
        case MealMode.DEDUCT:
            return -max(0, rule.amount - punched) if rule.counts_punched else -rule.amount
        case MealMode.ADD:
            return min(rule.amount, punched) if rule.counts_punched else rule.amount
        case MealMode.NORMAL:
            return 0


def _spread(
    shift: Shift, pairs: Sequence[Pair], rule: MealRule, seconds: int, taken: Sequence[_Taken]
) -> list[Adjustment]:
    active = pairs[0].first.at + rule.after
    if rule.at_active_after:
        inside = _overlaps(pairs, active, active + abs(seconds))
        if sum(end - start for start, end, _ in inside) == abs(seconds):
            sign = 1 if seconds > 0 else -1
            return [
                _row(shift, rule, pairs[index].place, (start, sign * (end - start)), index)
                for start, end, index in inside
            ]
    shares = _shares(pairs, seconds)
    if rule.mode is MealMode.ADD and taken:
        return _laid_before(shift, pairs, rule, shares, taken[-1].end)
    made, at = [], active
    for index, share in enumerate(shares):
        made.append(_row(shift, rule, pairs[index].place, (at, share), index))
        at += abs(share)
    return made


def _laid_before(
    shift: Shift, pairs: Sequence[Pair], rule: MealRule, shares: Sequence[int], end: int
) -> list[Adjustment]:
    """Time put on for a break lies in it: the first pair's share ends with the last break."""
    made = []
    for index, share in enumerate(shares):
        end -= share
        made.append(_row(shift, rule, pairs[index].place, (end, share), index))
    return made


def _overlaps(pairs: Sequence[Pair], start: int, end: int) -> list[tuple[int, int, int]]:
    found = []
    for index, pair in enumerate(pairs):
        begin, finish = max(start, pair.first.at), min(end, pair.last.at)
        if begin < finish:
            found.append((begin, finish, index))
    return found


def _shares(pairs: Sequence[Pair], seconds: int) -> list[int]:
    worked = sum(pair.worked for pair in pairs)
    sign, amount = (1, seconds) if seconds > 0 else (-1, -seconds)
    shares = [pair.worked * _DECIMALS // worked * amount // _DECIMALS for pair in pairs[:-1]]
    return [sign * share for share in (*shares, amount - sum(shares))]


def _row(
    shift: Shift, rule: MealRule, place: Place, laid: tuple[int, int], pair: int
) -> Adjustment:
    start, seconds = laid
    row = Row(
        day=shift.day,
        kind=rule.kind,
        seconds=seconds,
        start=start,
        end=start + abs(seconds),
        pay_code=rule.pay_code,
        place=place,
    )
    return Adjustment(row, pair)

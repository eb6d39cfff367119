"""From punches to pairs, from pairs to shifts, and to the day that owns each shift."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise

from msgspec.structs import replace

from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Direction,
    Pair,
    Punch,
    PunchType,
    Shift,
)
from hr_core.attendance.timesheet.rules import (
    DayRule,
    Rules,
)


def in_order(punches: Iterable[Punch]) -> list[Punch]:
    """By time; at one time the out ends what was before and the in begins what follows."""
    return sorted(punches, key=lambda punch: (punch.at, punch.direction is Direction.IN))


def pairs_of(punches: Iterable[Punch], maximum: int) -> list[Pair]:
    """Each in with the out that follows it within `maximum` seconds; the rest stay alone."""
    pairs: list[Pair] = []
    came: Punch | None = None
    for punch in in_order(punches):
        if punch.direction is Direction.IN:
            if came:
                pairs.append(Pair(came=came, left=None))
            came = punch
        elif came and punch.at - came.at <= maximum:
            pairs.append(Pair(came=came, left=punch))
            came = None
        else:
            if came:
                pairs.append(Pair(came=came, left=None))
            pairs.append(Pair(came=None, left=punch))
            came = None
    if came:
        pairs.append(Pair(came=came, left=None))
    return pairs


def refusal(punches: Sequence[Punch]) -> str | None:
    """Why entries made by people cannot stand together, or None. A device's log is never refused."""
    ordered = in_order(punches)
    seen: set[tuple[int, Direction]] = set()
    for punch in ordered:
        if (punch.at, punch.direction) in seen:
            return f"two punches {punch.direction} at one time"
        seen.add((punch.at, punch.direction))
    for punch, after in pairwise(ordered):
        if punch.at == after.at and not _meet(ordered, punch.at):
            return "a pair without any time in it"
    return None


def _meet(ordered: Sequence[Punch], at: int) -> bool:
    """An out and an in at one time are fine where work ends before or goes on after."""
    before = [punch for punch in ordered if punch.at < at]
    return bool(before) and before[-1].direction is Direction.IN


def shifts_of(punches: Iterable[Punch], rules: Rules) -> list[Shift]:
    local = LocalTime(rules.zone)
    pairs = pairs_of(punches, rules.maximum_shift)
    shifts = []
    for group in _groups(pairs, rules):
        if rules.day_rule is DayRule.SPLIT:
            shifts += _split_at_midnight(group, local)
        else:
            shifts.append(Shift(_owner(group, rules.day_rule, local), tuple(group)))
    return shifts


def _groups(pairs: Sequence[Pair], rules: Rules) -> list[list[Pair]]:
    groups: list[list[Pair]] = []
    for pair in pairs:
        if groups and _goes_on(groups[-1], pair, rules):
            groups[-1].append(pair)
        else:
            groups.append([pair])
    return groups


def _goes_on(group: Sequence[Pair], pair: Pair, rules: Rules) -> bool:
    gap = pair.first.at - group[-1].last.at
    left, came = group[-1].left, pair.came
    if left and came and left.type is came.type and left.type is not PunchType.NORMAL:
        return gap <= rules.maximum_shift
    if gap >= max(rules.new_shift_gap, 1):
        return False
    if rules.new_shift_gap == 0 and gap == 0:
        return pair.last.at - group[0].first.at <= rules.maximum_shift
    return pair.first.at - group[0].first.at <= rules.maximum_shift


def _owner(group: Sequence[Pair], rule: DayRule, local: LocalTime) -> date:
    if rule is DayRule.ENDS:
        return local.date_of(group[-1].last.at)
    if rule is DayRule.STARTS:
        return local.date_of(group[0].first.at)
    worked: defaultdict[date, int] = defaultdict(int)
    for pair in group:
        for piece in at_midnights(pair, local):
            worked[local.date_of(piece.first.at)] += piece.worked
    return max(worked, key=lambda on: (worked[on], -on.toordinal()))


def _split_at_midnight(group: Sequence[Pair], local: LocalTime) -> list[Shift]:
    """A pair over midnight is two; what follows it belongs to the new day."""
    shifts: list[Shift] = []
    on = local.date_of(group[0].first.at)
    held: list[Pair] = []
    for pair in group:
        pieces = at_midnights(pair, local)
        held.append(pieces[0])
        for piece in pieces[1:]:
            shifts.append(Shift(on, tuple(held)))
            on, held = local.date_of(piece.first.at), [piece]
    return [*shifts, Shift(on, tuple(held))]


def at_midnights(pair: Pair, local: LocalTime) -> list[Pair]:
    if not (pair.came and pair.left):
        return [pair]
    pieces, came = [], pair.came
    midnight = local.at(local.date_of(came.at) + timedelta(days=1))
    while midnight < pair.left.at:
        pieces.append(Pair(came=came, left=replace(pair.left, at=midnight, type=PunchType.NORMAL)))
        came = replace(came, at=midnight, type=PunchType.NORMAL)
        midnight = local.at(local.date_of(midnight) + timedelta(days=1))
    return [*pieces, Pair(came=came, left=pair.left)]

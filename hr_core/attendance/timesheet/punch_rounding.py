"""Punch times as the rules want them: each by its key, then meals, breaks and the day as a whole."""

from collections.abc import Sequence

from msgspec.structs import replace

from hr_core.attendance.rounding import MINUTE, round_seconds
from hr_core.attendance.timesheet.adjustments import adjust
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Direction,
    Pair,
    Punch,
    PunchType,
    Schedule,
    Shift,
)
from hr_core.attendance.timesheet.rules import (
    MealRule,
    PunchRounding,
    Rounded,
    RoundingCondition,
)

_TOTALS = {Rounded.LUNCH_TOTAL: PunchType.LUNCH, Rounded.BREAK_TOTAL: PunchType.BREAK}


def round_punch(
    punch: Punch, rules: Sequence[PunchRounding], schedule: Schedule | None, local: LocalTime
) -> Punch:
    """By the first rule for its direction whose condition holds; without one the seconds go."""
    midnight = local.at(local.date_of(punch.at))
    second = punch.at - midnight
    for rule in rules:
        if rule.what not in (Rounded(punch.direction), Rounded.ALL):
            continue
        if rule.condition is None or _in_window(
            rule, second, _centre(rule, punch, schedule, midnight)
        ):
            rounded = round_seconds(second, rule.interval, rule.mode, rule.grace)
            return replace(punch, at=midnight + rounded)
    return replace(punch, at=punch.at - second % MINUTE)


def _centre(
    rule: PunchRounding, punch: Punch, schedule: Schedule | None, midnight: int
) -> int | None:
    if rule.condition is RoundingCondition.STATIC_TIME:
        return rule.around
    if rule.condition is RoundingCondition.SCHEDULED_TIME and schedule:
        return (schedule.start if punch.direction is Direction.IN else schedule.end) - midnight
    return None


def _in_window(rule: PunchRounding, value: int, centre: int | None) -> bool:
    return centre is not None and centre - rule.before <= value <= centre + rule.after


def round_totals(shift: Shift, rules: Sequence[PunchRounding], meals: Sequence[MealRule]) -> Shift:
    for rule in rules:
        if rule.what in _TOTALS:
            shift = _round_meals(shift, rule, _TOTALS[rule.what])
    for rule in rules:
        if rule.what is Rounded.DAY_TOTAL:
            shift = _round_day(shift, rule, meals)
    return shift


def _round_meals(shift: Shift, rule: PunchRounding, type_: PunchType) -> Shift:
    """The return moves so that the time away is the rounded one."""
    pairs = list(shift.pairs)
    for index in range(1, len(pairs)):
        left, came = pairs[index - 1].left, pairs[index].came
        if left and came and left.type is type_ and came.type is type_:
            away = round_seconds(came.at - left.at, rule.interval, rule.mode, rule.grace)
            pairs[index] = replace(pairs[index], came=replace(came, at=left.at + away))
    return replace(shift, pairs=tuple(pairs))


def _round_day(shift: Shift, rule: PunchRounding, meals: Sequence[MealRule]) -> Shift:
    """The last out moves so that the day's total is the rounded one."""
    last = shift.pairs[-1]
    if not (last.came and last.left):
        return shift
    total = sum(pair.worked for pair in shift.pairs) + sum(
        adjustment.row.seconds for adjustment in adjust(shift, meals)
    )
    if rule.condition is not None and not _in_window(rule, total, rule.around):
        return shift
    moved = round_seconds(total, rule.interval, rule.mode, rule.grace) - total
    left = replace(last.left, at=last.left.at + moved)
    return replace(shift, pairs=(*shift.pairs[:-1], Pair(came=last.came, left=left)))

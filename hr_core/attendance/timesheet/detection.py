"""What a punch without a key means: in or out, work, meal or break, and where."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.timesheet.model import (
    Direction,
    Entries,
    Punch,
    PunchType,
    Schedule,
    ScheduleStatus,
    Shift,
)
from hr_core.attendance.timesheet.rules import (
    NOWHERE,
    MealDetection,
    MealRule,
    Place,
    RowKind,
    Rules,
)
from hr_core.attendance.timesheet.shifts import in_order, shifts_of


class Detected(Struct, frozen=True):
    """`makes_previous`: what the out before turns out to have been, once the person is back."""

    direction: Direction
    type: PunchType
    place: Place
    makes_previous: PunchType | None = None


def detect(at: int, entries: Entries, rules: Rules, home: Place = NOWHERE) -> Detected:
    """By the open shift; where none is open, by the nearest end of a planned one."""
    schedule = _schedule(at, entries.schedules)
    shift = _open_shift(at, entries, rules)
    previous = shift.pairs[-1].last if shift else None
    if previous and schedule and not _planned(previous.at, entries.schedules):
        shift = previous = None
    if previous is None:
        return _first(at, schedule, _last_place(at, entries) or home)
    if shift and previous.direction is Direction.IN:
        return Detected(Direction.OUT, _type_out(at, shift, rules.meals), previous.place)
    return _back(at, previous, schedule, rules.meals)


def record(at: int, detected: Detected, entries: Entries, place: Place | None) -> Entries:
    """The entries with the punch, and with the out before it as it turned out to be."""
    punches = list(entries.punches)
    if detected.makes_previous:
        before = max(
            (one for one in punches if one.at <= at and one.direction is Direction.OUT),
            key=lambda one: one.at,
        )
        punches[punches.index(before)] = replace(before, type=detected.makes_previous)
    punches.append(
        Punch(
            at=at,
            direction=detected.direction,
            type=detected.type,
            place=detected.place if place is None else place,
        )
    )
    return replace(entries, punches=tuple(punches))


def _open_shift(at: int, entries: Entries, rules: Rules) -> Shift | None:
    """The shift that a punch at this time would belong to."""
    before = [punch for punch in in_order(entries.punches) if punch.at <= at]
    if not before:
        return None
    shift = shifts_of(before, rules)[-1]
    last = shift.pairs[-1].last
    if at - shift.start > rules.maximum_shift:
        return None
    if last.direction is Direction.OUT and last.type is PunchType.NORMAL:
        return shift if at - last.at < max(rules.new_shift_gap, 1) else None
    return shift


def _first(at: int, schedule: Schedule | None, home: Place) -> Detected:
    if schedule is None:
        return Detected(Direction.IN, PunchType.NORMAL, home)
    leaving = abs(schedule.end - at) < abs(schedule.start - at)
    place = home if schedule.place == NOWHERE else schedule.place
    return Detected(Direction.OUT if leaving else Direction.IN, PunchType.NORMAL, place)


def _back(
    at: int, previous: Punch, schedule: Schedule | None, meals: Sequence[MealRule]
) -> Detected:
    if previous.type is not PunchType.NORMAL:
        return Detected(Direction.IN, previous.type, previous.place)
    for rule in meals:
        away = at - previous.at
        if (
            rule.detect is MealDetection.PUNCH_TIME
            and 0 <= away - rule.detect_from <= rule.detect_length
        ):
            return Detected(Direction.IN, _type_of(rule), previous.place, _type_of(rule))
    planned = schedule is not None and schedule.place != NOWHERE
    place = schedule.place if schedule and planned else previous.place
    return Detected(Direction.IN, PunchType.NORMAL, place)


def _type_out(at: int, shift: Shift, meals: Sequence[MealRule]) -> PunchType:
    taken = {pair.left.type for pair in shift.pairs if pair.left}
    for rule in meals:
        if rule.detect is not MealDetection.TIME_WINDOW:
            continue
        inside = 0 <= at - shift.start - rule.detect_from <= rule.detect_length
        once = rule.kind is RowKind.LUNCH_ADJUST
        if inside and not (once and _type_of(rule) in taken):
            return _type_of(rule)
    return PunchType.NORMAL


def _type_of(rule: MealRule) -> PunchType:
    return PunchType.LUNCH if rule.kind is RowKind.LUNCH_ADJUST else PunchType.BREAK


def _last_place(at: int, entries: Entries) -> Place | None:
    before = [punch for punch in in_order(entries.punches) if punch.at <= at]
    return before[-1].place if before else None


def _planned(at: int, schedules: Sequence[Schedule]) -> list[Schedule]:
    return [
        schedule
        for schedule in schedules
        if schedule.start - schedule.window <= at <= schedule.end + schedule.window
    ]


def _schedule(at: int, schedules: Sequence[Schedule]) -> Schedule | None:
    """Working ones before planned absences, then by the nearest end, then by the nearest start."""
    return min(
        _planned(at, schedules),
        key=lambda one: (
            one.status is not ScheduleStatus.WORKING,
            min(abs(one.start - at), abs(one.end - at)),
            abs(one.start - at),
        ),
        default=None,
    )

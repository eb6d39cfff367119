"""What makes a roster impossible: unknown names, holes, two plans at once, overlapping shifts."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import combinations, pairwise
from typing import NamedTuple

from hr_core.attendance.plan.model import ShiftChoice
from hr_core.attendance.plan.roster import Assignment, DayDuty, Rotation
from hr_core.clock import DAY_MIN
from hr_core.people.model import Shift

_DAY = timedelta(days=1)


class RosterFault(NamedTuple):
    """`origin` is the row; `reason` a word for programs."""

    origin: str
    reason: str
    message: str


class Catalogue(NamedTuple):
    """What an assignment may name."""

    shifts: dict[str, Shift]
    rotations: dict[str, Rotation]


def timeline_faults(
    assignments: Iterable[Assignment],
    catalogue: Catalogue,
    otherwise_planned: Callable[[date], bool],
) -> list[RosterFault]:
    """Of one subject. `otherwise_planned`: whether a day that these do not cover has another roster
    (a person's team's); a hole is a day between two assignments that has none.
    """
    ordered = sorted(assignments, key=lambda one: (one.first, one.origin))
    faults = [fault for one in ordered for fault in _own_faults(one, catalogue)]
    if faults:  # what follows needs sound assignments
        return faults
    for before, after in combinations(ordered, 2):
        if before.until is None or after.first < before.until:
            faults.append(_together(before, after))
        elif after.first == before.until:
            faults += _meeting(before, after, catalogue)
    return faults + _holes(ordered, otherwise_planned)


def rotation_change_faults(
    rotation: Rotation, stored: Rotation | None, *, in_use: bool
) -> list[RosterFault]:
    """A rotation that rosters use stays: changing it would change days that have gone by."""
    if not in_use or stored == rotation:
        return []
    message = "rosters use it: give the changed one a new code and assign it from a date"
    return [RosterFault(f"rotation {rotation.code}", "rotation_in_use", message)]


def rotation_faults(rotation: Rotation, shifts: dict[str, Shift]) -> list[RosterFault]:
    origin = f"rotation {rotation.code}"
    if rotation.code in shifts:
        message = "a shift has the same code: choose another"
        return [RosterFault(origin, "name", message)]
    faults = [
        RosterFault(origin, "unknown_shift", f"rotation {rotation.code} names shift {code!r}")
        for code in rotation.shifts
        if code not in shifts
    ]
    if faults or not rotation.cycle:
        return faults or [RosterFault(origin, "empty", f"rotation {rotation.code} has no days")]
    days = [*rotation.cycle, rotation.cycle[0]]
    for number, (today, tomorrow) in enumerate(pairwise(days), start=1):
        clash = _clash(today, tomorrow, shifts)
        if clash:
            faults.append(
                RosterFault(
                    origin, "shift_overlap", f"rotation {rotation.code}, day {number}: {clash}"
                )
            )
    return faults


def _own_faults(one: Assignment, catalogue: Catalogue) -> list[RosterFault]:
    if one.until is not None and one.until <= one.first:
        return [RosterFault(one.origin, "span", f"{one.subject}: it ends before {one.first}")]
    if one.rotation is not None:
        if one.rotation in catalogue.rotations:
            return []
        return [RosterFault(one.origin, "unknown_rotation", f"no rotation {one.rotation!r}")]
    unknown = [code for code in one.duty.shifts if code not in catalogue.shifts]
    if unknown:
        return [
            RosterFault(one.origin, "unknown_shift", f"no shift or rotation {code!r}")
            for code in unknown
        ]
    lasts = one.until is None or one.until - one.first > _DAY
    clash = _clash(one.duty, one.duty if lasts else DayDuty(()), catalogue.shifts)
    return [RosterFault(one.origin, "shift_overlap", f"{one.subject}: {clash}")] if clash else []


def _together(before: Assignment, after: Assignment) -> RosterFault:
    """Two rows for one day are a mistake more often than two shifts: those are said as "D+E"."""
    return RosterFault(
        after.origin,
        "two_plans",
        f"{after.subject} has two plans on {after.first}: {before.describe()}; "
        "give it a last day, or write both shifts in one row (D+E)",
    )


def _meeting(before: Assignment, after: Assignment, catalogue: Catalogue) -> list[RosterFault]:
    eve = after.first - _DAY
    clash = _clash(
        before.duty_on(eve, catalogue.rotations),
        after.duty_on(after.first, catalogue.rotations),
        catalogue.shifts,
    )
    if not clash:
        return []
    return [RosterFault(after.origin, "shift_overlap", f"{after.subject}, {eve}: {clash}")]


def _clash(today: DayDuty, tomorrow: DayDuty, shifts: dict[str, Shift]) -> str:
    """Empty when the hours lie apart. Candidates to pick from may overlap: one of them is worked."""
    if ShiftChoice.FROM_PUNCH in {today.choice, tomorrow.choice}:
        return ""
    hours = [(code, shifts[code].start_min, shifts[code].end_min) for code in today.shifts]
    following = [
        (code, shifts[code].start_min + DAY_MIN, shifts[code].end_min + DAY_MIN)
        for code in tomorrow.shifts
    ]
    for (code, start, end), (other, start2, end2) in (
        *combinations(hours, 2),
        *((one, two) for one in hours for two in following),
    ):
        if start < end2 and start2 < end:
            return (
                f"shift {code} ({shifts[code].hours()}) overlaps {other} ({shifts[other].hours()})"
            )
    return ""


def _holes(
    ordered: Sequence[Assignment], otherwise_planned: Callable[[date], bool]
) -> list[RosterFault]:
    faults = []
    covered_until = ordered[0].first if ordered else date.min
    for one in ordered:
        missing = [
            day
            for offset in range(max(0, (one.first - covered_until).days))
            if not otherwise_planned(day := covered_until + timedelta(days=offset))
        ]
        if missing:
            faults.append(
                RosterFault(
                    one.origin,
                    "hole",
                    f"{one.subject} has no plan from {missing[0]} to {missing[-1]} "
                    f"({len(missing)} days) before this row",
                )
            )
        if one.until is None:
            break
        covered_until = max(covered_until, one.until)
    return faults

"""A planned day by the engine of first press in, last press out (hr_core.attendance.day)."""

from bisect import bisect_right
from collections.abc import Sequence

from msgspec.structs import replace

from hr_core.attendance.calendar import CalendarDay
from hr_core.attendance.day import (
    AttendanceRules,
    DayResult,
    DayStatus,
    Ignored,
    IgnoredPunch,
    PunchFact,
    compute_day,
)
from hr_core.attendance.live.day_bounds import turns_between
from hr_core.attendance.live.leaves import leave_ranges, with_leave
from hr_core.attendance.live.minutes import intervals_of
from hr_core.attendance.plan.model import PlannedDay, ShiftChoice
from hr_core.clock import DAY_S
from hr_core.people.model import Shift

# The worst part of a day of several shifts is what the day is.
_BY_WEIGHT = (
    DayStatus.MISSING_IN,
    DayStatus.MISSING_OUT,
    DayStatus.NO_RECORD,
    DayStatus.ON_LEAVE,
    DayStatus.PRESENT,
    DayStatus.OFF,
)


def compute_first_last(
    plan: PlannedDay, punches: Sequence[PunchFact], rules: AttendanceRules
) -> DayResult:
    """`punches`: all that belong to the day. Each ends in `used` or `ignored`, once."""
    if not plan.shifts:
        return _unplanned(plan, punches, rules)
    if len(plan.shifts) == 1:
        return _one_shift(plan, plan.shifts[0], punches, rules)
    if plan.choice is ShiftChoice.FROM_PUNCH:
        return _one_shift(plan, _nearest(plan, punches), punches, rules)
    return _several(plan, punches, rules)


def _unplanned(plan: PlannedDay, punches: Sequence[PunchFact], rules: AttendanceRules) -> DayResult:
    ordered = sorted(punches, key=lambda punch: (punch.at, punch.event_id))
    believed = any(punch.distrust is None for punch in ordered)
    return DayResult(
        day=plan.day,
        kind=plan.kind,
        shift="",
        status=DayStatus.UNPLANNED if believed else DayStatus.OFF,
        ignored=tuple(
            IgnoredPunch(punch.event_id, punch.distrust or Ignored.NO_SHIFT) for punch in ordered
        ),
        rule_version=rules.version,
    )


def _one_shift(
    plan: PlannedDay, shift: Shift, punches: Sequence[PunchFact], rules: AttendanceRules
) -> DayResult:
    result = compute_day(shift, CalendarDay(plan.day, plan.kind), punches, rules)
    leaves = leave_ranges(plan, shift)
    late, early, taken = with_leave(result, shift, leaves, rules)
    result = replace(
        result,
        status=_due_status(plan, result.status),
        late_min=late,
        early_leave_min=early,
        leave=taken,
    )
    return replace(result, intervals=intervals_of(result, shift, [one for one, _ in leaves]))


def _due_status(plan: PlannedDay, status: DayStatus) -> DayStatus:
    """The roster knows better than the calendar whether somebody had to come."""
    if status not in {DayStatus.NO_RECORD, DayStatus.OFF}:
        return status
    if plan.on_leave_all_day:
        return DayStatus.ON_LEAVE
    if plan.trips:
        return DayStatus.ON_TRIP
    return DayStatus.NO_RECORD if plan.due else DayStatus.OFF


def _nearest(plan: PlannedDay, punches: Sequence[PunchFact]) -> Shift:
    """The shift whose ends lie nearest to the first and the last believable punch."""
    times = [punch.at for punch in punches if punch.distrust is None]
    if not times:
        return plan.shifts[0]
    midnight = plan.day.toordinal() * DAY_S
    first, last = ((at - midnight) // 60 for at in (min(times), max(times)))

    def distance(shift: Shift) -> int:
        if first == last:  # a lone visit is at one of the ends
            return min(abs(shift.start_min - first), abs(shift.end_min - last))
        return abs(shift.start_min - first) + abs(shift.end_min - last)

    return min(plan.shifts, key=distance)


def _several(plan: PlannedDay, punches: Sequence[PunchFact], rules: AttendanceRules) -> DayResult:
    """Each shift with the punches nearer to it; sums and lists put together."""
    shifts = sorted(plan.shifts, key=lambda shift: shift.start_min)
    turns = turns_between(shifts, plan.day.toordinal())
    dealt: list[list[PunchFact]] = [[] for _ in shifts]
    for punch in punches:
        dealt[bisect_right(turns, punch.at)].append(punch)
    parts = [_one_shift(plan, shift, own, rules) for shift, own in zip(shifts, dealt, strict=True)]
    arrived = [part.arrived for part in parts if part.arrived is not None]
    left = [part.left for part in parts if part.left is not None]
    return replace(
        parts[0],
        shift="+".join(shift.code for shift in shifts),
        status=min((part.status for part in parts), key=_weight),
        arrived=min(arrived, default=None),
        left=max(left, default=None),
        regular_min=sum(part.regular_min for part in parts),
        overtime_min=sum(part.overtime_min for part in parts),
        late_min=sum(part.late_min for part in parts),
        early_leave_min=sum(part.early_leave_min for part in parts),
        keys_contradict=any(part.keys_contradict for part in parts),
        used=tuple(one for part in parts for one in part.used),
        ignored=tuple(one for part in parts for one in part.ignored),
        intervals=tuple(one for part in parts for one in part.intervals),
        leave=tuple(one for part in parts for one in part.leave),
    )


def _weight(status: DayStatus) -> int:
    return _BY_WEIGHT.index(status) if status in _BY_WEIGHT else len(_BY_WEIGHT)

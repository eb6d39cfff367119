"""Approved leave against one shift: minutes after the day's midnight."""

from collections.abc import Sequence

from hr_core.attendance.day import AttendanceRules, DayResult
from hr_core.attendance.day_parts import DayLeave
from hr_core.attendance.live.minutes import Range
from hr_core.attendance.plan.model import DayPart, LeaveSpan, PlannedDay
from hr_core.clock import DAY_S
from hr_core.people.model import Shift


def leave_ranges(plan: PlannedDay, shift: Shift) -> list[tuple[Range, LeaveSpan]]:
    """In order; each cut to the shift, and to what an earlier one leaves of it."""
    found: list[tuple[Range, LeaveSpan]] = []
    at = shift.start_min
    for (start, end), leave in sorted(
        ((_range(leave, shift), leave) for leave in plan.leaves), key=lambda one: one[0]
    ):
        begin, until = max(start, at), min(end, shift.end_min)
        if begin < until:
            found.append(((begin, until), leave))
            at = until
    return found


def with_leave(
    result: DayResult,
    shift: Shift,
    leaves: Sequence[tuple[Range, LeaveSpan]],
    rules: AttendanceRules,
) -> tuple[int, int, tuple[DayLeave, ...]]:
    """(late minutes, early leave minutes, the leave with what it covers) of a computed day."""
    midnight = result.day.toordinal() * DAY_S
    arrived, left = shift.end_min, shift.end_min
    if result.arrived is not None and result.left is not None:
        arrived, left = ((at - midnight) // 60 for at in (result.arrived, result.left))
    ranges = [one for one, _ in leaves]
    late = result.late_min - _covered(ranges, (shift.start_min, arrived))
    early = result.early_leave_min - _covered(ranges, (left, shift.end_min))
    taken = tuple(
        DayLeave(request=leave.request, kind=leave.kind, minutes=_due(one, shift, (arrived, left)))
        for one, leave in leaves
    )
    return (
        late if late > rules.late_grace_min else 0,
        early if early > rules.early_leave_grace_min else 0,
        taken,
    )


def _range(leave: LeaveSpan, shift: Shift) -> Range:
    middle = (shift.start_min + shift.end_min) // 2
    match leave.part:
        case DayPart.WHOLE:
            return shift.start_min, shift.end_min
        case DayPart.FIRST_HALF:
            return shift.start_min, middle
        case DayPart.SECOND_HALF:
            return middle, shift.end_min
        case DayPart.HOURS:
            return leave.start_min or 0, leave.end_min or 0


def _due(leave: Range, shift: Shift, present: Range) -> int:
    """What of the leave is neither the break nor time in which the person was there."""
    pause = (shift.break_start_min, shift.break_start_min + shift.break_min)
    length = leave[1] - leave[0] - _overlap(leave, pause)
    worked = _overlap(leave, present)
    worked -= _overlap(leave, (max(pause[0], present[0]), min(pause[1], present[1])))
    return length - worked


def _covered(ranges: Sequence[Range], span: Range) -> int:
    return sum(_overlap(one, span) for one in ranges)


def _overlap(one: Range, other: Range) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))

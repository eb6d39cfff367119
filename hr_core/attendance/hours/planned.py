"""Minutes that a planned day holds, and those of them that a leave covers."""

from collections.abc import Callable, Iterable

from hr_core.attendance.calendar_overtime import Span, cut, length, without
from hr_core.attendance.hours.counted_overtime import merged
from hr_core.attendance.hours.period_account import WorkedDay
from hr_core.attendance.live.leaves import leave_ranges
from hr_core.attendance.plan.model import LeaveSpan, PlannedDay, ShiftChoice
from hr_core.clock import DAY_S
from hr_core.people.model import Shift


def planned_hours(plan: PlannedDay) -> WorkedDay:
    """What the day holds if everything goes as planned: shifts less breaks and leave, and approved
    overtime beside them.
    """
    due = _of_shifts(plan, lambda shift: without(_work(plan, shift), _leave(plan, shift)))
    extra = length(approved_beyond_plan(plan)) // 60
    return WorkedDay(day=plan.day, kind=plan.kind, minutes=due + extra)


def approved_beyond_plan(plan: PlannedDay) -> list[Span]:
    """Approved overtime in wall seconds; what lies in due work is that work, not overtime."""
    inside = [span for shift in _due(plan) for span in _work(plan, shift)]
    return without(merged((one.start, one.end) for one in plan.overtime_approved), inside)


def leave_minutes(plan: PlannedDay, request: int) -> int:
    """Minutes of due work that the leave of this request covers; breaks are no work."""
    return _of_shifts(
        plan,
        lambda shift: cut(
            _work(plan, shift), _leave(plan, shift, lambda leave: leave.request == request)
        ),
    )


def _of_shifts(plan: PlannedDay, spans_of: Callable[[Shift], Iterable[Span]]) -> int:
    """All due shifts together; of shifts of which only one is meant, the longest."""
    minutes = [length(spans_of(shift)) // 60 for shift in _due(plan)]
    return (max if plan.choice is ShiftChoice.FROM_PUNCH else sum)(minutes or [0])


def _due(plan: PlannedDay) -> tuple[Shift, ...]:
    return plan.shifts if plan.due else ()


def _work(plan: PlannedDay, shift: Shift) -> list[Span]:
    midnight = plan.day.toordinal() * DAY_S
    rest = midnight + shift.break_start_min * 60
    whole = (midnight + shift.start_min * 60, midnight + shift.end_min * 60)
    return without([whole], [(rest, rest + shift.break_min * 60)])


def _leave(
    plan: PlannedDay, shift: Shift, wanted: Callable[[LeaveSpan], bool] = lambda _: True
) -> list[Span]:
    midnight = plan.day.toordinal() * DAY_S
    return [
        (midnight + start * 60, midnight + end * 60)
        for (start, end), leave in leave_ranges(plan, shift)
        if wanted(leave)
    ]

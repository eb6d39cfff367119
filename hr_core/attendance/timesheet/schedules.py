"""Which planned shift a piece of work, or a punch, belongs to."""

from collections.abc import Iterable

from hr_core.attendance.timesheet.model import Schedule, ScheduleStatus, Shift


def schedule_of(shift: Shift, schedules: Iterable[Schedule]) -> Schedule | None:
    """The working schedule that the shift overlaps within its window and lies nearest to."""
    near = [
        schedule
        for schedule in schedules
        if schedule.status is ScheduleStatus.WORKING
        and shift.start <= schedule.end + schedule.window
        and shift.end >= schedule.start - schedule.window
    ]
    return min(
        near,
        key=lambda schedule: abs(schedule.start - shift.start) + abs(schedule.end - shift.end),
        default=None,
    )

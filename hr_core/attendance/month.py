"""A person's month: punches dealt out to shift days, each day computed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.calendar import CalendarDay
from hr_core.attendance.day import (
    UNCLEAR,
    AttendanceRules,
    DayResult,
    DayStatus,
    Ignored,
    PunchFact,
    compute_day,
)
from hr_core.clock import DAY_S
from hr_core.people.model import Shift


class MonthResult(Struct, frozen=True, kw_only=True):
    """`unassigned`: event ids that fit no shift window; they stand in their day's list too."""

    days: tuple[DayResult, ...]
    unassigned: tuple[str, ...]


def compute_month(
    shift: Shift,
    days: Sequence[CalendarDay],
    punches: Iterable[PunchFact],
    rules: AttendanceRules,
    now: int,
) -> MonthResult:
    """`punches` may reach beyond the month: each belongs to the day whose window it lies in or
    follows, so the morning after the last night shift still counts and nothing counts twice.
    `now` in wall seconds: what a day lacks before its window has closed is nobody's fault yet.
    """
    opens_after_midnight = shift.window(0)[0]
    by_day: defaultdict[int, list[PunchFact]] = defaultdict(list)
    for punch in punches:
        by_day[(punch.at - opens_after_midnight) // DAY_S].append(punch)
    results = tuple(
        _not_over_yet(
            compute_day(shift, day, by_day.get(day.on.toordinal(), ()), rules), shift, now
        )
        for day in days
    )
    return MonthResult(
        days=results,
        unassigned=tuple(
            ignored.event_id
            for result in results
            for ignored in result.ignored
            if ignored.reason == Ignored.OUTSIDE_WINDOW
        ),
    )


def _not_over_yet(result: DayResult, shift: Shift, now: int) -> DayResult:
    if result.status in UNCLEAR and shift.window(result.day.toordinal())[1] > now:
        return replace(result, status=DayStatus.NOT_OVER)
    return result

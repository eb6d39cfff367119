"""Which day a punch belongs to when each day may have another shift: pure, wall seconds.

Days follow each other without gap or overlap, so every punch has exactly one day. A day begins
where its first shift's window opens. Where that lies in the window of the shift before, they meet
half-way between the end of the one and the start of the other.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from hr_core.attendance.plan.model import PlannedDay
from hr_core.clock import DAY_S
from hr_core.people.model import Shift

_ONE_DAY = timedelta(days=1)
_HALF_DAY_S = DAY_S // 2  # whatever windows are planned, each day has some length


class DayBounds:
    """Of consecutive planned days. The last one's end is known only when the day after is given."""

    def __init__(self, plan: Mapping[date, PlannedDay]) -> None:
        self._days = sorted(plan)
        self._begins = [begin_of(plan.get(day - _ONE_DAY), plan[day]) for day in self._days]

    def owner(self, at: int) -> date | None:
        """None before the first day."""
        index = bisect_right(self._begins, at) - 1
        return self._days[index] if index >= 0 else None


def begin_of(before: PlannedDay | None, day: PlannedDay) -> int:
    """`before`: the plan of the day before. A day on which work is due claims its whole window from
    one on which none is.
    """
    ordinal = day.day.toordinal()
    midnight = ordinal * DAY_S
    ends = closes = midnight - DAY_S
    if before is not None and before.shifts:
        ends = max(_end(shift, ordinal - 1) for shift in before.shifts)
        closes = max(shift.window(ordinal - 1)[1] for shift in before.shifts)
    if not day.shifts:
        return max(midnight, min(closes, midnight + _HALF_DAY_S))
    opens = min(shift.window(ordinal)[0] for shift in day.shifts)
    starts = min(shift.start_min * 60 for shift in day.shifts) + midnight
    earliest = midnight - _HALF_DAY_S
    if opens >= closes or before is None:
        return max(opens, earliest)
    if day.due and not before.due:
        return max(opens, earliest, _start(before))
    if before.due and not day.due:
        return min(closes, midnight + _HALF_DAY_S)
    return (ends + starts) // 2 if ends < starts else starts


def window_of(day: PlannedDay) -> tuple[int, int]:
    """From the first window's opening to the last one's close; the calendar day without shifts."""
    ordinal = day.day.toordinal()
    if not day.shifts:
        return ordinal * DAY_S, (ordinal + 1) * DAY_S
    windows = [shift.window(ordinal) for shift in day.shifts]
    return min(opens for opens, _ in windows), max(closes for _, closes in windows)


def turns_between(shifts: Sequence[Shift], ordinal: int) -> list[int]:
    """Where one of several shifts of a day hands over to the next: half-way between them."""
    turns = []
    for earlier, later in pairwise(shifts):
        ends, starts = _end(earlier, ordinal), ordinal * DAY_S + later.start_min * 60
        turns.append((ends + starts) // 2)
    return turns


def _start(day: PlannedDay) -> int:
    return min(day.day.toordinal() * DAY_S + shift.start_min * 60 for shift in day.shifts)


def _end(shift: Shift, ordinal: int) -> int:
    return ordinal * DAY_S + shift.end_min * 60

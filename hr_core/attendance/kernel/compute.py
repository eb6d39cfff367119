"""The vectorised month kernel: `compute(plan, table, rules) -> DayTable`.

The rules are those of attendance.day and attendance.month, stated there in readable form; here they
work on all days of all people at once. Only the first punch of a day and the last one after
debouncing bound it, so after one sort nothing is done per punch: each day's span is looked up among
the sorted keys.
"""

import numpy as np

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import UNCLEAR, AttendanceRules, DayStatus
from hr_core.attendance.kernel.judging import Judge, KeySpans
from hr_core.attendance.kernel.packing import Keys, Packing, pack, packing_of
from hr_core.attendance.kernel.tables import (
    CODE_OF_STATUS,
    KINDS,
    STATUSES,
    DayTable,
    Int8s,
    PeoplePlan,
    PunchTable,
)

# Days handled at a time, of whole people: their punches and columns stay in a core's cache.
BLOCK_DAYS = 1 << 14

_STATUS_WITHOUT_PUNCH = np.array(
    [
        CODE_OF_STATUS[DayStatus.NO_RECORD if kind is DayKind.WORKDAY else DayStatus.OFF]
        for kind in KINDS
    ],
    np.int8,
)
_IS_UNCLEAR = np.array([status in UNCLEAR for status in STATUSES])
_NOT_OVER = CODE_OF_STATUS[DayStatus.NOT_OVER]


def compute(plan: PeoplePlan, table: PunchTable, rules: AttendanceRules) -> DayTable:
    """Every day of every person. Raises ValueError for a table that is not what it says."""
    if not table.belongs_to(plan):
        raise ValueError("a punch belongs to a person who is not among the people")
    if rules.overtime_step_min < 1:
        raise ValueError("overtime counts in steps of at least a minute")
    packing = packing_of(plan, len(table))
    keys = pack(packing, table)
    keys.sort()
    days = DayTable.empty(plan.first, plan.people, plan.days)
    judge = Judge(packing, table.side, rules)
    people = max(1, BLOCK_DAYS // plan.days)
    for start in range(0, plan.people, people):
        some = plan.of_people(start, start + people)
        out = days.of_people(start, start + people)
        out.status[:] = _STATUS_WITHOUT_PUNCH[some.kinds]
        judge.judge(some, _spans_of_keys(keys, packing, some, start), out)
        _mark_not_over(some, out.status)
    return days


def _spans_of_keys(keys: Keys, packing: Packing, some: PeoplePlan, start: int) -> KeySpans:
    """`start`: the row of the first of these people among all."""
    person = np.arange(start, start + some.people)[:, None]
    opens, closes = (
        np.clip(edge, packing.origin, packing.origin + packing.seconds) for edge in some.spans()
    )
    first, after = keys.searchsorted(
        packing.bound(np.array([start, start + some.people]), packing.origin)
    )
    own = keys[first:after]  # short enough for the cache
    return KeySpans(
        own,
        own.searchsorted(packing.bound(person, opens).reshape(-1)),
        own.searchsorted(packing.bound(person, closes).reshape(-1)),
    )


def _mark_not_over(some: PeoplePlan, status: Int8s) -> None:
    """What a day lacks before its window has closed is nobody's fault yet."""
    _, closes = some.windows()
    status[(closes > some.now[:, None]) & _IS_UNCLEAR[status]] = _NOT_OVER

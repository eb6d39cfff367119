"""The vectorised month kernel: `compute(plan, table, rules) -> DayTable`.

The rules are those of attendance.day and attendance.month, stated there in readable form; here they
work on all days of all people at once. Only the first punch of a day and the last one after
debouncing bound it, so after one sort nothing is done per punch but to find where days begin.
"""

import numpy as np

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import UNCLEAR, AttendanceRules, DayStatus
from hr_core.attendance.kernel.judging import Judge
from hr_core.attendance.kernel.packing import BLOCK, Keys, Packing, pack
from hr_core.attendance.kernel.tables import (
    CODE_OF_STATUS,
    STATUSES,
    DayTable,
    Int8s,
    Int64s,
    PeoplePlan,
    PunchTable,
)
from hr_core.clock import DAY_S


def compute(plan: PeoplePlan, table: PunchTable, rules: AttendanceRules) -> DayTable:
    """Every day of every person. Raises ValueError for a table that is not what it says."""
    if not table.belongs_to(plan):
        raise ValueError("a punch belongs to a person who is not among the people")
    if rules.overtime_step_min < 1:
        raise ValueError("overtime counts in steps of at least a minute")
    days = _days_without_punches(plan)
    packing, keys = pack(plan, table)
    keys.sort()
    starts, ends = _edges(keys, packing)
    judge = Judge(plan, table.side, rules, packing)
    for begin in range(0, len(starts), BLOCK):
        block = slice(begin, begin + BLOCK)
        judge.judge(keys, starts[block], ends[block], days)
    _mark_not_over(plan, days.status)
    return days


def _days_without_punches(plan: PeoplePlan) -> DayTable:
    days = DayTable.empty(plan.first, plan.people, plan.days)
    days.status[:] = [
        CODE_OF_STATUS[DayStatus.NO_RECORD if kind is DayKind.WORKDAY else DayStatus.OFF]
        for kind in plan.kinds
    ]
    return days


def _edges(keys: Keys, packing: Packing) -> tuple[Int64s, Int64s]:
    """Positions of the first and of the last key of each day that has any."""
    if not len(keys):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    found = [np.zeros(1, np.int64)]
    shift = np.uint64(packing.day_shift)
    cells, differs = np.empty(BLOCK + 1, np.uint64), np.empty(BLOCK, np.bool_)
    for begin in range(0, len(keys) - 1, BLOCK):
        block = keys[begin : begin + BLOCK + 1]
        n = len(block)
        np.right_shift(block, shift, out=cells[:n])
        np.not_equal(cells[1:n], cells[: n - 1], out=differs[: n - 1])
        found.append(np.flatnonzero(differs[: n - 1]) + (begin + 1))
    starts = np.concatenate(found)
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:] - 1
    ends[-1] = len(keys) - 1
    return starts, ends


def _mark_not_over(plan: PeoplePlan, status: Int8s) -> None:
    """What a day lacks before its window has closed is nobody's fault yet."""
    closes = np.array([shift.window(0)[1] for shift in plan.shifts], np.int64)
    since_first = plan.now - plan.first.toordinal() * DAY_S
    over = (since_first - closes.take(plan.shift_of)) // DAY_S + 1  # the first days, this many
    (waiting,) = np.nonzero(over < plan.days)
    if not len(waiting):
        return
    unclear = np.array([one in UNCLEAR for one in STATUSES])
    rows = status[waiting]
    still_open = np.arange(plan.days) >= over[waiting, None]
    rows[still_open & unclear[rows]] = CODE_OF_STATUS[DayStatus.NOT_OVER]
    status[waiting] = rows

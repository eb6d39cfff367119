"""Days as the rules judge them, a block of days at a time; `day` says the same in plain words."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import AttendanceRules, DayStatus
from hr_core.attendance.kernel.debouncing import last_kept
from hr_core.attendance.kernel.packing import Keys, Packing
from hr_core.attendance.kernel.tables import (
    ARRIVAL,
    CODE_OF_STATUS,
    DEPARTURE,
    NO_ROW,
    NO_SIDE,
    NO_TIME,
    Bools,
    DayTable,
    Int8s,
    Int32s,
    Int64s,
    PeoplePlan,
)
from hr_core.clock import DAY_MIN

_PRESENT = CODE_OF_STATUS[DayStatus.PRESENT]
_MISSING_OUT = CODE_OF_STATUS[DayStatus.MISSING_OUT]
_MISSING_IN = CODE_OF_STATUS[DayStatus.MISSING_IN]


class _Planned(NamedTuple):
    """The shift of each day, in minutes after the day's midnight."""

    opens: Int32s
    start: Int32s
    end: Int32s
    break_start: Int32s
    break_end: Int32s


class _Days(NamedTuple):
    """Days that have a believed punch. first_s, last_s: seconds after the window opened."""

    cell: Int64s
    day: Int32s
    planned: _Planned
    first_s: Int32s
    last_s: Int32s
    first_row: Int64s
    last_row: Int64s

    def first_min(self) -> Int32s:
        return self.planned.opens + self.first_s // 60

    def last_min(self) -> Int32s:
        return self.planned.opens + self.last_s // 60


class Judge:
    def __init__(
        self, plan: PeoplePlan, side: Int8s, rules: AttendanceRules, packing: Packing
    ) -> None:
        self._plan = plan
        self._side = side
        self._rules = rules
        self._packing = packing
        self._is_workday = np.array([kind is DayKind.WORKDAY for kind in plan.kinds], np.bool_)
        shifts = plan.shifts
        self._shifts = _Planned(
            opens=_minutes(shift.start_min - shift.early_in_min for shift in shifts),
            start=_minutes(shift.start_min for shift in shifts),
            end=_minutes(shift.end_min for shift in shifts),
            break_start=_minutes(shift.break_start_min for shift in shifts),
            break_end=_minutes(shift.break_start_min + shift.break_min for shift in shifts),
        )

    def judge(self, keys: Keys, starts: Int64s, ends: Int64s, out: DayTable) -> None:
        """Fills in the days whose keys lie at `starts` to `ends`, both included."""
        days = self._days(keys, starts, ends)
        status = self._status(days)
        self._write_bounds(days, status, out)
        self._write_minutes(days, status == _PRESENT, out)

    def _days(self, keys: Keys, starts: Int64s, ends: Int64s) -> _Days:
        packing = self._packing
        first = keys[starts]
        last = keys[last_kept(keys, starts, ends, packing, self._rules.debounce_s)]
        cell = packing.cell(first)
        person = cell // self._plan.days
        shift = self._plan.shift_of.take(person)
        return _Days(
            cell=cell,
            day=(cell - person * self._plan.days).astype(np.int32),
            planned=_Planned(*(column.take(shift) for column in self._shifts)),
            first_s=packing.second(first),
            last_s=packing.second(last),
            first_row=packing.row(first),
            last_row=packing.row(last),
        )

    def _status(self, days: _Days) -> Int8s:
        status = np.full(len(days.cell), _PRESENT, np.int8)
        (lone,) = np.nonzero(days.last_s - days.first_s < self._rules.one_visit_min * 60)
        status[lone] = np.where(self._is_arrival(days, lone), _MISSING_OUT, _MISSING_IN)
        return status

    def _is_arrival(self, days: _Days, lone: Int64s) -> Bools:
        """Which side a lone visit is: by time near either end, by the key in the middle third."""
        start = days.planned.start[lone]
        span = days.planned.end[lone] - start
        since_start = days.first_min()[lone] - start
        side = self._side.take(days.first_row[lone])
        by_key = np.where(side == NO_SIDE, 2 * since_start < span, side == ARRIVAL)
        in_first_third, in_last_third = 3 * since_start < span, 3 * since_start > 2 * span
        found: Bools = in_first_third | (~in_last_third & by_key)
        return found

    def _write_bounds(self, days: _Days, status: Int8s, out: DayTable) -> None:
        cell = days.cell
        opened = (days.day * DAY_MIN + days.planned.opens) * 60
        came, went = status != _MISSING_IN, status != _MISSING_OUT
        out.status.reshape(-1)[cell] = status
        out.arrived.reshape(-1)[cell] = np.where(came, opened + days.first_s, NO_TIME)
        out.left.reshape(-1)[cell] = np.where(went, opened + days.last_s, NO_TIME)
        out.arrived_row.reshape(-1)[cell] = np.where(came, days.first_row, NO_ROW)
        out.left_row.reshape(-1)[cell] = np.where(went, days.last_row, NO_ROW)
        (suspect,) = np.nonzero(self._side.take(days.first_row) == DEPARTURE)
        suspect = suspect[status[suspect] == _PRESENT]
        contradict = self._side.take(days.last_row[suspect]) == ARRIVAL
        out.keys_contradict.reshape(-1)[cell[suspect]] = contradict

    def _write_minutes(self, days: _Days, present: Bools, out: DayTable) -> None:
        rules, plan = self._rules, days.planned
        workday = self._is_workday.take(days.day)
        arrived, left = days.first_min(), days.last_min()
        due = present & workday
        inside = _within_shift(plan, arrived, np.where(workday, np.minimum(left, plan.end), left))
        late = np.maximum(0, np.minimum(arrived, plan.end) - plan.start)
        early = np.maximum(0, plan.end - np.maximum(left, plan.start))
        after_end = np.maximum(0, left - np.maximum(arrived, plan.end))
        step = rules.overtime_step_min
        overtime = np.where(workday, after_end, inside) // step * step
        for column, minutes, counts in (
            (out.regular_min, inside, due),
            (out.overtime_min, overtime, present),
            (out.late_min, late, due & (late > rules.late_grace_min)),
            (out.early_leave_min, early, due & (early > rules.early_leave_grace_min)),
        ):
            column.reshape(-1)[days.cell] = minutes * counts


def _minutes(values: Iterable[int]) -> Int32s:
    return np.array(list(values), np.int32)


def _within_shift(plan: _Planned, arrived: Int32s, left: Int32s) -> Int32s:
    """Minutes from the shift's start on, less the break as far as it was crossed."""
    begin = np.maximum(arrived, plan.start)
    crossed = np.minimum(left, plan.break_end) - np.maximum(begin, plan.break_start)
    inside: Int32s = np.maximum(0, left - begin - np.maximum(0, crossed))
    return inside

"""Days as the rules judge them, a block of days at a time; `day` says the same in plain words."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import AttendanceRules, DayStatus
from hr_core.attendance.kernel.debouncing import last_kept
from hr_core.attendance.kernel.packing import Keys, Packing
from hr_core.attendance.kernel.tables import (
    ARRIVAL,
    CODE_OF_KIND,
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
from hr_core.clock import DAY_S
from hr_core.people.model import Shift

_WORKDAY = CODE_OF_KIND[DayKind.WORKDAY]
_PRESENT = CODE_OF_STATUS[DayStatus.PRESENT]
_MISSING_OUT = CODE_OF_STATUS[DayStatus.MISSING_OUT]
_MISSING_IN = CODE_OF_STATUS[DayStatus.MISSING_IN]


class KeySpans(NamedTuple):
    """Of each day of some people, in order: its keys are `keys[start:stop]`; none if not start < stop."""

    keys: Keys
    starts: Int64s
    stops: Int64s


class _Shifts(NamedTuple):
    """In minutes after the midnight of the day on which a shift begins."""

    start: Int32s
    end: Int32s
    break_start: Int32s
    break_end: Int32s


class _Days(NamedTuple):
    """Days that have a believed punch. cell: person times days, plus day; first_s, last_s: seconds
    after the day's midnight.
    """

    cell: Int64s
    midnight: Int32s
    shift: _Shifts
    is_workday: Bools
    first_s: Int32s
    last_s: Int32s
    first_row: Int64s
    last_row: Int64s


class Judge:
    def __init__(self, packing: Packing, side: Int8s, rules: AttendanceRules) -> None:
        self._packing = packing
        self._side = side
        self._rules = rules

    def judge(self, some: PeoplePlan, spans: KeySpans, out: DayTable) -> None:
        """Fills in the days of some people that have a key."""
        days = self._days(some, spans)
        status = self._status(days)
        self._write_bounds(days, status, out)
        self._write_minutes(days, status == _PRESENT, out)

    def _days(self, some: PeoplePlan, spans: KeySpans) -> _Days:
        packing, (keys, starts, stops) = self._packing, spans
        cell = np.flatnonzero(starts < stops)
        person, day = np.divmod(cell, some.days)
        first = keys[starts[cell]]
        last = keys[last_kept(keys, starts[cell], stops[cell] - 1, packing, self._rules.debounce_s)]
        midnight = (some.first.toordinal() + day) * DAY_S
        shift = some.shift_of[person, day if some.shift_of.shape[1] > 1 else 0]
        kind = some.kinds[person if len(some.kinds) > 1 else 0, day]
        return _Days(
            cell=cell,
            midnight=(day * DAY_S).astype(np.int32),
            shift=_Shifts(*(column.take(shift) for column in _shifts(some.shifts))),
            is_workday=kind == _WORKDAY,
            first_s=(packing.at(first) - midnight).astype(np.int32),
            last_s=(packing.at(last) - midnight).astype(np.int32),
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
        start = days.shift.start[lone]
        span = days.shift.end[lone] - start
        since_start = days.first_s[lone] // 60 - start
        side = self._side.take(days.first_row[lone])
        by_key = np.where(side == NO_SIDE, 2 * since_start < span, side == ARRIVAL)
        in_first_third, in_last_third = 3 * since_start < span, 3 * since_start > 2 * span
        found: Bools = in_first_third | (~in_last_third & by_key)
        return found

    def _write_bounds(self, days: _Days, status: Int8s, out: DayTable) -> None:
        cell = days.cell
        came, went = status != _MISSING_IN, status != _MISSING_OUT
        out.status.reshape(-1)[cell] = status
        out.arrived.reshape(-1)[cell] = np.where(came, days.midnight + days.first_s, NO_TIME)
        out.left.reshape(-1)[cell] = np.where(went, days.midnight + days.last_s, NO_TIME)
        out.arrived_row.reshape(-1)[cell] = np.where(came, days.first_row, NO_ROW)
        out.left_row.reshape(-1)[cell] = np.where(went, days.last_row, NO_ROW)
        (suspect,) = np.nonzero(self._side.take(days.first_row) == DEPARTURE)
        suspect = suspect[status[suspect] == _PRESENT]
        contradict = self._side.take(days.last_row[suspect]) == ARRIVAL
        out.keys_contradict.reshape(-1)[cell[suspect]] = contradict

    def _write_minutes(self, days: _Days, present: Bools, out: DayTable) -> None:
        rules, shift, workday = self._rules, days.shift, days.is_workday
        arrived, left = days.first_s // 60, days.last_s // 60
        due = present & workday
        inside = _within_shift(shift, arrived, np.where(workday, np.minimum(left, shift.end), left))
        late = np.maximum(0, np.minimum(arrived, shift.end) - shift.start)
        early = np.maximum(0, shift.end - np.maximum(left, shift.start))
        after_end = np.maximum(0, left - np.maximum(arrived, shift.end))
        step = rules.overtime_step_min
        overtime = np.where(workday, after_end, inside) // step * step
        for column, minutes, counts in (
            (out.regular_min, inside, due),
            (out.overtime_min, overtime, present),
            (out.late_min, late, due & (late > rules.late_grace_min)),
            (out.early_leave_min, early, due & (early > rules.early_leave_grace_min)),
        ):
            column.reshape(-1)[days.cell] = minutes * counts


def _shifts(shifts: Sequence[Shift]) -> _Shifts:
    return _Shifts(
        start=np.array([shift.start_min for shift in shifts], np.int32),
        end=np.array([shift.end_min for shift in shifts], np.int32),
        break_start=np.array([shift.break_start_min for shift in shifts], np.int32),
        break_end=np.array([shift.break_start_min + shift.break_min for shift in shifts], np.int32),
    )


def _within_shift(shift: _Shifts, arrived: Int32s, left: Int32s) -> Int32s:
    """Minutes from the shift's start on, less the break as far as it was crossed."""
    begin = np.maximum(arrived, shift.start)
    crossed = np.minimum(left, shift.break_end) - np.maximum(begin, shift.break_start)
    inside: Int32s = np.maximum(0, left - begin - np.maximum(0, crossed))
    return inside

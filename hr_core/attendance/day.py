"""One shift day from its punches: a pure function on plain integers.

First press in, last press out. The keys that people press are hints only: in a real two-shift
plant's log most arrivals are pressed as "in" and "out" within seconds, so time decides and the key
only speaks where time says nothing (the middle third of the shift).
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct, structs

from hr_core.attendance.calendar import CalendarDay, DayKind
from hr_core.attendance.day_parts import DayCorrection, DayInterval, DayLeave, WaitingDevice
from hr_core.clock import DAY_S
from hr_core.data_files import load
from hr_core.people.model import Shift
from protocols.records import Direction, Flag

ARRIVING = frozenset({Direction.IN, Direction.OVERTIME_IN})
LEAVING = frozenset({Direction.OUT, Direction.OVERTIME_OUT})

# A punch with one of these is kept, shown and not believed. The other flags do not touch its time.
DISTRUSTED = (Flag.REPEAT, Flag.CLOCK_SUSPECT, Flag.FUTURE, Flag.FILL_PATTERN)


class FirstLastRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    debounce_s: int
    one_visit_min: int
    overtime_step_min: int
    late_grace_min: int
    early_leave_grace_min: int

    def versioned(self, version: str, source: str) -> "AttendanceRules":
        return AttendanceRules(version=version, source=source, **structs.asdict(self))


class AttendanceRules(FirstLastRules, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    source: str


class DayStatus(StrEnum):
    PRESENT = "present"
    MISSING_OUT = "missing_out"
    MISSING_IN = "missing_in"
    NO_RECORD = "no_record"  # a workday without a believable punch: not proven absence
    OFF = "off"  # no work was due and nobody came
    NOT_OVER = "not_over"  # incomplete, and its shift window is still open
    WAITING = "waiting"  # incomplete, and so is a device that the person may have used
    ABSENT = "absent"  # no record although every such device was read past the window's end
    ON_LEAVE = "on_leave"  # approved, all day, and nobody came
    ON_TRIP = "on_trip"  # approved work elsewhere, without a punch
    UNPLANNED = "unplanned"  # punches on a day for which no shift is planned


# What the lack of a punch made of a day.
UNCLEAR = frozenset({DayStatus.MISSING_OUT, DayStatus.MISSING_IN, DayStatus.NO_RECORD})
# Somebody has to look, or to wait.
OPEN = UNCLEAR | {DayStatus.WAITING, DayStatus.ABSENT, DayStatus.UNPLANNED}


class Ignored(StrEnum):
    """Why a punch did not bound the day (beside the four distrusted flags)."""

    OUTSIDE_WINDOW = "outside_window"
    DEBOUNCED = "debounced"
    SAME_VISIT = "same_visit"
    BETWEEN = "between_first_and_last"
    NO_SHIFT = "no_shift_planned"
    NOT_EMPLOYED = "not_employed"


class PunchFact(NamedTuple):
    """`at` in wall seconds; `distrust` the flag for which it must not count, or None."""

    event_id: str
    at: int
    direction: str = Direction.UNKNOWN
    distrust: str | None = None


class IgnoredPunch(NamedTuple):
    event_id: str
    reason: str


class DayResult(Struct, frozen=True, kw_only=True):
    """`arrived` and `left` in wall seconds; durations in minutes; event ids in order of time.

    keys_contradict: the first press said "leaving" and the last "arriving": wrong keys or another
    shift than the planned one. Only a person can tell, so the day must be looked at.

    The fields behind `rule_version` are of stored days (hr_core.attendance.live); a month's close
    leaves them empty. rules: name of the rule set. plan: what the plan was made from. intervals: the
    whole day in order; those that count add up to regular_min and overtime_min. waiting_for: devices
    whose records of the day may be incomplete. flags: see DayFlag.
    """

    day: date
    kind: DayKind
    shift: str
    status: DayStatus
    arrived: int | None = None
    left: int | None = None
    regular_min: int = 0
    overtime_min: int = 0
    late_min: int = 0
    early_leave_min: int = 0
    keys_contradict: bool = False
    used: tuple[str, ...] = ()
    ignored: tuple[IgnoredPunch, ...] = ()
    rule_version: str
    rules: str = ""
    plan: tuple[str, ...] = ()
    intervals: tuple[DayInterval, ...] = ()
    leave: tuple[DayLeave, ...] = ()
    corrections: tuple[DayCorrection, ...] = ()
    waiting_for: tuple[WaitingDevice, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def to_clarify(self) -> bool:
        return self.keys_contradict or self.status in OPEN


class _Minutes(NamedTuple):
    regular: int
    overtime: int
    late: int = 0
    early_leave: int = 0


def load_rules() -> AttendanceRules:
    """The product's own, for whoever has no rule set by name."""
    file = load("attendance_rules/attendance.toml", _DefaultFile)
    return file.first_last.versioned(file.version, file.source)


class _DefaultFile(Struct):
    version: str
    source: str
    first_last: FirstLastRules


def compute_day(
    shift: Shift, day: CalendarDay, punches: Iterable[PunchFact], rules: AttendanceRules
) -> DayResult:
    """The day that began on `day.on`. Every punch given ends in `used` or `ignored`, once.

    The order of the punches does not matter; the same event twice counts as one.
    """
    kept, ignored = _sort_out(punches, shift.window(day.on.toordinal()), rules)
    first, last, more_ignored = _first_and_last(shift, day, kept, rules)
    ignored += more_ignored
    minutes = _Minutes(0, 0)
    if first and last:
        measure = _workday if day.kind is DayKind.WORKDAY else _free_day
        minutes = measure(shift, _minute(day, first), _minute(day, last), rules)
    return DayResult(
        day=day.on,
        kind=day.kind,
        shift=shift.code,
        status=_status(day, first, last),
        arrived=first.at if first else None,
        left=last.at if last else None,
        regular_min=minutes.regular,
        overtime_min=minutes.overtime,
        late_min=minutes.late,
        early_leave_min=minutes.early_leave,
        keys_contradict=bool(
            first and last and first.direction in LEAVING and last.direction in ARRIVING
        ),
        used=tuple(punch.event_id for punch in (first, last) if punch),
        ignored=tuple(ignored),
        rule_version=rules.version,
    )


def _sort_out(
    punches: Iterable[PunchFact], window: tuple[int, int], rules: AttendanceRules
) -> tuple[list[PunchFact], list[IgnoredPunch]]:
    opens, closes = window
    kept: list[PunchFact] = []
    ignored: list[IgnoredPunch] = []
    for punch in sorted(
        {punch.event_id: punch for punch in punches}.values(),
        key=lambda punch: (punch.at, punch.event_id),
    ):
        if punch.distrust is not None:
            ignored.append(IgnoredPunch(punch.event_id, punch.distrust))
        elif not opens <= punch.at < closes:
            ignored.append(IgnoredPunch(punch.event_id, Ignored.OUTSIDE_WINDOW))
        elif kept and punch.at - kept[-1].at < rules.debounce_s:
            ignored.append(IgnoredPunch(punch.event_id, Ignored.DEBOUNCED))
        else:
            kept.append(punch)
    return kept, ignored


def _first_and_last(
    shift: Shift, day: CalendarDay, kept: list[PunchFact], rules: AttendanceRules
) -> tuple[PunchFact | None, PunchFact | None, list[IgnoredPunch]]:
    if not kept:
        return None, None, []
    first, last = kept[0], kept[-1]
    if last.at - first.at >= rules.one_visit_min * 60:
        return first, last, [IgnoredPunch(p.event_id, Ignored.BETWEEN) for p in kept[1:-1]]
    if _is_arrival(shift, day, first):
        return first, None, [IgnoredPunch(p.event_id, Ignored.SAME_VISIT) for p in kept[1:]]
    return None, last, [IgnoredPunch(p.event_id, Ignored.SAME_VISIT) for p in kept[:-1]]


def _is_arrival(shift: Shift, day: CalendarDay, punch: PunchFact) -> bool:
    """Which side a lone visit is: by time near either end, by the key in the middle third."""
    span = shift.end_min - shift.start_min
    since_start = _minute(day, punch) - shift.start_min
    if 3 * since_start < span:
        return True
    if 3 * since_start > 2 * span:
        return False
    if punch.direction in ARRIVING or punch.direction in LEAVING:
        return punch.direction in ARRIVING
    return 2 * since_start < span


def _status(day: CalendarDay, first: PunchFact | None, last: PunchFact | None) -> DayStatus:
    if first and last:
        return DayStatus.PRESENT
    if first:
        return DayStatus.MISSING_OUT
    if last:
        return DayStatus.MISSING_IN
    return DayStatus.NO_RECORD if day.kind is DayKind.WORKDAY else DayStatus.OFF


def _workday(shift: Shift, arrived: int, left: int, rules: AttendanceRules) -> _Minutes:
    late = max(0, min(arrived, shift.end_min) - shift.start_min)
    early = max(0, shift.end_min - max(left, shift.start_min))
    after_end = max(0, left - max(arrived, shift.end_min))
    return _Minutes(
        regular=_within_shift(shift, arrived, min(left, shift.end_min)),
        overtime=_whole_steps(after_end, rules),
        late=late if late > rules.late_grace_min else 0,
        early_leave=early if early > rules.early_leave_grace_min else 0,
    )


def _free_day(shift: Shift, arrived: int, left: int, rules: AttendanceRules) -> _Minutes:
    """No work was due, so all of it is overtime; coming before the shift's start still is not."""
    return _Minutes(0, _whole_steps(_within_shift(shift, arrived, left), rules))


def _within_shift(shift: Shift, arrived: int, left: int) -> int:
    """Minutes from the shift's start on, less the break as far as it was crossed."""
    begin = max(arrived, shift.start_min)
    break_end = shift.break_start_min + shift.break_min
    crossed = max(0, min(left, break_end) - max(begin, shift.break_start_min))
    return max(0, left - begin - crossed)


def _whole_steps(minutes: int, rules: AttendanceRules) -> int:
    return minutes // rules.overtime_step_min * rules.overtime_step_min


def _minute(day: CalendarDay, punch: PunchFact) -> int:
    """Minutes after the midnight on which the day began; a started minute is not yet late."""
    return (punch.at - day.on.toordinal() * DAY_S) // 60

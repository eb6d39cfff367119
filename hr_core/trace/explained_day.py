"""What an explained day is, for people and programs. Times of the day are the site's wall clock."""

from msgspec import Struct

from hr_core.attendance.day_parts import DayCorrection, DayLeave
from hr_core.store.attendance_locks import QueuedCorrection
from hr_core.trace.events import RawEvent


class PunchStep(Struct, frozen=True, kw_only=True):
    """`at`: ISO 8601; the device's own wall clock has no offset, the others are UTC."""

    where: str
    at: str
    what: str


class DayPunch(Struct, frozen=True, kw_only=True):
    """`counted`: it bounds the day; `reason`: a code, `why` the same in words."""

    event_id: str
    time: str
    counted: bool
    role: str
    reason: str
    why: str
    way: tuple[PunchStep, ...]
    event: RawEvent | None = None


class OtherDayPunch(Struct, frozen=True, kw_only=True):
    """The device wrote this date, and the punch is another day's: a night's morning, mostly."""

    event_id: str
    time: str
    day: str
    counted: bool
    why: str


class DayMinutes(Struct, frozen=True, kw_only=True):
    start: str | None
    end: str | None
    minutes: int
    counts: str
    reason: str
    why: str
    work_centre: str | None


class DeviceState(Struct, frozen=True, kw_only=True):
    """`complete_until`: UTC, or None when nothing is known; `covers_day`: past the window's end."""

    device: str
    complete_until: str | None
    covers_day: bool
    what: str


class MissingPunch(Struct, frozen=True, kw_only=True):
    """A punch that the plan lets expect and that is not here. `waits_for`: serials that may have it."""

    side: str
    expected_at: str | None
    waits_for: tuple[str, ...]
    what: str


class EarlierResult(Struct, frozen=True, kw_only=True):
    revision: int
    computed_at: str
    cause: str
    status: str
    regular_min: int
    overtime_min: int


class ExplainedDay(Struct, frozen=True, kw_only=True):
    """`stored`: revision of the result shown, None when it was computed just now. `differs`: what is
    stored is not what would be computed now (marked, or locked).
    """

    person: str
    employee_number: str | None = None
    name: str
    day: str
    kind: str
    status: str
    shift: str
    plan: tuple[str, ...]
    window: tuple[str, str]
    rules: str
    rule_version: str
    arrived: str | None
    left: str | None
    regular_min: int
    overtime_min: int
    late_min: int
    early_leave_min: int
    minutes: tuple[DayMinutes, ...]
    punches: tuple[DayPunch, ...]
    missing: tuple[MissingPunch, ...]
    devices: tuple[DeviceState, ...]
    leave: tuple[DayLeave, ...]
    corrections: tuple[DayCorrection, ...]
    flags: tuple[str, ...]
    stored: int | None
    computed_at: str | None
    cause: str
    differs: bool
    locked: bool
    queued: tuple[QueuedCorrection, ...]
    earlier: tuple[EarlierResult, ...]
    of_other_days: tuple[OtherDayPunch, ...] = ()

"""The plan of a day: what was due, before anybody looks at a punch."""

from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.people.model import Shift

# The rule set of whoever has none by name: hr_core/data/attendance_rules/attendance.toml.
DEFAULT_RULES = "attendance"


class ShiftChoice(StrEnum):
    """What `PlannedDay.shifts` means when there are several."""

    ASSIGNED = "assigned"  # each of them is due, in order; their hours do not overlap
    FROM_PUNCH = "from_punch"  # one of them: the punches say which


class PlanFlag(StrEnum):
    """What a person should look at."""

    SEVERAL_ROSTERS = "several_rosters"  # of two teams, or of two records merged since


class DayPart(StrEnum):
    """Halves meet in the middle of the day's shift."""

    WHOLE = "whole"
    FIRST_HALF = "first_half"
    SECOND_HALF = "second_half"
    HOURS = "hours"


class LeaveSpan(Struct, frozen=True, kw_only=True):
    """Approved leave on one day. Minutes count from the day's midnight, as a shift's do (over 1440
    after the next midnight); both None unless `part` is HOURS.
    """

    request: int
    kind: str
    part: DayPart
    start_min: int | None = None
    end_min: int | None = None


class ApprovedOvertime(Struct, frozen=True, kw_only=True):
    """Approved for this interval of wall seconds, half open."""

    request: int
    start: int
    end: int


class AddedPunch(Struct, frozen=True, kw_only=True):
    """A punch that no device recorded, approved: a correction, or one made on a phone.

    It counts beside the raw log, which it never changes. `at` in wall seconds; `direction` is a
    protocols.records.Direction. Latitude and longitude only of a punch made on a phone.
    """

    request: int
    at: int
    direction: str
    reason: str
    approved_by: str
    latitude: float | None = None
    longitude: float | None = None

    @property
    def event_id(self) -> str:
        """For the lists of used and ignored punches; no device's event id looks like it."""
        return f"request:{self.request}"


class ManualDay(Struct, frozen=True, kw_only=True):
    """The day's minutes as two people decided them; the punches stay visible beside them."""

    request: int
    regular_min: int
    overtime_min: int
    reason: str
    approved_by: str


class Trip(Struct, frozen=True, kw_only=True):
    """Approved work away from the site: a day without punches is no absence."""

    request: int
    place: str


class PlannedDay(Struct, frozen=True, kw_only=True):
    """What was due on `day`.

    shifts   empty: nothing is planned, and punches of the day belong to no shift
    due      whether work was expected; on a day that is not due `shifts` are those by which to
             measure whoever comes
    rules    name of the rule set
    sources  what the plan was made from, for people ("team A: rotation r4 from 2026-10-01")
    """

    day: date
    kind: DayKind
    due: bool
    shifts: tuple[Shift, ...]
    choice: ShiftChoice = ShiftChoice.ASSIGNED
    rules: str = DEFAULT_RULES
    leaves: tuple[LeaveSpan, ...] = ()
    overtime_approved: tuple[ApprovedOvertime, ...] = ()
    added_punches: tuple[AddedPunch, ...] = ()
    manual: ManualDay | None = None
    trips: tuple[Trip, ...] = ()
    flags: tuple[PlanFlag, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def on_leave_all_day(self) -> bool:
        parts = {leave.part for leave in self.leaves}
        return DayPart.WHOLE in parts or {DayPart.FIRST_HALF, DayPart.SECOND_HALF} <= parts

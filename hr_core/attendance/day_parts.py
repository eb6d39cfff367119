"""What a computed day is made of, beside its sums."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

Counts = Literal["regular", "overtime", "nothing"]


class DayFlag(StrEnum):
    """What somebody who reads the day should know, though it was computed."""

    DST = "dst"  # the site's clock was put forward or back within the day's window
    HIRED_MID_SHIFT = "hired_mid_shift"  # the person joined while the shift of this day ran
    LEFT_MID_SHIFT = "left_mid_shift"  # … or left
    NO_DEVICE = (
        "no_device"  # no device knows the person: absence cannot be told from no way to punch
    )
    SEVERAL_ZONES = "several_zones"  # punches of devices in different zones


class Why(StrEnum):
    """The reason of an interval."""

    BEFORE_SHIFT = "before_shift"
    WORK = "work"
    BREAK = "break"
    LATE = "late"
    WITHIN_GRACE = "within_grace"
    EARLY_LEAVE = "early_leave"
    LEAVE = "leave"
    AFTER_SHIFT = "after_shift"
    FREE_DAY = "free_day"
    BELOW_STEP = "below_overtime_step"
    BELOW_MINIMUM = "below_overtime_minimum"
    NOT_APPROVED = "not_approved"  # punched beyond the plan, and outside what was approved
    NOT_PUNCHED = "not_punched"  # approved beyond the plan, and nobody was there
    COUNTED_UNPUNCHED = "counted_unpunched"  # … and it counts as approved
    AWAY = "away"
    BETWEEN_SHIFTS = "between_shifts"
    BY_HAND = "by_hand"
    BY_RULE = "by_rule"


class DayInterval(Struct, frozen=True, kw_only=True):
    """Wall seconds, half open; both None for time that lies at no time of day (`by_hand`).

    `minutes` is what counts: on a day on which the clock is put forward it is less than the clock
    shows.
    """

    start: int | None
    end: int | None
    minutes: int
    counts: Counts
    why: str
    work_centre: str | None = None


class DayLeave(Struct, frozen=True, kw_only=True):
    """Approved leave of the day; `minutes` of due time that it covers and nobody worked in."""

    request: int
    kind: str
    minutes: int


class DayCorrection(Struct, frozen=True, kw_only=True):
    """An approved request that this day was computed with. `kind`: added_punch, manual_day, trip."""

    request: int
    kind: str
    reason: str = ""
    approved_by: str = ""


class WaitingDevice(Struct, frozen=True, kw_only=True):
    """The device's records are complete until `since` (aware UTC), None: nothing is known of them."""

    device: str
    since: datetime | None

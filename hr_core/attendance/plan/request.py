"""What people ask for about a day, and what became of it. Times are the site's wall clock."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.plan.model import DayPart
from hr_core.clock import DAY_MIN
from hr_core.errors import RefusedError
from protocols.records import Direction

# A year of leave is 366 days; longer absence is a change of the contract.
MAX_SPAN_DAYS = 366
FIRST_YEAR, LAST_YEAR = 1900, 9000
MAX_WORD = 200
MAX_TEXT = 2_000  # a reason is a sentence or two, evidence a name; the audit log has the same cap
MAX_OVERTIME = timedelta(hours=24)
_EARTH_M = 40_000_000.0  # also keeps out what is no number


class RefusedRequestError(RefusedError):
    """The request cannot be taken as asked. `rule` is a word for programs."""

    def __init__(self, rule: str, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.rule = rule


class RequestState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Relation(StrEnum):
    """Who asks for whom."""

    SELF = "self"
    LEADER = "leader"
    HR = "hr"


class Leave(Struct, frozen=True, kw_only=True, tag="leave"):
    """From `first` to `last`, both included. Hours (`start_min`, `end_min` after the midnight of
    `first`) are asked for one day.
    """

    leave: str
    first: date
    last: date
    begins_midday: bool = False
    ends_midday: bool = False
    start_min: int | None = None
    end_min: int | None = None

    @property
    def days(self) -> tuple[date, date]:
        return self.first, self.last + timedelta(days=1)

    def part_on(self, day: date) -> DayPart:
        if self.start_min is not None:
            return DayPart.HOURS
        if day == self.first and self.begins_midday:
            return DayPart.SECOND_HALF
        if day == self.last and self.ends_midday:
            return DayPart.FIRST_HALF
        return DayPart.WHOLE


class Overtime(Struct, frozen=True, kw_only=True, tag="overtime"):
    """`kind` is the plan's kind of `day` when it was asked; None only in the question."""

    day: date
    start: datetime
    end: datetime
    kind: DayKind | None = None

    @property
    def days(self) -> tuple[date, date]:
        return self.day, self.day + timedelta(days=1)


class MissingPunch(Struct, frozen=True, kw_only=True, tag="missing_punch"):
    """`day` is the shift day it belongs to; `cause` a kind of the correction policy."""

    day: date
    at: datetime
    direction: Direction
    cause: str

    @property
    def days(self) -> tuple[date, date]:
        return self.day, self.day + timedelta(days=1)


class DayByHand(Struct, frozen=True, kw_only=True, tag="manual_day"):
    day: date
    regular_min: int
    overtime_min: int

    @property
    def days(self) -> tuple[date, date]:
        return self.day, self.day + timedelta(days=1)


class AskedTrip(Struct, frozen=True, kw_only=True, tag="trip"):
    """From `first` to `last`, both included."""

    first: date
    last: date
    place: str

    @property
    def days(self) -> tuple[date, date]:
        return self.first, self.last + timedelta(days=1)


class MobilePunch(Struct, frozen=True, kw_only=True, tag="mobile_punch"):
    """A punch made on a phone. `found` is filled in by the core: where it was made, for people."""

    day: date
    at: datetime
    direction: Direction
    latitude: float
    longitude: float
    accuracy_m: float
    outside: bool = True
    found: str = ""

    @property
    def days(self) -> tuple[date, date]:
        return self.day, self.day + timedelta(days=1)


class Reversal(Struct, frozen=True, kw_only=True, tag="reversal"):
    """Takes back the approved request `of`; the span is that request's."""

    of: int
    first: date
    until: date

    @property
    def days(self) -> tuple[date, date]:
        return self.first, self.until


Body = Leave | Overtime | MissingPunch | DayByHand | AskedTrip | MobilePunch | Reversal


class Request(Struct, frozen=True, kw_only=True):
    """`days` of a body are half open. `queued_days` were locked when it was approved; what it changes on
    them waits as corrections (hr_core.store.attendance_locks), at the earliest for the period of
    `settles_on`.
    """

    id: int
    person: str
    body: Body
    state: RequestState
    asked_at: datetime
    asked_by: str
    relation: Relation
    reason: str
    evidence: str = ""
    rule_version: str = ""
    decided_at: datetime | None = None
    decided_by: str = ""
    decision: str = ""
    queued_days: tuple[date, ...] = ()
    settles_on: date | None = None

    @property
    def kind(self) -> str:
        return str(self.body.__struct_config__.tag)

    @property
    def open_or_approved(self) -> bool:
        return self.state in {RequestState.ASKED, RequestState.APPROVED}


def check_body(body: Body) -> None:
    """What no policy can allow. Raises RefusedRequestError."""
    _check_bounds(body)
    first, until = body.days
    if not 0 < (until - first).days <= MAX_SPAN_DAYS:
        raise RefusedRequestError(
            "span",
            f"{first} to {until - timedelta(days=1)} is no span of 1 to {MAX_SPAN_DAYS} days",
            remedy="correct the first and the last day",
        )
    match body:
        case Leave():
            _check_leave(body)
        case Overtime():
            _check_overtime(body)
        case MissingPunch() | MobilePunch():
            _check_near(body.day, body.at)
        case DayByHand():
            _check_manual_day(body)
        case AskedTrip() | Reversal():
            pass
    if isinstance(body, MobilePunch):
        _check_position(body)


def _check_bounds(body: Body) -> None:
    """Before anything is computed with them: API and files give any date and any text."""
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
            raise RefusedRequestError("span", f"{value} is no day to ask for", remedy="correct it")
        if isinstance(value, datetime) and value.tzinfo is not None:
            raise RefusedRequestError(
                "zone", f"{value} has a zone", remedy="give the site's wall clock without a zone"
            )
        if isinstance(value, str):
            check_text(name, value, MAX_WORD)


def check_text(name: str, text: str, most: int) -> None:
    """Raises RefusedRequestError."""
    if len(text) > most or "\0" in text:  # PostgreSQL stores no NUL
        raise RefusedRequestError(
            "text", f"{name} has a NUL or more than {most} characters", remedy=f"shorten the {name}"
        )


def _check_leave(leave: Leave) -> None:
    hours = leave.start_min, leave.end_min
    if hours != (None, None):
        start, end = hours
        one_day = leave.first == leave.last and not leave.begins_midday and not leave.ends_midday
        # The hours of a night shift lie up to the end of the next day.
        if not one_day or start is None or end is None or not 0 <= start < end <= 2 * DAY_MIN:
            raise RefusedRequestError(
                "hours", "hours of leave have a start before an end, on one day",
                remedy="give one day and both times; ask once for each day",
            )  # fmt: skip
    elif leave.first == leave.last and leave.begins_midday and leave.ends_midday:
        raise RefusedRequestError(
            "span", "the leave begins and ends at the same midday",
            remedy="ask for the first or the second half of the day",
        )  # fmt: skip


def _check_overtime(overtime: Overtime) -> None:
    if not timedelta(0) < overtime.end - overtime.start <= MAX_OVERTIME:
        raise RefusedRequestError(
            "span",
            f"overtime from {overtime.start} to {overtime.end} is not between 0 and 24 hours",
            remedy="correct its start and end",
        )
    _check_near(overtime.day, overtime.start)


def _check_near(day: date, at: datetime) -> None:
    """A day's punches lie between the day before (an early start) and the day after (a night)."""
    if abs((at.date() - day).days) > 1:
        raise RefusedRequestError(
            "day", f"{at} is more than a day away from the shift day {day}",
            remedy="correct the time, or the day on which the shift began",
        )  # fmt: skip


def _check_manual_day(day: DayByHand) -> None:
    if min(day.regular_min, day.overtime_min) < 0 or (day.regular_min + day.overtime_min > DAY_MIN):
        raise RefusedRequestError(
            "minutes",
            f"{day.regular_min} and {day.overtime_min} minutes do not fit a day",
            remedy="minutes are not negative, and together at most 1440",
        )


def _check_position(punch: MobilePunch) -> None:
    if not (
        abs(punch.latitude) <= 90
        and abs(punch.longitude) <= 180
        and 0 <= punch.accuracy_m <= _EARTH_M
    ):
        raise RefusedRequestError(
            "position",
            f"{punch.latitude}, {punch.longitude} ± {punch.accuracy_m} m is no place on earth",
            remedy="send degrees (WGS 84) and metres as the phone gives them",
        )

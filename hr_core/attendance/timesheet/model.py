"""What goes into a time sheet and what comes out of it. Instants and lengths in seconds."""

from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.timesheet.rules import NOWHERE, MealRule, Place, RowKind


class PunchType(StrEnum):
    NORMAL = "normal"
    LUNCH = "lunch"
    BREAK = "break"


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Punch(Struct, frozen=True, kw_only=True):
    """`event_id` of the raw punch travels through rounding and splitting, so that a day can name
    its evidence; empty where a person entered it.
    """

    at: int
    direction: Direction
    type: PunchType = PunchType.NORMAL
    place: Place = NOWHERE
    event_id: str = ""


class Pair(Struct, frozen=True, kw_only=True):
    """An in with its out; one of them may be missing."""

    came: Punch | None
    left: Punch | None

    @property
    def first(self) -> Punch:
        return self.came or self.last

    @property
    def last(self) -> Punch:
        punch = self.left or self.came
        if punch is None:
            raise ValueError("a pair without punches")
        return punch

    @property
    def place(self) -> Place:
        return self.first.place

    @property
    def worked(self) -> int:
        return self.left.at - self.came.at if self.came and self.left else 0


class Shift(Struct, frozen=True):
    """Pairs that belong to one piece of work, and the day that owns it."""

    day: date
    pairs: tuple[Pair, ...]

    @property
    def start(self) -> int:
        return self.pairs[0].first.at

    @property
    def end(self) -> int:
        return self.pairs[-1].last.at


class ScheduleStatus(StrEnum):
    WORKING = "working"
    ABSENT = "absent"


class Schedule(Struct, frozen=True, kw_only=True):
    """`window`: how far from its ends a shift may begin or end and still be this one."""

    day: date
    start: int
    end: int
    status: ScheduleStatus = ScheduleStatus.WORKING
    absence: str | None = None
    window: int = 7200
    meal: MealRule | None = None
    replaces_meals: bool = False
    place: Place = NOWHERE


class Absence(Struct, frozen=True):
    """Leave entered by hand for a day; negative seconds take back."""

    day: date
    seconds: int
    pay_code: str


class ManualTotal(Struct, frozen=True):
    day: date
    seconds: int


class Row(Struct, frozen=True, kw_only=True):
    """`multiplier` times the wage is its rate. start None: laid by hand, at no time of day."""

    day: date
    kind: RowKind
    seconds: int
    start: int | None
    end: int | None
    pay_code: str | None = None
    multiplier: float = 1
    place: Place = NOWHERE


class Entries(Struct, frozen=True, kw_only=True):
    punches: tuple[Punch, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    absences: tuple[Absence, ...] = ()
    manual: tuple[ManualTotal, ...] = ()

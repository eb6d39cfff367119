"""The rules of a time sheet, as values. Instants and lengths in seconds."""

from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.rounding import RoundingMode


class Place(Struct, frozen=True):
    branch: str | None = None
    department: str | None = None


NOWHERE = Place()


class RowKind(StrEnum):
    TOTAL = "total"
    REGULAR = "regular"
    OVERTIME = "overtime"
    PREMIUM = "premium"
    ABSENCE = "absence"
    LUNCH_ADJUST = "lunch_adjust"
    BREAK_ADJUST = "break_adjust"


class Only(Struct, frozen=True):
    """Which places a rule is for (None is all of them), and which it is not for."""

    branches: frozenset[str] | None = None
    departments: frozenset[str] | None = None
    not_branches: frozenset[str] = frozenset()
    not_departments: frozenset[str] = frozenset()

    def holds(self, place: Place) -> bool:
        return (
            (self.branches is None or place.branch in self.branches)
            and (self.departments is None or place.department in self.departments)
            and place.branch not in self.not_branches
            and place.department not in self.not_departments
        )


EVERYWHERE = Only()


class HolidayEffect(StrEnum):
    NONE = "no_effect"
    ALWAYS = "always_on_holidays"
    ELIGIBLE = "always_on_eligible_holidays"
    NEVER = "never_on_holidays"


class ShiftInclusion(StrEnum):
    """Whether the part inside the filter counts, or all of a shift by where it lies: at its ends,
    by the time worked, or by all the time from its start to its end.
    """

    SPLIT = "split_shift"
    START_AND_END = "full_shift_must_start_and_end"
    START = "full_shift_must_start"
    END = "full_shift_must_end"
    MAJORITY_WORKED = "full_shift_majority_worked"
    MAJORITY_OBSERVED = "full_shift_majority_observed"


ALL_WEEK = frozenset(range(7))


class TimeFilter(Struct, frozen=True, kw_only=True):
    """Times of day on days: weekdays 0 Monday to 6 Sunday, dates inclusive. `end` at or before
    `start` reaches into the next day. No times: all day.
    """

    start: int | None = None
    end: int | None = None
    weekdays: frozenset[int] = ALL_WEEK
    holidays: HolidayEffect = HolidayEffect.NONE
    first_date: date | None = None
    last_date: date | None = None

    def holds_on(self, on: date, holidays: dict[date, bool]) -> bool:
        """`holidays`: whether the person is paid for each."""
        if self.first_date and on < self.first_date:
            return False
        if self.last_date and on > self.last_date:
            return False
        if on in holidays and self.holidays in (HolidayEffect.ALWAYS, HolidayEffect.NEVER):
            return self.holidays is HolidayEffect.ALWAYS
        if self.holidays is HolidayEffect.ELIGIBLE and holidays.get(on, False):
            return True
        return on.weekday() in self.weekdays


class Contribution(Struct, frozen=True, kw_only=True):
    """Which time feeds a rule: by pay code, by absences, by time and shift."""

    pay_codes: frozenset[str]
    absences: bool = False
    filter: TimeFilter = TimeFilter()
    inclusion: ShiftInclusion = ShiftInclusion.SPLIT


class MealMode(StrEnum):
    """Taken off by rule, put on by rule, or punched."""

    DEDUCT = "auto_deduct"
    ADD = "auto_add"
    NORMAL = "normal"


class MealDetection(StrEnum):
    """By when the person leaves, or by how long they were away."""

    TIME_WINDOW = "time_window"
    PUNCH_TIME = "punch_time"


class MealRule(Struct, frozen=True, kw_only=True):
    """A meal or a break of `amount` seconds, once `after` seconds are worked. `counts_punched`:
    deduct only what was not taken, add only up to what was. Detection looks at `detect_from` and
    `detect_length`: after the shift's start, or of the time away.
    """

    kind: RowKind
    mode: MealMode
    after: int
    amount: int
    pay_code: str
    counts_punched: bool = False
    several_breaks: bool = False
    at_active_after: bool = False
    detect: MealDetection | None = None
    detect_from: int = 0
    detect_length: int = 0


class RegularRule(Struct, frozen=True, kw_only=True):
    counts: Contribution
    pay_code: str
    order: int
    only: Only = EVERYWHERE


class OvertimePeriod(StrEnum):
    DAILY = "daily"
    SCHEDULED = "over_schedule"
    WEEKLY = "weekly"
    WEEKS = "weeks"
    HOLIDAY = "holiday"
    REST_DAY = "rest_day"
    DAYS_IN_WEEK = "days_in_week"
    CONSECUTIVE_DAYS = "consecutive_days"
    CONSECUTIVE_DAYS_IN_WEEK = "consecutive_days_in_week"


class OvertimeRule(Struct, frozen=True, kw_only=True):
    """`over`: seconds before it begins, of the day, the week, or each `weeks` weeks since the one of
    `first_period`; over_schedule adds the day's planned work to it. `days`: from which day of its
    period on, where the period counts days worked.
    """

    period: OvertimePeriod
    over: int
    pay_code: str
    multiplier: float
    counts: Contribution
    days: int = 0
    weeks: int = 1
    first_period: date = date.min
    only: Only = EVERYWHERE
    absence_lowers_threshold: bool = False


class BoundsOf(StrEnum):
    """What a premium's minimum and maximum are of."""

    DAY = "each_day"
    SHIFT = "each_shift"
    PAIR = "each_punch_pair"


class PremiumRule(Struct, frozen=True, kw_only=True):
    """Paid on top. Triggers and their maxima are on the contributing time of day and week; 0 is
    none. `whole_shift`: only a shift that lies inside the filter altogether.
    `longest_without_break`: the premium is its `minimum`, once a shift, for work that went on longer
    than this; a pause shorter than `least_break` is none.
    """

    pay_code: str
    multiplier: float
    counts: Contribution
    filter: TimeFilter = TimeFilter()
    whole_shift: bool = False
    only: Only = EVERYWHERE
    on_holidays_only: bool = False
    after_daily: int = 0
    until_daily: int = 0
    after_weekly: int = 0
    until_weekly: int = 0
    minimum: int = 0
    maximum: int = 0
    bounds: BoundsOf = BoundsOf.DAY
    minimum_shift: int | None = None
    between_shifts: int = 0
    longest_without_break: int = 0
    least_break: int = 0


class Rounded(StrEnum):
    IN = "in"
    OUT = "out"
    ALL = "all"
    DAY_TOTAL = "day_total"
    LUNCH_TOTAL = "lunch_total"
    BREAK_TOTAL = "break_total"


class RoundingCondition(StrEnum):
    """Only inside the window around a time of day, the planned time, or a length."""

    STATIC_TIME = "static_time"
    SCHEDULED_TIME = "scheduled_time"
    STATIC_TOTAL = "static_total_time"


class PunchRounding(Struct, frozen=True, kw_only=True):
    """`around`, with so many seconds `before` and `after` it: where the condition holds."""

    what: Rounded
    mode: RoundingMode
    interval: int
    grace: int
    condition: RoundingCondition | None = None
    around: int = 0
    before: int = 0
    after: int = 0


class CountedDays(StrEnum):
    CALENDAR = "calendar_days"
    SCHEDULED = "scheduled_days"
    SAME_WEEKDAY = "holiday_week_days"


class DaysAround(Struct, frozen=True):
    """So many days worked among so many."""

    worked: int
    among: int
    counted: CountedDays = CountedDays.CALENDAR


class OnHoliday(StrEnum):
    """What the person must have done on the holiday itself to be paid for it."""

    MUST_WORK = "must_work"
    MUST_NOT_WORK = "must_not_work"
    WORK_IF_SCHEDULED = "must_work_if_scheduled"
    NOT_WORK_IF_ABSENT = "must_not_work_if_scheduled_absent"
    NOT_WORK_AND_ABSENT = "must_not_work_and_be_scheduled_absent"
    NOT_WORK_NOR_SCHEDULED = "must_not_work_and_not_be_scheduled"


class HolidayAverage(Struct, frozen=True, kw_only=True):
    """The time of an average day among the `days` before the holiday: all of it over `divisor`, or
    over the days that have any. `maximum` 0 is none.
    """

    days: int
    divisor: int | None = None
    overtime: bool = True
    absence: bool = True
    maximum: int = 0


class HolidayRule(Struct, frozen=True, kw_only=True):
    """`paid` seconds; of an average at least so many. `forces_overtime`: who works is paid holiday
    overtime even where the holiday itself is not paid.
    """

    pay_code: str
    paid: int
    average: HolidayAverage | None = None
    forces_overtime: bool = True
    before: DaysAround = DaysAround(0, 0)
    after: DaysAround = DaysAround(0, 0)
    on_holiday: OnHoliday | None = None


class DayRule(StrEnum):
    STARTS = "day_shift_starts"
    ENDS = "day_shift_ends"
    MOST = "day_most_time_worked"
    SPLIT = "split_at_midnight"


class Rules(Struct, frozen=True, kw_only=True):
    zone: str
    week_starts: int
    day_rule: DayRule
    maximum_shift: int
    new_shift_gap: int
    holidays: frozenset[date] = frozenset()
    rest_days: frozenset[date] = frozenset()
    holiday_rules: tuple[HolidayRule, ...] = ()
    meals: tuple[MealRule, ...] = ()
    regular: tuple[RegularRule, ...] = ()
    overtime: tuple[OvertimeRule, ...] = ()
    premiums: tuple[PremiumRule, ...] = ()
    rounding: tuple[PunchRounding, ...] = ()

"""A rule set: which engine computes the days of its people, by which rules, from when on.

The rules are the engine's own values, so a file can say whatever the engine can do, and nothing
that it cannot.
"""

from datetime import date
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from hr_core.attendance.comprehensive import HoursScheme
from hr_core.attendance.day import AttendanceRules, FirstLastRules
from hr_core.attendance.marking import MarkRules
from hr_core.attendance.timesheet.pairing import PunchPairing
from hr_core.attendance.timesheet.rules import (
    DayRule,
    HolidayRule,
    MealRule,
    OvertimeRule,
    PremiumRule,
    PunchRounding,
    RegularRule,
    Rules,
)


class EngineName(StrEnum):
    """`first_last`: first press in, last press out (attendance/day.py). `timesheet`: punch pairs."""

    FIRST_LAST = "first_last"
    TIMESHEET = "timesheet"


Status = Literal["official", "secondary", "unverified", "house"]


class TimesheetRules(Struct, frozen=True, kw_only=True):
    """Lengths in seconds. `margin`: how far from a planned shift a punch may lie and be its own.
    `debounce`: a second press within it is the same press. `auto_check_out`: how long after the
    planned hours an open attendance ends by itself; None never.
    """

    pairing: PunchPairing = PunchPairing.BY_KEY
    week_starts: int = 1
    day_rule: DayRule
    maximum_shift: int
    new_shift_gap: int
    margin: int = 7200
    debounce: int = 60
    auto_check_out: int | None = None
    meals: tuple[MealRule, ...] = ()
    regular: tuple[RegularRule, ...]
    overtime: tuple[OvertimeRule, ...] = ()
    premiums: tuple[PremiumRule, ...] = ()
    rounding: tuple[PunchRounding, ...] = ()
    holiday_rules: tuple[HolidayRule, ...] = ()

    def at(
        self,
        zone: str,
        holidays: frozenset[date] = frozenset(),
        rest_days: frozenset[date] = frozenset(),
    ) -> Rules:
        """As the engine takes them, for a site and its calendar."""
        return Rules(
            zone=zone,
            week_starts=self.week_starts,
            day_rule=self.day_rule,
            maximum_shift=self.maximum_shift,
            new_shift_gap=self.new_shift_gap,
            holidays=holidays,
            rest_days=rest_days,
            holiday_rules=self.holiday_rules,
            meals=self.meals,
            regular=self.regular,
            overtime=self.overtime,
            premiums=self.premiums,
            rounding=self.rounding,
        )


class Period(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"


class PeriodRules(Struct, frozen=True, kw_only=True):
    """Hours judged by the period (综合工时) or not at all (不定时). `standard` seconds of a day of work;
    `holiday_fills_standard`: cities differ in whether holiday work fills the period's hours too.
    """

    scheme: HoursScheme
    period: Period = Period.MONTH
    standard_day: int = 8 * 3600
    holiday_fills_standard: bool


class TimeBankRule(Struct, frozen=True, kw_only=True):
    """Overtime of a pay code goes to the time bank (调休) instead of being paid; a lot can be taken
    for `months` months, then it is paid at `rate_percent`.
    """

    pay_code: str
    months: int
    rate_percent: int


class RuleSet(Struct, frozen=True, kw_only=True):
    """`valid_until` is the last day; None: until a later version begins."""

    name: str
    version: str
    title: str
    title_zh: str = ""
    valid_from: date
    valid_until: date | None = None
    source: str
    status: Status
    engine: EngineName
    first_last: FirstLastRules | None = None
    timesheet: TimesheetRules | None = None
    marks: MarkRules = MarkRules()
    period: PeriodRules | None = None
    time_banks: tuple[TimeBankRule, ...] = ()

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    def attendance_rules(self) -> AttendanceRules:
        """Raises ValueError for a rule set of the other engine."""
        if self.first_last is None:
            raise ValueError(f"{self.version} is not of the engine first_last")
        return self.first_last.versioned(self.version, self.source)

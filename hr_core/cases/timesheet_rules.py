"""Rules of a time sheet case, as the engine's values."""

import re
from datetime import date

from msgspec.structs import replace

from hr_core.attendance.rounding import RoundingMode
from hr_core.attendance.timesheet.rules import (
    BoundsOf,
    Contribution,
    CountedDays,
    DayRule,
    DaysAround,
    HolidayAverage,
    HolidayRule,
    MealDetection,
    MealMode,
    MealRule,
    OnHoliday,
    OvertimePeriod,
    OvertimeRule,
    PremiumRule,
    PunchRounding,
    RegularRule,
    Rounded,
    RoundingCondition,
    RowKind,
    Rules,
)
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    clock,
    day,
    flag,
    length,
    number,
    rows,
    text,
    whole,
)
from hr_core.cases.timesheet_time import contribution, enum_of, places, time_filter, zone

_PERIODS = (
    "daily", "weekly", "holiday", "days_in_week", "consecutive_days", "consecutive_days_in_week",
)  # fmt: skip
_WEEK = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_UNNUMBERED = 10**6
# The meal rule behind a schedule policy was recorded by its name only.
_POLICY_NAME = re.compile(r"(?:(\d+)min \((\w+)\)|(AutoDeduct|AutoAdd|Normal) 1hr)$")
_POLICY_MODES = {
    "AutoDeduct": MealMode.DEDUCT,
    "AutoAdd": MealMode.ADD,
    "Normal": MealMode.NORMAL,
}
_CODE_WITH_FACTOR = re.compile(r"overtime_(\d+)(?:_(\d+))?x")
_DAILY_OVER_8 = 10


class Reader:
    def __init__(self, setup: Json, rules: list[Json]) -> None:
        self._meals: list[MealRule] = []
        self._regulars: list[RegularRule] = []
        self._overtimes: list[OvertimeRule] = []
        self._premiums: list[PremiumRule] = []
        self._roundings: list[PunchRounding] = []
        self._holiday_rules: list[HolidayRule] = []
        self._holidays: set[date] = set()
        self._policies: dict[str, tuple[int, MealRule | None]] = {}
        self._named_meals: dict[str, MealRule] = {}
        self._setup = setup
        readers = {
            "pay_code": self._pay_code,
            "absence": self._absence,
            "meal": self._meal,
            "break": self._break,
            "regular": self._regular,
            "overtime": self._overtime,
            "premium": self._premium,
            "rounding": self._rounding,
            "holiday": self._holiday,
            "holiday_policy": self._holiday_policy,
            "schedule_policy": self._schedule_policy,
        }
        self._several_policies = (
            sum(isinstance(rule, dict) and rule.get("kind") == "holiday_policy" for rule in rules)
            > 1
        )
        for rule in rules:
            given = Fields(rule, "rule")
            kind = given.choice("kind", readers)
            given = Fields({key: rule[key] for key in rule if key != "kind"}, f"rule {kind}")
            readers[kind](given)
            given.done()

    def rules(self) -> Rules:
        given = Fields(self._setup, "setup")
        rules = Rules(
            zone=given.read("timezone", zone),
            week_starts=_WEEK.index(given.choice("week_starts", _WEEK)),
            day_rule=DayRule(given.choice("day_rule", list(DayRule))),
            maximum_shift=given.read("max_shift_seconds", length),
            new_shift_gap=given.read("new_shift_gap_seconds", length),
            holidays=frozenset(self._holidays),
            holiday_rules=tuple(self._holiday_rules),
            meals=tuple(self._meals),
            regular=tuple(self._regulars),
            overtime=tuple(self._overtimes),
            premiums=tuple(self._premiums),
            rounding=tuple(self._roundings),
        )
        given.done()
        return rules

    def policy(self, name: Json) -> tuple[int, MealRule | None]:
        """(window, meal) of a schedule policy."""
        if not isinstance(name, str) or name not in self._policies:
            raise UnsupportedError(f"schedule policy {name!r}")
        return self._policies[name]

    def _contribution(self, value: Json) -> Contribution:
        """Holidays are one calendar here, so a filter cannot take those of one of several."""
        shift = value.get("contributing_shift") if isinstance(value, dict) else None
        if self._several_policies and isinstance(shift, dict) and shift.get("holiday_policy"):
            raise UnsupportedError(
                "a contributing shift that names one of several holiday policies"
            )
        return contribution(value)

    def _pay_code(self, given: Fields) -> None:
        given.ignore("name", "multiplier")

    def _absence(self, given: Fields) -> None:
        given.ignore("type", "name")

    def _meal(self, given: Fields) -> None:
        self._meal_or_break(given, RowKind.LUNCH_ADJUST, "include_lunch_punch_time")

    def _break(self, given: Fields) -> None:
        self._meal_or_break(given, RowKind.BREAK_ADJUST, "include_break_punch_time")

    def _meal_or_break(self, given: Fields, kind: RowKind, punched: str) -> None:
        name = given.read_or("name", text, "")
        allocation = ("proportional", "at_active_after")
        detect = enum_of(given, "auto_detect_type", MealDetection)
        first = given.read_or("start_window", length, 0)
        window = given.read_or("window_length", length, 0)
        if detect is MealDetection.PUNCH_TIME:
            first = given.read("minimum_punch_time", length)
            window = given.read("maximum_punch_time", length) - first
        rule = MealRule(
            kind=kind,
            mode=MealMode(given.choice("mode", list(MealMode))),
            after=given.read("after_seconds", length),
            amount=given.read("amount_seconds", length),
            pay_code=given.read("pay_code", text),
            counts_punched=given.read_or(punched, flag, default=False),
            several_breaks=given.read_or("include_multiple_breaks", flag, default=False),
            at_active_after=given.choice("allocation_type", allocation, "proportional")
            == "at_active_after",
            detect=detect,
            detect_from=first,
            detect_length=window,
        )
        self._named_meals[name] = rule
        self._meals.append(rule)

    def _regular(self, given: Fields) -> None:
        given.ignore("name")
        counts = given.take("counts", None) or given.take("contributing_shift_policy")
        self._regulars.append(
            RegularRule(
                counts=self._contribution(counts),
                pay_code=given.read("pay_code", text),
                order=given.read_or("calculation_order", whole, _UNNUMBERED),
                only=places(given),
            )
        )

    def _overtime(self, given: Fields) -> None:
        given.ignore("name", "calculation_order")
        if "args" in given:
            self._overtime_by_arguments(given)
            return
        named = given.read("period", text)
        numbered = re.fullmatch(r"(\d+)\+_(\w+)", named)
        name = numbered[2] if numbered else named
        if name not in _PERIODS or (numbered is None) != (name in _PERIODS[:3]):
            raise UnsupportedError(f"overtime period {named!r}")
        adjust = given.choice(
            "trigger_time_adjust_contributing_shift_policy", ("counts:absence",), None
        )
        self._overtimes.append(
            OvertimeRule(
                period=OvertimePeriod(name),
                days=int(numbered[1]) if numbered else 0,
                over=given.read("over_seconds", length),
                pay_code=given.read("pay_code", text),
                multiplier=given.read("multiplier", lambda value: float(number(float(value)))),
                counts=self._contribution(given.take("counts")),
                only=places(given),
                absence_lowers_threshold=adjust is not None,
            )
        )

    def _overtime_by_arguments(self, given: Fields) -> None:
        """The recorder kept a few rules as the call that made them: 10 is daily over 8 hours."""
        type_ = given.read("type", whole)
        if type_ != _DAILY_OVER_8:
            raise UnsupportedError(f"overtime by arguments of type {type_}")
        arguments = given.read("args", rows)
        factor = _CODE_WITH_FACTOR.fullmatch(str(arguments[-1])) if len(arguments) == 3 else None
        if factor is None:
            raise UnsupportedError(f"overtime by arguments {arguments}")
        self._overtimes.append(
            OvertimeRule(
                period=OvertimePeriod.DAILY,
                over=28_800,
                pay_code=arguments[2],
                multiplier=float(f"{factor[1]}.{factor[2] or 0}"),
                counts=self._contribution(arguments[1]),
            )
        )

    def _premium(self, given: Fields) -> None:
        kinds = (
            "date_time", "shift_differential", "advanced", "holiday", "minimum_shift_time",
            "meal_break",
        )  # fmt: skip
        given.ignore("name")
        given.choice("pay_type", ("wage_times_factor",))
        kind = given.choice("type", kinds)
        self._premiums.append(
            PremiumRule(
                pay_code=given.read("pay_code", text),
                multiplier=given.read("multiplier", lambda value: float(number(float(value)))),
                counts=self._contribution(given.take("contributing_shift_policy")),
                filter=time_filter(given, "start_time", "end_time"),
                whole_shift=not given.read_or("include_partial_punch", flag, default=True),
                only=places(given),
                on_holidays_only=kind == "holiday",
                after_daily=given.read_or("daily_trigger_time", length, 0),
                until_daily=given.read_or("maximum_daily_trigger_time", length, 0),
                after_weekly=given.read_or("weekly_trigger_time", length, 0),
                until_weekly=given.read_or("maximum_weekly_trigger_time", length, 0),
                minimum=given.read_or("minimum_time", length, 0),
                maximum=given.read_or("maximum_time", length, 0),
                bounds=enum_of(given, "min_max_time_type", BoundsOf) or BoundsOf.DAY,
                minimum_shift=given.read_or("minimum_shift_time", length, None),
                between_shifts=given.read_or("minimum_time_between_shift", length, 0),
                longest_without_break=given.read_or("maximum_no_break_time", length, 0),
                least_break=given.read_or("minimum_break_time", length, 0),
            )
        )

    def _rounding(self, given: Fields) -> None:
        given.ignore("name")
        if given.read_or("strict", flag, default=False):
            raise UnsupportedError("rounding: strict")
        condition = Fields(given.take("condition", {}), "rounding.condition")
        kind = enum_of(condition, "type", RoundingCondition)
        around = 0
        if kind is RoundingCondition.STATIC_TIME:
            around = condition.read("static_time", clock)
        elif kind is RoundingCondition.STATIC_TOTAL:
            around = condition.read("static_total_time", length)
        self._roundings.append(
            PunchRounding(
                what=Rounded(given.choice("punch", list(Rounded))),
                mode=RoundingMode(given.choice("round", list(RoundingMode))),
                interval=given.read("interval_seconds", length),
                grace=given.read_or("grace_seconds", whole, 0),
                condition=kind,
                around=around,
                before=condition.read_or("start_window", length, 0),
                after=condition.read_or("stop_window", length, 0),
            )
        )
        condition.done()

    def _holiday(self, given: Fields) -> None:
        given.ignore("name")
        self._holidays.add(given.read("date", day))

    def _holiday_policy(self, given: Fields) -> None:
        given.ignore("name", "default_schedule_status")
        kind = given.choice("type", ("standard", "advanced_fixed", "advanced_average"))
        # The days around are judged by work, which is what this says.
        given.choice("eligible_contributing_shift_policy", ("counts:regular",), None)
        if given.read_or("minimum_employed_days", length, 0):
            raise UnsupportedError(
                "holiday policy: minimum_employed_days, no hire date is recorded"
            )
        rule = HolidayRule(
            pay_code=given.read("absence_policy_i_d", text),
            paid=given.read_or("minimum_time", length, 0),
            average=_average(given, kind),
            before=_days_around(given, "minimum_worked", "worked_scheduled_days"),
            after=_days_around(given, "minimum_worked_after", "worked_after_scheduled_days"),
            on_holiday=enum_of(given, "shift_on_holiday_type", OnHoliday),
            forces_overtime=given.read_or("force_over_time_policy", flag, default=False),
        )
        if kind == "standard":  # asks nothing of the days around
            nothing = DaysAround(0, 0)
            rule = replace(rule, before=nothing, after=nothing, on_holiday=None)
        self._holiday_rules.append(rule)

    def _schedule_policy(self, given: Fields) -> None:
        self._policies[given.read("name", text)] = (
            given.read("start_stop_window", length),
            self._meal_named(given.take("meal_policy")),
        )

    def _meal_named(self, name: Json) -> MealRule | None:
        if name in (-1, "-1", "ZERO"):
            return None
        if isinstance(name, str) and name in self._named_meals:
            return self._named_meals[name]
        found = _POLICY_NAME.match(str(name))
        mode = found and _POLICY_MODES.get(found[2] or found[3])
        if not found or mode is None:
            raise UnsupportedError(f"meal policy {name!r}")
        return MealRule(
            kind=RowKind.LUNCH_ADJUST,
            mode=mode,
            after=21_600,
            amount=int(found[1] or 60) * 60,
            pay_code="lunch",
        )


def _days_around(given: Fields, stem: str, counted: str) -> DaysAround:
    return DaysAround(
        given.read_or(f"{stem}_days", length, 0),
        given.read_or(f"{stem}_period_days", length, 0),
        enum_of(given, counted, CountedDays) or CountedDays.CALENDAR,
    )


def _average(given: Fields, kind: str) -> HolidayAverage | None:
    """What an average would be made of; a fixed time does not ask."""
    over = given.read_or("average_time_days", length, 0)
    made = HolidayAverage(
        days=over,
        # Days worked among them, or a fixed number.
        divisor=None
        if given.read_or("average_time_worked_days", flag, default=False)
        else given.read_or("average_days", length, over),
        overtime=given.read_or("include_over_time", flag, default=False),
        absence=given.read_or("include_paid_absence_time", flag, default=False),
        maximum=given.read_or("maximum_time", length, 0),
    )
    given.ignore("average_days")
    return made if kind == "advanced_average" else None

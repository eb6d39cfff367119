"""Rules of a time sheet case, as the engine's values."""

import re

from hr_core.attendance.rounding import RoundingMode
from hr_core.attendance.timesheet.rules import (
    Contribution,
    CountedDays,
    DayRule,
    DaysAround,
    HolidayEffect,
    HolidayRule,
    MealDetection,
    MealMode,
    MealRule,
    OnHoliday,
    Only,
    OvertimePeriod,
    OvertimeRule,
    PremiumRule,
    PunchRounding,
    RegularRule,
    Rounded,
    RoundingCondition,
    RowKind,
    Rules,
    ShiftInclusion,
    TimeFilter,
)
from tests.hr_core.attendance.case_input import Fields, UnsupportedError, clock, day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MEAL_CODES = frozenset({"regular", "lunch", "break"})
CONTRIBUTIONS = {
    "counts:regular": Contribution(pay_codes=frozenset({"regular"})),
    "counts:regular+meal/break": Contribution(pay_codes=MEAL_CODES),
    "counts:regular+meal/break+absence": Contribution(pay_codes=MEAL_CODES, absences=True),
}
PERIODS = (
    "daily", "weekly", "holiday", "days_in_week", "consecutive_days", "consecutive_days_in_week",
)  # fmt: skip
UNNUMBERED = 10**6
# The meal rule behind a schedule policy was recorded by its name only.
POLICY_NAME = re.compile(r"(?:(\d+)min \((\w+)\)|(AutoDeduct|AutoAdd|Normal) 1hr)$")
POLICY_MODES = {
    "AutoDeduct": MealMode.DEDUCT,
    "AutoAdd": MealMode.ADD,
    "Normal": MealMode.NORMAL,
}


class Reader:
    def __init__(self, setup, rules):
        self._lists = {
            "meals": [], "regular": [], "overtime": [], "premiums": [], "rounding": [],
            "holiday_rules": [],
        }  # fmt: skip
        self._holidays = set()
        self._policies = {}
        self._named_meals = {}
        self._setup = setup
        for rule in rules:
            given = Fields(rule, f"rule {rule.get('kind')}")
            kind = given.take("kind")
            reader = getattr(self, f"_{kind}", None)
            if reader is None:
                raise UnsupportedError(f"rule {kind!r}")
            reader(given)
            given.done()

    def rules(self) -> Rules:
        given = Fields(self._setup, "setup")
        week = given.choice("week_starts", ("sunday", "monday"))
        rules = Rules(
            zone=given.take("timezone"),
            week_starts=0 if week == "sunday" else 1,
            day_rule=DayRule(given.choice("day_rule", list(DayRule))),
            maximum_shift=given.take("max_shift_seconds"),
            new_shift_gap=given.take("new_shift_gap_seconds"),
            holidays=frozenset(self._holidays),
            **{name: tuple(made) for name, made in self._lists.items()},
        )
        given.done()
        return rules

    def policy(self, name):
        """(window, meal) of a schedule policy."""
        if name not in self._policies:
            raise UnsupportedError(f"schedule policy {name!r}")
        return self._policies[name]

    def _pay_code(self, given):
        given.ignore("name", "multiplier")

    def _absence(self, given):
        given.ignore("type")

    def _meal(self, given):
        self._meal_or_break(given, RowKind.LUNCH_ADJUST, "include_lunch_punch_time")

    def _break(self, given):
        self._meal_or_break(given, RowKind.BREAK_ADJUST, "include_break_punch_time")

    def _meal_or_break(self, given, kind, punched):
        name = given.take("name", None)
        allocation = ("proportional", "at_active_after")
        detect = _enum(given, "auto_detect_type", MealDetection)
        first, length = given.take("start_window", 0), given.take("window_length", 0)
        if detect is MealDetection.PUNCH_TIME:
            first = given.take("minimum_punch_time")
            length = given.take("maximum_punch_time") - first
        rule = MealRule(
            kind=kind,
            mode=MealMode(given.choice("mode", list(MealMode))),
            after=given.take("after_seconds"),
            amount=given.take("amount_seconds"),
            pay_code=given.take("pay_code"),
            counts_punched=given.take(punched, False),
            several_breaks=given.take("include_multiple_breaks", False),
            at_active_after=given.choice("allocation_type", allocation, "proportional")
            == "at_active_after",
            detect=detect,
            detect_from=first,
            detect_length=length,
        )
        self._named_meals[name] = rule
        self._lists["meals"].append(rule)

    def _regular(self, given):
        given.ignore("name")
        counts = given.take("counts", None) or given.take("contributing_shift_policy")
        self._lists["regular"].append(
            RegularRule(
                counts=_contribution(counts),
                pay_code=given.take("pay_code"),
                order=given.take("calculation_order", UNNUMBERED),
                only=_only(given),
            )
        )

    def _overtime(self, given):
        given.ignore("name", "calculation_order")
        if "args" in given:
            self._overtime_by_arguments(given)
            return
        text = given.take("period")
        numbered = re.fullmatch(r"(\d+)\+_(\w+)", text)
        name = numbered[2] if numbered else text
        if name not in PERIODS:
            raise UnsupportedError(f"overtime period {text!r}")
        adjust = given.choice(
            "trigger_time_adjust_contributing_shift_policy", ("counts:absence",), None
        )
        self._lists["overtime"].append(
            OvertimeRule(
                period=OvertimePeriod(name),
                days=int(numbered[1]) if numbered else 0,
                over=given.take("over_seconds"),
                pay_code=given.take("pay_code"),
                multiplier=float(given.take("multiplier")),
                counts=_contribution(given.take("counts")),
                only=_only(given),
                absence_lowers_threshold=adjust is not None,
            )
        )

    def _overtime_by_arguments(self, given):
        """The recorder kept a few rules as the call that made them: 10 is daily over 8 hours."""
        given.choice("type", (10,))
        arguments = given.take("args")
        if len(arguments) != 3 or arguments[2] != "overtime_1_5x":
            raise UnsupportedError(f"overtime by arguments {arguments}")
        self._lists["overtime"].append(
            OvertimeRule(
                period=OvertimePeriod.DAILY,
                over=28_800,
                pay_code=arguments[2],
                multiplier=1.5,
                counts=_contribution(arguments[1]),
            )
        )

    def _premium(self, given):
        kinds = ("date_time", "shift_differential", "advanced", "holiday", "minimum_shift_time")
        given.ignore("name")
        given.choice("pay_type", ("wage_times_factor",))
        kind = given.choice("type", kinds)
        if given.take("maximum_no_break_time", 0):
            raise UnsupportedError("premium: maximum_no_break_time")
        self._lists["premiums"].append(
            PremiumRule(
                pay_code=given.take("pay_code"),
                multiplier=float(given.take("multiplier")),
                counts=_contribution(given.take("contributing_shift_policy")),
                filter=_filter(given, "start_time", "end_time"),
                whole_shift=not given.take("include_partial_punch", True),
                only=_only(given),
                on_holidays_only=kind == "holiday",
                after_daily=given.take("daily_trigger_time", 0),
                until_daily=given.take("maximum_daily_trigger_time", 0),
                after_weekly=given.take("weekly_trigger_time", 0),
                until_weekly=given.take("maximum_weekly_trigger_time", 0),
                minimum=given.take("minimum_time", 0),
                maximum=given.take("maximum_time", 0),
                per_pair=given.choice(
                    "min_max_time_type", ("each_day", "each_punch_pair"), "each_day"
                )
                == "each_punch_pair",
                minimum_shift=given.take("minimum_shift_time", None),
                between_shifts=given.take("minimum_time_between_shift", 0),
            )
        )

    def _rounding(self, given):
        if given.take("strict"):
            raise UnsupportedError("rounding: strict")
        condition = Fields(given.take("condition", {}), "rounding.condition")
        kind = _enum(condition, "type", RoundingCondition)
        around = 0
        if kind is RoundingCondition.STATIC_TIME:
            around = clock(condition.take("static_time"))
        elif kind is RoundingCondition.STATIC_TOTAL:
            around = condition.take("static_total_time")
        self._lists["rounding"].append(
            PunchRounding(
                what=Rounded(given.choice("punch", list(Rounded))),
                mode=RoundingMode(given.choice("round", list(RoundingMode))),
                interval=given.take("interval_seconds"),
                grace=given.take("grace_seconds"),
                condition=kind,
                around=around,
                before=condition.take("start_window", 0),
                after=condition.take("stop_window", 0),
            )
        )
        condition.done()

    def _holiday(self, given):
        given.ignore("name")
        self._holidays.add(day(given.take("date")))

    def _holiday_policy(self, given):
        # What an average would be made of; a fixed time does not ask.
        given.ignore(
            "name", "average_time_days", "average_time_worked_days", "include_over_time",
            "include_paid_absence_time", "default_schedule_status",
        )  # fmt: skip
        given.choice("type", ("standard", "advanced_fixed"))
        given.choice("eligible_contributing_shift_policy", ("counts:regular",), None)
        given.choice("force_over_time_policy", (True,))
        paid = given.take("minimum_time")
        if given.take("minimum_employed_days") or given.take("maximum_time") != paid:
            raise UnsupportedError("holiday policy: employed days, or a time between two bounds")
        self._lists["holiday_rules"].append(
            HolidayRule(
                pay_code=given.take("absence_policy_i_d"),
                paid=paid,
                before=DaysAround(
                    given.take("minimum_worked_days"),
                    given.take("minimum_worked_period_days"),
                    CountedDays(
                        given.choice("worked_scheduled_days", list(CountedDays), "calendar_days")
                    ),
                ),
                after=DaysAround(
                    given.take("minimum_worked_after_days", 0),
                    given.take("minimum_worked_after_period_days", 0),
                    CountedDays(
                        given.choice(
                            "worked_after_scheduled_days", list(CountedDays), "calendar_days"
                        )
                    ),
                ),
                on_holiday=_enum(given, "shift_on_holiday_type", OnHoliday),
            )
        )

    def _schedule_policy(self, given):
        name = given.take("name")
        self._policies[name] = (
            given.take("start_stop_window"),
            self._meal_named(given.take("meal_policy")),
        )

    def _meal_named(self, name):
        if name in (-1, "ZERO"):
            return None
        if name in self._named_meals:
            return self._named_meals[name]
        found = POLICY_NAME.match(str(name))
        if not found:
            raise UnsupportedError(f"meal policy {name!r}")
        minutes, mode = (int(found[1]), found[2]) if found[1] else (60, found[3])
        return MealRule(
            kind=RowKind.LUNCH_ADJUST,
            mode=POLICY_MODES[mode],
            after=21_600,
            amount=minutes * 60,
            pay_code="lunch",
        )


def _contribution(value):
    if isinstance(value, str):
        if value not in CONTRIBUTIONS:
            raise UnsupportedError(f"contribution {value!r}")
        return CONTRIBUTIONS[value]
    outer = Fields(value, "counts")
    given = Fields(outer.take("contributing_shift"), "contributing_shift")
    outer.done()
    codes = Fields(given.take("contributing_pay_code_policy"), "pay codes")
    inclusion = given.choice("include_shift_type", list(ShiftInclusion))
    given.ignore("name")
    given.choice("holiday_policy", ("Default",), None)
    made = Contribution(
        pay_codes=frozenset(codes.take("pay_codes")),
        filter=_filter(given, "filter_start_time", "filter_end_time"),
        inclusion=ShiftInclusion(inclusion),
    )
    codes.done()
    given.done()
    return made


def _filter(given, start, end):
    first, last = given.take("start_date", "") or None, given.take("end_date", "") or None
    begins, ends = given.take(start, "") or None, given.take(end, "") or None
    return TimeFilter(
        start=begins and clock(begins),
        end=ends and clock(ends),
        weekdays=frozenset(n for n, name in enumerate(WEEKDAYS) if given.take(name, True)),
        holidays=HolidayEffect(
            given.choice("include_holiday_type", list(HolidayEffect), "no_effect")
        ),
        first_date=first and day(first),
        last_date=last and day(last),
    )


def _enum(given, key, kind):
    value = given.choice(key, list(kind), None)
    return value and kind(value)


def _only(given):
    return Only(_places(given, "branch"), _places(given, "department"))


def _places(given, what):
    kind = given.choice(f"{what}_selection_type", ("all", "only"), "all")
    names = given.take(what, None)
    if given.take(f"exclude_default_{what}", False):
        raise UnsupportedError(f"exclude_default_{what}")
    return frozenset(names or ()) if kind == "only" else None

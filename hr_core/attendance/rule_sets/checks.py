"""What cannot hold in a rule set, though each of its values is one that the engine knows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import TypeVar

from hr_core.attendance.comprehensive import HoursScheme
from hr_core.attendance.marking import MarkRules
from hr_core.attendance.rule_sets.errors import Problem
from hr_core.attendance.rule_sets.model import EngineName, RuleSet, TimesheetRules
from hr_core.attendance.timesheet.rules import (
    HolidayRule,
    MealMode,
    MealRule,
    Only,
    OvertimePeriod,
    OvertimeRule,
    PremiumRule,
    PunchRounding,
    RegularRule,
    Rounded,
    RoundingCondition,
    TimeFilter,
)
from hr_core.clock import DAY_S

_HOUR = 3600
_LONGEST_SHIFT = 36 * _HOUR
_WEEK_S = 7 * DAY_S
_BY_DAYS = (
    OvertimePeriod.DAYS_IN_WEEK,
    OvertimePeriod.CONSECUTIVE_DAYS,
    OvertimePeriod.CONSECUTIVE_DAYS_IN_WEEK,
)
_Row = TypeVar("_Row")

_PUNCHES = (Rounded.IN, Rounded.OUT, Rounded.ALL)


def problems_of(rules: RuleSet) -> Iterator[Problem]:
    if rules.valid_until is not None and rules.valid_until < rules.valid_from:
        yield Problem("valid_until", f"{rules.valid_until} lies before valid_from")
    tables = {
        EngineName.FIRST_LAST: rules.first_last,
        EngineName.TIMESHEET: rules.timesheet,
    }
    for engine, table in tables.items():
        if engine is rules.engine and table is None:
            yield Problem(engine, f"is missing: the engine is {rules.engine}")
        if engine is not rules.engine and table is not None:
            yield Problem(engine, f"cannot hold beside the engine {rules.engine}: drop one")
    if rules.first_last is not None:
        if rules.first_last.overtime_step_min < 1:
            yield Problem("first_last.overtime_step_min", "is less than a minute")
        if rules.time_banks:
            yield Problem("time_banks", "need the pay codes of the engine timesheet")
    yield from _marks(rules.marks)
    if rules.timesheet is not None:
        yield from _timesheet(rules.timesheet)
        yield from _banks(rules, rules.timesheet)
    yield from _period(rules)


def _marks(marks: MarkRules) -> Iterator[Problem]:
    if marks.half_day_below and marks.absent_below > marks.half_day_below:
        yield Problem("marks", "absent_below is above half_day_below: a half day could not be")
    if max(marks.half_day_below, marks.absent_below) > DAY_S:
        yield Problem("marks", "a threshold is longer than a day")


def _timesheet(sheet: TimesheetRules) -> Iterator[Problem]:
    if not 0 < sheet.maximum_shift <= _LONGEST_SHIFT:
        yield Problem("timesheet.maximum_shift", "is not between a moment and 36 hours")
    if sheet.new_shift_gap >= sheet.maximum_shift:
        yield Problem("timesheet.new_shift_gap", "is not shorter than maximum_shift")
    if not sheet.regular:
        yield Problem("timesheet.regular", "has no row: no time would be paid")
    yield from _meals(sheet)
    yield from _regular(sheet.regular)
    yield from _overtime(sheet)
    for where, premium in _rows("premiums", sheet.premiums):
        yield from (Problem(where, reason) for reason in _premium(premium))
    yield from _rounding(sheet.rounding)
    for where, holiday in _rows("holiday_rules", sheet.holiday_rules):
        yield from (Problem(where, reason) for reason in _holiday(holiday))


def _rows(table: str, rows: Sequence[_Row]) -> Iterator[tuple[str, _Row]]:
    for number, row in enumerate(rows, 1):
        yield f"timesheet.{table} row {number}", row


def _meals(sheet: TimesheetRules) -> Iterator[Problem]:
    for where, meal in _rows("meals", sheet.meals):
        yield from (Problem(where, reason) for reason in _meal(meal, sheet.maximum_shift))
    for (_, one), (where, other) in combinations(_rows("meals", sheet.meals), 2):
        same = (one.kind, one.mode, one.after) == (other.kind, other.mode, other.after)
        if same and one.mode is not MealMode.NORMAL:
            yield Problem(where, "and a row before it take the same meal after the same time")


def _meal(meal: MealRule, longest: int) -> Iterator[str]:
    if meal.amount <= 0:
        yield "amount is nothing"
    if meal.mode is MealMode.DEDUCT and meal.amount > meal.after:
        yield "amount is longer than the work after which it is taken"
    if meal.amount > longest or meal.after > longest:
        yield "is longer than the longest shift"
    if meal.detect is not None and meal.detect_length <= 0:
        yield "detect needs detect_length: a window of no length finds nothing"


def _regular(rows: Sequence[RegularRule]) -> Iterator[Problem]:
    for (_, one), (where, other) in combinations(_rows("regular", rows), 2):
        if one.order == other.order and _meet(one.only, other.only):
            yield Problem(
                where, f"has the order {other.order} of a row before it, for the same places"
            )


def _meet(one: Only, other: Only) -> bool:
    """Whether some place can be in both."""

    def apart(
        wanted: frozenset[str] | None, others: frozenset[str] | None, excluded: frozenset[str]
    ) -> bool:
        if wanted is None:
            return False
        return (others is not None and not wanted & others) or wanted <= excluded

    return not (
        apart(one.branches, other.branches, other.not_branches)
        or apart(other.branches, one.branches, one.not_branches)
        or apart(one.departments, other.departments, other.not_departments)
        or apart(other.departments, one.departments, one.not_departments)
    )


def _overtime(sheet: TimesheetRules) -> Iterator[Problem]:
    rows = list(_rows("overtime", sheet.overtime))
    for where, rule in rows:
        yield from (Problem(where, reason) for reason in _overtime_row(rule))
        if rule.period is OvertimePeriod.HOLIDAY and not sheet.holiday_rules:
            yield Problem(where, "needs a row in timesheet.holiday_rules, or no day is a holiday")
    rates: dict[str, float] = {}
    for where, rule in rows:
        if rates.setdefault(rule.pay_code, rule.multiplier) != rule.multiplier:
            yield Problem(
                where, f"pays {rule.pay_code!r} at {rule.multiplier:g}, a row before it does not"
            )
    yield from _thresholds(rows)


def _overtime_row(rule: OvertimeRule) -> Iterator[str]:
    longest = DAY_S if rule.period not in (OvertimePeriod.WEEKLY, OvertimePeriod.WEEKS) else _WEEK_S
    if rule.over > longest * rule.weeks:
        yield "over is longer than its period"
    if rule.period in _BY_DAYS and rule.days < 1:
        yield f"{rule.period} needs days: from which day on"
    if rule.period not in _BY_DAYS and rule.days:
        yield f"{rule.period} does not count days"
    if rule.period is OvertimePeriod.DAYS_IN_WEEK and rule.days > 7:
        yield "days is more than a week has"
    if (rule.period is OvertimePeriod.WEEKS) != (rule.weeks > 1):
        yield "weeks is for the period weeks, and at least 2"
    if not rule.counts.pay_codes and not rule.counts.absences:
        yield "counts nothing"
    yield from _filter(rule.counts.filter)


def _thresholds(rows: Iterable[tuple[str, OvertimeRule]]) -> Iterator[Problem]:
    """In one period, for one place and one kind of time, more hours never pay less."""
    groups: defaultdict[object, list[tuple[str, OvertimeRule]]] = defaultdict(list)
    for where, rule in rows:
        key = (rule.period, rule.days, rule.weeks, rule.first_period, rule.only, rule.counts)
        groups[key].append((where, rule))
    for group in groups.values():
        ordered = sorted(group, key=lambda row: row[1].over)
        for (_, lower), (where, higher) in pairwise(ordered):
            if lower.over == higher.over:
                yield Problem(
                    where, "begins where another row of its period does: they cannot both hold"
                )
            elif higher.multiplier <= lower.multiplier:
                yield Problem(
                    where,
                    "begins later than another row of its period and pays no more: thresholds out of order",
                )


def _premium(rule: PremiumRule) -> Iterator[str]:
    if rule.maximum and rule.minimum > rule.maximum:
        yield "minimum is above maximum"
    if rule.until_daily and rule.until_daily <= rule.after_daily:
        yield "until_daily is not above after_daily: nothing lies between"
    if rule.until_weekly and rule.until_weekly <= rule.after_weekly:
        yield "until_weekly is not above after_weekly: nothing lies between"
    if rule.longest_without_break and not rule.minimum:
        yield "longest_without_break needs minimum: what is paid then"
    if rule.longest_without_break and rule.minimum_shift is not None:
        yield "longest_without_break and minimum_shift cannot both hold"
    yield from _filter(rule.filter)
    yield from _filter(rule.counts.filter)


def _filter(filter_: TimeFilter) -> Iterator[str]:
    if (filter_.start is None) != (filter_.end is None):
        yield "a filter has start and end, or neither"
    if filter_.first_date and filter_.last_date and filter_.first_date > filter_.last_date:
        yield "first_date lies after last_date"
    if any(not 0 <= (time or 0) <= DAY_S for time in (filter_.start, filter_.end)):
        yield "a filter's time is no time of day"


def _rounding(rows: Sequence[PunchRounding]) -> Iterator[Problem]:
    for where, rule in _rows("rounding", rows):
        yield from (Problem(where, reason) for reason in _rounding_row(rule))
    for (_, one), (where, other) in combinations(_rows("rounding", rows), 2):
        same = one.what is other.what or (
            one.what is Rounded.ALL and other.what in (Rounded.IN, Rounded.OUT)
        )
        if same and one.condition is None:
            yield Problem(where, f"never applies: a row before it rounds every {one.what} already")


def _rounding_row(rule: PunchRounding) -> Iterator[str]:
    if not 0 < rule.interval <= DAY_S:
        yield "interval is not between a second and a day"
    if abs(rule.grace) >= rule.interval > 0:
        yield "grace is not shorter than interval"
    if rule.condition is None:
        if rule.before or rule.after:
            yield "before and after need a condition"
        return
    if rule.before + rule.after <= 0:
        yield "the condition's window (before, after) has no length"
    if (rule.what in _PUNCHES) == (rule.condition is RoundingCondition.STATIC_TOTAL):
        yield f"{rule.condition} is not a condition for {rule.what}"


def _holiday(rule: HolidayRule) -> Iterator[str]:
    for side, days in (("before", rule.before), ("after", rule.after)):
        if days.worked > days.among:
            yield f"{side}: worked is more than among"
    if rule.average:
        if rule.average.days < 1:
            yield "average: days is nothing"
        if rule.average.divisor == 0:
            yield "average: divisor is nothing"
        if 0 < rule.average.maximum < rule.paid:
            yield "average: maximum is below paid"
    if rule.paid > DAY_S:
        yield "paid is longer than a day"


def _banks(rules: RuleSet, sheet: TimesheetRules) -> Iterator[Problem]:
    codes = {rule.pay_code for rule in sheet.overtime}
    banked: set[str] = set()
    for number, bank in enumerate(rules.time_banks, 1):
        where = f"time_banks row {number}"
        if bank.pay_code not in codes:
            yield Problem(where, f"no overtime row writes {bank.pay_code!r}")
        if bank.pay_code in banked:
            yield Problem(where, f"{bank.pay_code!r} is banked by a row before it")
        if bank.months < 1:
            yield Problem(where, "months is less than one: the time could not be taken")
        banked.add(bank.pay_code)


def _period(rules: RuleSet) -> Iterator[Problem]:
    if rules.period is None:
        return
    if not 0 < rules.period.standard_day <= DAY_S:
        yield Problem("period.standard_day", "is not between a moment and a day")
    judged_by_day = (
        rule.period in (OvertimePeriod.DAILY, OvertimePeriod.WEEKLY, OvertimePeriod.REST_DAY)
        for rule in (rules.timesheet.overtime if rules.timesheet else ())
    )
    for number, by_day in enumerate(judged_by_day, 1):
        if by_day:
            scheme = HoursScheme(rules.period.scheme)
            yield Problem(
                f"timesheet.overtime row {number}",
                f"cannot hold with the period {scheme}: the same hours would be paid twice",
            )

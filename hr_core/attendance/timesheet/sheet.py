"""The time sheet: every day's rows from entries and rules, a pure function of both."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.timesheet.absences import (
    Averages,
    absence_rows,
    average_paid,
    days_worked,
    eligible,
    scheduled_seconds,
)
from hr_core.attendance.timesheet.adjustments import Adjustment, adjust
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Entries,
    Pair,
    Punch,
    Row,
    ScheduleStatus,
    Shift,
)
from hr_core.attendance.timesheet.overtime import DayTime, assign_overtime
from hr_core.attendance.timesheet.premiums import premiums, shift_of
from hr_core.attendance.timesheet.punch_rounding import round_punch, round_totals
from hr_core.attendance.timesheet.rules import (
    Contribution,
    DayRule,
    MealRule,
    RegularRule,
    RowKind,
    Rules,
    ShiftInclusion,
)
from hr_core.attendance.timesheet.schedules import schedule_of
from hr_core.attendance.timesheet.shifts import shifts_of
from hr_core.attendance.timesheet.time_filter import Filters, Span

_TIME = (RowKind.REGULAR, RowKind.OVERTIME, RowKind.ABSENCE)


class DaySheet(Struct, frozen=True):
    """A day's rows with its total, and the shifts that it owns. `clock_change`: seconds by which the
    clock made the day longer or shorter; the rows hold true time. `shown_twice`: punches in an hour
    that came twice, so that a person can say which it was.
    """

    day: date
    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    clock_change: int = 0
    shown_twice: tuple[Punch, ...] = ()


class _Given(NamedTuple):
    entries: Entries
    rules: Rules
    shifts: Sequence[Shift]
    averages: Averages


class _Day(Struct, kw_only=True):
    day: date
    work: Shift
    adjustments: list[Adjustment]
    uncounted: list[Row]
    regular: list[Row]
    absences: list[Row]
    manual: bool


def compute_sheet(entries: Entries, rules: Rules) -> dict[date, DaySheet]:
    """All days that hold anything. Days depend on each other by week and around holidays, so they
    are computed together.
    """
    averages: dict[tuple[date, str], int] = {}
    averaging = [(rule, rule.average) for rule in rules.holiday_rules if rule.average]
    for holiday in sorted(rules.holidays) if averaging else ():
        # What an earlier holiday paid is part of the days before a later one.
        before = _compute(entries, rules, averages)
        rows = {on: sheet.rows for on, sheet in before.items()}
        for rule, average in averaging:
            averages[holiday, rule.pay_code] = average_paid(rule, average, holiday, rows)
    return _compute(entries, rules, averages)


def _compute(entries: Entries, rules: Rules, averages: Averages) -> dict[date, DaySheet]:
    shifts = rounded_shifts(entries, rules)
    paid = _paid_holidays(entries, rules, shifts)
    local = LocalTime(rules.zone)
    filters = Filters(local, paid)
    days = [
        _day(on, _Given(entries, rules, shifts, averages), filters)
        for on in _days(entries, rules, shifts)
    ]

    def contributed(counts: Contribution, row: Row) -> list[Span]:
        return filters.contributed(counts, row, shift_of(row, shifts))

    times = [_time_of(day, entries, _pays_overtime(day.day, rules, paid)) for day in days]
    timed = assign_overtime(times, rules, contributed)
    on_top: defaultdict[date, list[Row]] = defaultdict(list)
    for rule in rules.premiums:
        for row in premiums(rule, timed, shifts, rules, filters):
            on_top[row.day].append(row)
    sheets = {}
    for day in days:
        rows = [*timed[day.day], *(made.row for made in day.adjustments), *on_top[day.day]]
        own = tuple(shift for shift in shifts if shift.day == day.day)
        if rows or day.work.pairs:
            total = _total(day, timed[day.day], rules)
            sheets[day.day] = DaySheet(
                day.day,
                (*total, *rows),
                own,
                local.change_on(day.day),
                tuple(_shown_twice(own, local)),
            )
    return sheets


def rounded_shifts(entries: Entries, rules: Rules) -> list[Shift]:
    """Punches are rounded by the schedule of their unrounded shift, then dealt out again."""
    local = LocalTime(rules.zone)
    whole = replace(rules, day_rule=DayRule.STARTS)
    punches = [
        round_punch(punch, rules.rounding, schedule_of(shift, entries.schedules), local)
        for shift in shifts_of(entries.punches, whole)
        for pair in shift.pairs
        for punch in (pair.came, pair.left)
        if punch
    ]
    return [
        round_totals(shift, rules.rounding, _meals(shift, entries, rules))
        for shift in shifts_of(punches, rules)
    ]


def _meals(shift: Shift, entries: Entries, rules: Rules) -> list[MealRule]:
    """A schedule's own meal takes the place of the general ones."""
    schedule = schedule_of(shift, entries.schedules)
    if schedule is None or not schedule.replaces_meals:
        return list(rules.meals)
    others = [rule for rule in rules.meals if rule.kind is not RowKind.LUNCH_ADJUST]
    return [schedule.meal, *others] if schedule.meal else others


def _days(entries: Entries, rules: Rules, shifts: Iterable[Shift]) -> list[date]:
    return sorted(
        {shift.day for shift in shifts}
        | {schedule.day for schedule in entries.schedules}
        | {absence.day for absence in entries.absences}
        | {manual.day for manual in entries.manual}
        | set(rules.holidays)
    )


def _shown_twice(shifts: Iterable[Shift], local: LocalTime) -> Iterator[Punch]:
    for shift in shifts:
        if any(local.change_on(local.date_of(at)) for at in (shift.start, shift.end)):
            punches = (punch for pair in shift.pairs for punch in (pair.came, pair.left))
            yield from (punch for punch in punches if punch and local.comes_twice(punch.at))


def _paid_holidays(entries: Entries, rules: Rules, shifts: Sequence[Shift]) -> dict[date, bool]:
    worked = days_worked(shifts)
    return {
        on: any(eligible(rule, on, entries.schedules, worked) for rule in rules.holiday_rules)
        for on in rules.holidays
    }


def _pays_overtime(on: date, rules: Rules, paid: dict[date, bool]) -> bool:
    """As a holiday; by a rule that always does, or because the holiday is paid."""
    forced = any(rule.forces_overtime for rule in rules.holiday_rules)
    return on in paid and (forced or paid[on])


def _day(on: date, given: _Given, filters: Filters) -> _Day:
    entries, rules, shifts, averages = given
    own = [shift for shift in shifts if shift.day == on]
    work = Shift(on, tuple(pair for shift in own for pair in shift.pairs))
    worked = [pair for pair in work.pairs if pair.worked]
    adjustments = adjust(work, _meals(own[0], entries, rules)) if worked else []
    absences = absence_rows(on, entries, rules, shifts, averages)
    regular, counted = _regular(on, worked, adjustments, rules)
    manual = _manual(on, entries, rules)
    return _Day(
        day=on,
        work=work,
        adjustments=adjustments,
        uncounted=[made.row for made in adjustments if made.row not in counted],
        regular=[piece for row in (*regular, *manual) for piece in _cut(row, rules, filters)],
        absences=absences,
        manual=bool(manual) and not worked,
    )


def _regular(
    on: date, worked: Sequence[Pair], adjustments: Sequence[Adjustment], rules: Rules
) -> tuple[list[Row], list[Row]]:
    """Regular rows, and the adjustments that are in them: what is taken off shortens its pair,
    what is put on is a row of its own.
    """
    rows: list[Row] = []
    counted: list[Row] = []
    for index, pair in enumerate(worked):
        rule = _regular_rule(pair, rules)
        if rule is None:
            continue
        own = [
            made.row
            for made in adjustments
            if made.pair == index and made.row.pay_code in rule.counts.pay_codes
        ]
        counted += own
        taken_off = sum(row.seconds for row in own if row.seconds < 0)
        rows.append(_regular_row(on, rule, pair, (pair.first.at, pair.worked + taken_off)))
        rows += [
            _regular_row(on, rule, pair, (row.start or 0, row.seconds))
            for row in own
            if row.seconds > 0
        ]
    return [row for row in rows if row.seconds > 0], counted


def _regular_rule(pair: Pair, rules: Rules) -> RegularRule | None:
    fitting = [rule for rule in rules.regular if rule.only.holds(pair.place)]
    return min(fitting, key=lambda rule: rule.order, default=None)


def _regular_row(on: date, rule: RegularRule, pair: Pair, laid: tuple[int, int]) -> Row:
    start, seconds = laid
    return Row(
        day=on,
        kind=RowKind.REGULAR,
        seconds=seconds,
        start=start,
        end=start + seconds,
        pay_code=rule.pay_code,
        place=pair.place,
    )


def _manual(on: date, entries: Entries, rules: Rules) -> list[Row]:
    """Totals by hand are laid from midnight on, one after the other."""
    at = LocalTime(rules.zone).at(on)
    rows = []
    for manual in entries.manual:
        if manual.day == on and rules.regular:
            rows.append(
                Row(
                    day=on,
                    kind=RowKind.REGULAR,
                    seconds=manual.seconds,
                    start=at,
                    end=at + manual.seconds,
                    pay_code=min(rules.regular, key=lambda rule: rule.order).pay_code,
                )
            )
            at += manual.seconds
    return rows


def _cut(row: Row, rules: Rules, filters: Filters) -> list[Row]:
    if row.start is None or row.end is None:
        return [row]
    counts = [rule.counts for rule in rules.overtime]
    counts += [rule.counts for rule in rules.premiums]
    cuts = {
        cut
        for one in counts
        if one.inclusion is ShiftInclusion.SPLIT
        for cut in filters.edges(one.filter, (row.start, row.end), row.day)
    }
    edges = [row.start, *sorted(cuts), row.end]
    return [
        replace(row, start=start, end=end, seconds=end - start) for start, end in pairwise(edges)
    ]


def _time_of(day: _Day, entries: Entries, holiday: bool) -> DayTime:  # noqa: FBT001
    rows = sorted([*day.absences, *day.regular], key=lambda row: row.start or 0)
    return DayTime(
        day=day.day,
        rows=tuple(rows),
        uncounted=tuple(day.uncounted),
        absent=sum(row.seconds for row in day.absences),
        planned=sum(
            scheduled_seconds(schedule)
            for schedule in entries.schedules
            if schedule.day == day.day and schedule.status is ScheduleStatus.WORKING
        ),
        worked=bool(day.regular),
        holiday=holiday,
    )


def _total(day: _Day, timed: Sequence[Row], rules: Rules) -> list[Row]:
    """What is paid as time; without rules for it, what was worked and adjusted."""
    if rules.regular:
        seconds = sum(row.seconds for row in timed if row.kind in _TIME)
    else:
        seconds = sum(pair.worked for pair in day.work.pairs)
        seconds += sum(made.row.seconds for made in day.adjustments)
        seconds += sum(row.seconds for row in day.absences)
    pairs = [pair for pair in day.work.pairs if pair.worked]
    starts = [*(pair.first.at for pair in pairs), *(row.start or 0 for row in day.absences)]
    ends = [*(pair.last.at for pair in pairs), *(row.end or 0 for row in day.absences)]
    if not starts and not day.manual:
        return []
    return [
        Row(
            day=day.day,
            kind=RowKind.TOTAL,
            seconds=seconds,
            start=min(starts, default=None),
            end=max(ends, default=None),
            multiplier=0,
        )
    ]

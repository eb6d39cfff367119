"""Premiums: paid on top of time that lies in a filter, at a place, after or until a number of hours."""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from hr_core.attendance.periods import week_of
from hr_core.attendance.timesheet.model import (
    Pair,
    Row,
    Shift,
)
from hr_core.attendance.timesheet.rules import (
    BoundsOf,
    PremiumRule,
    RowKind,
    Rules,
)
from hr_core.attendance.timesheet.time_filter import Filters, Span


def premiums(
    rule: PremiumRule,
    days: dict[date, list[Row]],
    shifts: Sequence[Shift],
    rules: Rules,
    filters: Filters,
) -> list[Row]:
    """The rows of one rule over all days in order; `days` hold regular and overtime rows."""
    if rule.minimum_shift is not None:
        return _short_shifts(rule, shifts)
    if rule.longest_without_break:
        return _unbroken(rule, shifts, filters)
    made: list[Row] = []
    week: date | None = None
    weekly = 0
    for day in sorted(days):
        if week_of(day, rules.week_starts) != week:
            week, weekly = week_of(day, rules.week_starts), 0
        daily = 0
        rows: list[Row] = []
        for row in sorted(days[day], key=lambda row: row.start or 0):
            if row.pay_code not in rule.counts.pay_codes:
                continue
            shift = shift_of(row, shifts)
            counted = filters.contributed(rule.counts, row, shift)
            paid = [
                part
                for span in counted
                for part in _triggered(rule, span, (daily, weekly), counted)
            ]
            rows += _row(rule, row, _matching(rule, row, paid, shift, rules, filters))
            seconds = sum(end - start for start, end in counted)
            daily, weekly = daily + seconds, weekly + seconds
        made += _bounded(rule, rows, shifts)
    return made


def shift_of(row: Row, shifts: Sequence[Shift]) -> Shift | None:
    for shift in shifts:
        if shift.day == row.day and row.start is not None and shift.start <= row.start <= shift.end:
            return shift
    return None


def _triggered(
    rule: PremiumRule, span: Span, before: tuple[int, int], counted: Sequence[Span]
) -> list[Span]:
    """The part of the span that lies after the triggers and before their maxima."""
    passed = sum(end - start for start, end in counted if end <= span[0])
    daily, weekly = before[0] + passed, before[1] + passed
    start = span[0] + max(0, rule.after_daily - daily, rule.after_weekly - weekly)
    end = span[1]
    if rule.until_daily:
        end = min(end, span[0] + rule.until_daily - daily)
    if rule.until_weekly:
        end = min(end, span[0] + rule.until_weekly - weekly)
    return [(start, end)] if start < end else []


def _matching(
    rule: PremiumRule,
    row: Row,
    spans: Sequence[Span],
    shift: Shift | None,
    rules: Rules,
    filters: Filters,
) -> list[Span]:
    if not rule.only.holds(row.place):
        return []
    if rule.on_holidays_only and row.day not in rules.holidays:
        return []
    if rule.whole_shift:
        span = (shift.start, shift.end) if shift else (0, 0)
        if filters.spans(rule.filter, span, row.day) != [span]:
            return []
        return list(spans)
    return [part for span in spans for part in filters.spans(rule.filter, span, row.day)]


def _row(rule: PremiumRule, row: Row, spans: Sequence[Span]) -> list[Row]:
    if not spans:
        return []
    seconds = sum(end - start for start, end in spans)
    start = spans[0][0]
    return [
        replace(
            row,
            kind=RowKind.PREMIUM,
            pay_code=rule.pay_code,
            multiplier=rule.multiplier,
            seconds=seconds,
            start=start,
            end=start + seconds,
        )
    ]


def _bounded(rule: PremiumRule, rows: Sequence[Row], shifts: Sequence[Shift]) -> list[Row]:
    """The rows of a day within minimum and maximum."""
    if rule.bounds is BoundsOf.PAIR:
        return [_with_seconds(row, _bound(rule, row.seconds)) for row in rows]
    if rule.bounds is BoundsOf.DAY:
        return _filled(rule, rows)
    by_shift: dict[int | None, list[Row]] = {}
    for row in rows:
        shift = shift_of(row, shifts)
        by_shift.setdefault(shift.start if shift else None, []).append(row)
    return [row for own in by_shift.values() for row in _filled(rule, own)]


def _filled(rule: PremiumRule, rows: Sequence[Row]) -> list[Row]:
    """The last row is filled up to the minimum, the rows after the maximum go."""
    made: list[Row] = []
    paid = 0
    for row in rows:
        seconds = min(row.seconds, rule.maximum - paid) if rule.maximum else row.seconds
        if seconds > 0:
            made.append(_with_seconds(row, seconds))
            paid += seconds
    if made and paid < rule.minimum:
        made[-1] = _with_seconds(made[-1], made[-1].seconds + rule.minimum - paid)
    return made


def _bound(rule: PremiumRule, seconds: int) -> int:
    seconds = max(seconds, rule.minimum)
    return min(seconds, rule.maximum) if rule.maximum else seconds


def _with_seconds(row: Row, seconds: int) -> Row:
    return replace(row, seconds=seconds, end=(row.start or 0) + seconds)


def _short_shifts(rule: PremiumRule, shifts: Sequence[Shift]) -> list[Row]:
    """A shift below the minimum is filled up; pairs far enough apart are shifts of their own."""
    made = []
    for day, pairs in _far_apart(rule, shifts):
        worked = sum(pair.worked for pair in pairs)
        missing = (rule.minimum_shift or 0) - worked
        if worked and missing > 0:
            end = pairs[-1].last.at
            made.append(
                Row(
                    day=day,
                    kind=RowKind.PREMIUM,
                    seconds=missing,
                    start=end,
                    end=end + missing,
                    pay_code=rule.pay_code,
                    multiplier=rule.multiplier,
                    place=pairs[-1].place,
                )
            )
    return made


def _unbroken(rule: PremiumRule, shifts: Sequence[Shift], filters: Filters) -> list[Row]:
    """Once for each shift in which somebody worked too long without a break."""
    made = []
    for shift in shifts:
        pairs = [pair for pair in shift.pairs if pair.worked]
        worked = sum(pair.worked for pair in pairs)
        if not pairs or worked < rule.after_daily or not rule.only.holds(pairs[-1].place):
            continue
        end = pairs[-1].last.at
        inside = filters.spans(rule.filter, (shift.start, shift.end), shift.day)
        if inside and _longest_stretch(pairs, rule.least_break) > rule.longest_without_break:
            made.append(
                Row(
                    day=shift.day,
                    kind=RowKind.PREMIUM,
                    seconds=rule.minimum,
                    start=end,
                    end=end + rule.minimum,
                    pay_code=rule.pay_code,
                    multiplier=rule.multiplier,
                    place=pairs[-1].place,
                )
            )
    return made


def _longest_stretch(pairs: Sequence[Pair], least_break: int) -> int:
    longest, began = 0, pairs[0].first.at
    for index, pair in enumerate(pairs):
        longest = max(longest, pair.last.at - began)
        if index + 1 < len(pairs):
            pause = pairs[index + 1].first.at - pair.last.at
            if pause >= max(least_break, 1):
                began = pairs[index + 1].first.at
    return longest


def _far_apart(rule: PremiumRule, shifts: Sequence[Shift]) -> list[tuple[date, list[Pair]]]:
    groups: list[tuple[date, list[Pair]]] = []
    for shift in shifts:
        for pair in shift.pairs:
            if groups and pair.first.at - groups[-1][1][-1].last.at < rule.between_shifts:
                groups[-1][1].append(pair)
            else:
                groups.append((shift.day, [pair]))
    return groups

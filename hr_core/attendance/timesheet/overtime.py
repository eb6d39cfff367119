"""Overtime: each second goes to the rule with the highest multiplier whose counter has passed."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.periods import period_of, week_of
from hr_core.attendance.timesheet.model import (
    Row,
)
from hr_core.attendance.timesheet.rules import (
    Contribution,
    OvertimePeriod,
    OvertimeRule,
    RowKind,
    Rules,
)

Span = tuple[int, int]
Contributed = Callable[[Contribution, Row], list[Span]]

# At equal multipliers the rule of the shorter period wins: the day's hours before the week's.
_PRIORITY = {
    OvertimePeriod.DAILY: 3,
    OvertimePeriod.SCHEDULED: 3,
    OvertimePeriod.WEEKLY: 1,
    OvertimePeriod.WEEKS: 1,
    OvertimePeriod.HOLIDAY: 0,
    OvertimePeriod.REST_DAY: 0,
}

_LONG = (OvertimePeriod.WEEKLY, OvertimePeriod.WEEKS)


# Weeks are counted from here where a rule names no first period; it leaves room to count back.
_FIRST = date(2000, 1, 2)


class DayTime(Struct, frozen=True, kw_only=True):
    """`rows` regular and absence in order of time; `uncounted` adjustments that stand beside them;
    `absent` seconds of leave, `planned` seconds of work in the roster; `holiday`: rules of holidays
    apply.
    """

    day: date
    rows: tuple[Row, ...]
    uncounted: tuple[Row, ...] = ()
    absent: int = 0
    planned: int = 0
    worked: bool = False
    holiday: bool = False


class _Counters:
    """Seconds that each rule has counted in its current period."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._counted = [0] * len(rules.overtime)
        self._absent = [0] * len(rules.overtime)
        self._period: list[date | None] = [None] * len(rules.overtime)
        self._planned = 0
        self._holiday = False
        self._worked_days: set[date] = set()

    def begin(self, time: DayTime) -> None:
        for index, rule in enumerate(self._rules.overtime):
            period = self._period_of(rule, time.day)
            if period != self._period[index]:
                self._counted[index] = self._absent[index] = 0
                self._period[index] = period
            self._counted[index] += sum(
                row.seconds for row in time.uncounted if row.pay_code in rule.counts.pay_codes
            )
            self._absent[index] += time.absent
        self._planned = time.planned
        self._holiday = time.holiday
        if time.worked:
            self._worked_days.add(time.day)

    def _period_of(self, rule: OvertimeRule, day: date) -> date:
        if rule.period is OvertimePeriod.WEEKLY:
            return week_of(day, self._rules.week_starts)
        if rule.period is OvertimePeriod.WEEKS:
            first = max(rule.first_period, _FIRST)
            return period_of(day, rule.weeks, first, self._rules.week_starts).start
        return day

    def applies(self, rule: OvertimeRule, on: date) -> bool:
        if rule.period is OvertimePeriod.HOLIDAY:
            return self._holiday
        if rule.period is OvertimePeriod.REST_DAY:
            return on in self._rules.rest_days
        if rule.period in (OvertimePeriod.DAILY, OvertimePeriod.SCHEDULED, *_LONG):
            return True
        return self._days(rule.period, on) >= rule.days

    def _days(self, period: OvertimePeriod, on: date) -> int:
        week = week_of(on, self._rules.week_starts)
        if period is OvertimePeriod.DAYS_IN_WEEK:
            return sum(1 for day in self._worked_days if week <= day <= on)
        days = 0
        while on in self._worked_days and (period is OvertimePeriod.CONSECUTIVE_DAYS or on >= week):
            days += 1
            on -= timedelta(days=1)
        return days

    def left(self, index: int) -> int:
        """Seconds until the rule's threshold; 0 or less when it has passed."""
        rule = self._rules.overtime[index]
        threshold = rule.over
        if rule.absence_lowers_threshold:
            threshold -= self._absent[index]
        if rule.period is OvertimePeriod.SCHEDULED:
            threshold += self._planned
        return threshold - self._counted[index]

    def advance(self, feeding: Iterable[int], winner: int | None, seconds: int) -> None:
        for index in feeding:
            if self._counts(index, winner):
                self._counted[index] += seconds

    def _counts(self, index: int, winner: int | None) -> bool:
        """A week's counter stands still while a day's rule wins, or the time would be paid as
        overtime twice; unless that rule writes a pay code that the week counts.
        """
        rule = self._rules.overtime[index]
        if winner is None or rule.period not in _LONG:
            return True
        won = self._rules.overtime[winner]
        return won.period in _LONG or won.pay_code in rule.counts.pay_codes


def assign_overtime(
    days: Sequence[DayTime], rules: Rules, contributed: Contributed
) -> dict[date, list[Row]]:
    """The rows of each day, cut where another rule begins to win. `days` in order of time."""
    counters = _Counters(rules)
    result: dict[date, list[Row]] = {}
    for time in days:
        counters.begin(time)
        result[time.day] = [
            piece for row in time.rows for piece in _pieces(row, rules, counters, contributed)
        ]
    return result


def _pieces(row: Row, rules: Rules, counters: _Counters, contributed: Contributed) -> list[Row]:
    if row.start is None or row.seconds <= 0:
        return [row]
    usable = {
        index: spans
        for index, rule in enumerate(rules.overtime)
        if _feeds(rule, row)
        and counters.applies(rule, row.day)
        and (spans := contributed(rule.counts, row))
    }
    made: list[Row] = []
    won_before: int | None = None
    at, end = row.start, row.start + row.seconds
    while at < end:
        feeding = [index for index, spans in usable.items() if _inside(spans, at)]
        winner = _winner(feeding, row, rules, counters)
        until = _next_change(feeding, usable, counters, (at, end))
        counters.advance(feeding, winner, until - at)
        piece = _piece(row, (at, until), None if winner is None else rules.overtime[winner])
        if made and won_before == winner:
            piece = replace(piece, start=made[-1].start, seconds=made[-1].seconds + piece.seconds)
            made.pop()
        made.append(piece)
        won_before, at = winner, until
    return made


def _feeds(rule: OvertimeRule, row: Row) -> bool:
    if row.kind is RowKind.ABSENCE:
        return rule.counts.absences
    return row.pay_code in rule.counts.pay_codes or "regular" in rule.counts.pay_codes


def _inside(spans: Sequence[Span], at: int) -> bool:
    return any(start <= at < end for start, end in spans)


def _winner(feeding: Sequence[int], row: Row, rules: Rules, counters: _Counters) -> int | None:
    passed = [
        index
        for index in feeding
        if counters.left(index) <= 0 and rules.overtime[index].only.holds(row.place)
    ]
    if not passed:
        return None

    def rank(index: int) -> tuple[float, int, int, int]:
        rule = rules.overtime[index]
        return (rule.multiplier, _PRIORITY.get(rule.period, 2), rule.over, -index)

    return max(passed, key=rank)


def _next_change(
    feeding: Sequence[int], usable: dict[int, list[Span]], counters: _Counters, piece: Span
) -> int:
    at, end = piece
    changes = [at + left for index in feeding if (left := counters.left(index)) > 0]
    changes += [edge for spans in usable.values() for span in spans for edge in span]
    return min([change for change in changes if at < change < end], default=end)


def _piece(row: Row, span: Span, rule: OvertimeRule | None) -> Row:
    start, end = span
    cut = replace(row, start=start, end=end, seconds=end - start)
    if rule is None:
        return cut
    return replace(cut, kind=RowKind.OVERTIME, pay_code=rule.pay_code, multiplier=rule.multiplier)

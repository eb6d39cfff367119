"""Overtime: each second goes to the rule with the highest multiplier whose counter has passed."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.periods import week_of
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
    OvertimePeriod.WEEKLY: 1,
    OvertimePeriod.HOLIDAY: 0,
}


class DayTime(Struct, frozen=True, kw_only=True):
    """`rows` regular and absence in order of time; `uncounted` adjustments that stand beside them;
    `absent` seconds of leave.
    """

    day: date
    rows: tuple[Row, ...]
    uncounted: tuple[Row, ...] = ()
    absent: int = 0
    worked: bool = False


class _Counters:
    """Seconds that each rule has counted in its current period."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._counted = [0] * len(rules.overtime)
        self._absent = 0
        self._week: date | None = None
        self._worked_days: set[date] = set()

    def begin(self, time: DayTime) -> None:
        week = week_of(time.day, self._rules.week_starts)
        for index, rule in enumerate(self._rules.overtime):
            if rule.period is not OvertimePeriod.WEEKLY or week != self._week:
                self._counted[index] = 0
            self._counted[index] += sum(
                row.seconds for row in time.uncounted if row.pay_code in rule.counts.pay_codes
            )
        self._absent = time.absent + (self._absent if week == self._week else 0)
        self._week = week
        if time.worked:
            self._worked_days.add(time.day)

    def applies(self, rule: OvertimeRule, on: date) -> bool:
        if rule.period is OvertimePeriod.HOLIDAY:
            return on in self._rules.holidays and bool(self._rules.holiday_rules)
        if rule.period in (OvertimePeriod.DAILY, OvertimePeriod.WEEKLY):
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
        threshold = rule.over - (self._absent if rule.absence_lowers_threshold else 0)
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
        if winner is None or rule.period is not OvertimePeriod.WEEKLY:
            return True
        won = self._rules.overtime[winner]
        return won.period is OvertimePeriod.WEEKLY or won.pay_code in rule.counts.pay_codes


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

"""Overtime against a working calendar: hours beyond what is expected, or hours at other times.

Every rule claims intervals of worked time; an hour that two rules claim is one hour. Wall seconds
of the calendar's own zone; lunch of the calendar is no work even when nobody punched it.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from hr_core.attendance.periods import week_of
from hr_core.clock import DAY_S

Span = tuple[int, int]


class WorkCalendar(Struct, frozen=True, kw_only=True):
    """`work` by weekday (0 Monday) in seconds of the day. `flexible_seconds`: so much a day at any
    time, with no plan; None for a calendar with a plan.
    """

    work: dict[int, tuple[Span, ...]] = {}
    flexible_seconds: int | None = None
    holidays: frozenset[date] = frozenset()
    leaves: tuple[Span, ...] = ()
    unpunched_lunch: bool = True

    def planned(self, day: date) -> list[Span]:
        if day in self.holidays:
            return []
        midnight = day.toordinal() * DAY_S
        return [
            (midnight + start, midnight + end) for start, end in self.work.get(day.weekday(), ())
        ]

    def lunches(self, day: date) -> list[Span]:
        planned = self.planned(day)
        if not self.unpunched_lunch:
            return []
        return [(before[1], after[0]) for before, after in pairwise(planned)]

    def expected(self, day: date) -> int:
        if self.flexible_seconds is not None:
            return self.flexible_seconds
        return length(self.planned(day))

    def is_workday(self, day: date) -> bool:
        return self.flexible_seconds is not None or bool(self.planned(day))


class Base(StrEnum):
    QUANTITY_DAY = "day"
    QUANTITY_WEEK = "week"
    TIMING = "timing"


class When(StrEnum):
    WORK_DAYS = "work_days"
    NON_WORK_DAYS = "non_work_days"
    OUTSIDE_SCHEDULE = "outside_schedule"
    LEAVE = "leave"


class CalendarRule(Struct, frozen=True, kw_only=True):
    """`expected` None: what the calendar plans. Tolerances: overtime (short time) up to so many
    seconds is none; beyond, all of it counts. `start` to `end` are times of day, over midnight
    where the end is not after the start. `before_plan`, `after_plan`: which side of the plan is
    outside it.
    """

    base: Base
    expected: int | None = None
    overtime_tolerance: int = 0
    short_tolerance: int = 0
    when: When = When.WORK_DAYS
    start: int = 0
    end: int = DAY_S
    before_plan: bool = True
    after_plan: bool = True


class OvertimeLine(Struct, frozen=True):
    day: date
    start: int
    end: int
    rules: tuple[int, ...]


class CalendarOvertime(Struct, frozen=True, kw_only=True):
    """`by_day` and `by_attendance` hold overtime, or short time below zero."""

    worked: int
    lines: tuple[OvertimeLine, ...]
    by_day: dict[date, int]
    by_attendance: tuple[int, ...]
    short_days: int

    @property
    def seconds(self) -> int:
        return sum(self.by_day.values())


class _Worked(Struct, frozen=True):
    day: date
    start: int
    end: int
    attendance: int

    @property
    def span(self) -> Span:
        return self.start, self.end


def calendar_overtime(
    attendances: Sequence[tuple[int, int | None]],
    calendar: WorkCalendar,
    rules: Sequence[CalendarRule],
    week_starts: int = 1,
    *,
    count_short_time: bool = False,
) -> CalendarOvertime:
    """An attendance without its end is not counted yet."""
    worked = _worked(attendances, calendar)
    claims = [_claims(rule, worked, calendar, week_starts) for rule in rules]
    lines = _lines(worked, claims)
    by_day = {piece.day: 0 for piece in worked}
    by_attendance = [0] * len(attendances)
    for line in lines:
        by_day[line.day] += line.end - line.start
    for piece in worked:
        by_attendance[piece.attendance] += sum(
            length(cut([piece.span], [(line.start, line.end)])) for line in lines
        )
    short = _short_time(worked, calendar, rules) if count_short_time else {}
    for day, seconds in short.items():
        if by_day[day] == 0:
            by_day[day] = -seconds
            by_attendance[max(p.attendance for p in worked if p.day == day)] -= seconds
    return CalendarOvertime(
        worked=sum(piece.end - piece.start for piece in worked),
        lines=tuple(lines),
        by_day=by_day,
        by_attendance=tuple(by_attendance),
        short_days=sum(1 for seconds in by_day.values() if seconds < 0),
    )


def length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def cut(spans: Iterable[Span], inside: Iterable[Span]) -> list[Span]:
    """The parts of the spans that lie inside."""
    windows = list(inside)
    return sorted(
        (max(start, opens), min(end, closes))
        for start, end in spans
        for opens, closes in windows
        if max(start, opens) < min(end, closes)
    )


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    left = list(spans)
    for opens, closes in holes:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, opens)), (max(start, closes), end))
            if piece[0] < piece[1]
        ]
    return sorted(left)


def _worked(attendances: Sequence[tuple[int, int | None]], calendar: WorkCalendar) -> list[_Worked]:
    pieces = []
    for index, (came, left) in enumerate(attendances):
        if left is None:
            continue
        for ordinal in range(came // DAY_S, (left - 1) // DAY_S + 1):
            day = date.fromordinal(ordinal)
            span = (max(came, ordinal * DAY_S), min(left, (ordinal + 1) * DAY_S))
            pieces += [
                _Worked(day, start, end, index)
                for start, end in without([span], calendar.lunches(day))
            ]
    return sorted(pieces, key=lambda piece: piece.start)


def _claims(
    rule: CalendarRule, worked: Sequence[_Worked], calendar: WorkCalendar, week_starts: int
) -> list[Span]:
    if rule.base is Base.TIMING:
        days = {piece.day for piece in worked}
        claimed = [span for day in days for span in _timing(rule, worked, calendar, day)]
        return claimed if length(claimed) > rule.overtime_tolerance else []
    groups: dict[date, list[_Worked]] = {}
    for piece in worked:
        weekly = rule.base is Base.QUANTITY_WEEK
        key = week_of(piece.day, week_starts) if weekly else piece.day
        groups.setdefault(key, []).append(piece)
    claimed = []
    for first, pieces in groups.items():
        spans = [piece.span for piece in pieces]
        over = length(spans) - _expected(rule, calendar, first)
        if over > rule.overtime_tolerance:
            claimed += _last(spans, over)
    return claimed


def _expected(rule: CalendarRule, calendar: WorkCalendar, first: date) -> int:
    if rule.expected is not None:
        return rule.expected
    days = 7 if rule.base is Base.QUANTITY_WEEK else 1
    return sum(calendar.expected(first + timedelta(days=offset)) for offset in range(days))


def _last(spans: Sequence[Span], seconds: int) -> list[Span]:
    """The last so many seconds of the worked spans: what was expected was worked first."""
    found: list[Span] = []
    for start, end in reversed(spans):
        if seconds <= 0:
            break
        part = min(seconds, end - start)
        found.append((end - part, end))
        seconds -= part
    return found


def _timing(
    rule: CalendarRule, worked: Sequence[_Worked], calendar: WorkCalendar, day: date
) -> list[Span]:
    spans = [piece.span for piece in worked if piece.day == day]
    midnight = day.toordinal() * DAY_S
    if rule.end > rule.start:
        windows = [(midnight + rule.start, midnight + rule.end)]
    else:
        windows = [(midnight, midnight + rule.end), (midnight + rule.start, midnight + DAY_S)]
    match rule.when:
        case When.WORK_DAYS:
            return cut(spans, windows) if calendar.is_workday(day) else []
        case When.NON_WORK_DAYS:
            return [] if calendar.is_workday(day) else cut(spans, windows)
        case When.LEAVE:
            return cut(cut(spans, windows), calendar.leaves)
        case When.OUTSIDE_SCHEDULE:
            return cut(_outside(rule, spans, calendar.planned(day)), windows)


def _outside(rule: CalendarRule, spans: Sequence[Span], planned: Sequence[Span]) -> list[Span]:
    if not planned:
        return list(spans)
    outside = without(spans, planned)
    if not rule.before_plan:
        outside = [span for span in outside if span[0] >= planned[0][0]]
    if not rule.after_plan:
        outside = [span for span in outside if span[1] <= planned[-1][1]]
    return outside


def _lines(worked: Sequence[_Worked], claims: Sequence[Sequence[Span]]) -> list[OvertimeLine]:
    """Worked time cut wherever a rule begins or ends to claim it; pieces of one claim are one."""
    edges = sorted({edge for claim in claims for span in claim for edge in span})
    lines: list[OvertimeLine] = []
    for piece in worked:
        cuts = [piece.start, *(e for e in edges if piece.start < e < piece.end), piece.end]
        for start, end in pairwise(cuts):
            rules = tuple(index for index, claim in enumerate(claims) if cut([(start, end)], claim))
            if not rules:
                continue
            before = lines[-1] if lines else None
            if before and (before.day, before.end, before.rules) == (piece.day, start, rules):
                lines[-1] = OvertimeLine(piece.day, before.start, end, rules)
            else:
                lines.append(OvertimeLine(piece.day, start, end, rules))
    return lines


def _short_time(
    worked: Sequence[_Worked], calendar: WorkCalendar, rules: Sequence[CalendarRule]
) -> dict[date, int]:
    """Where several rules expect different hours, the person owes the least of them."""
    short = {}
    for day in sorted({piece.day for piece in worked}):
        done = length(piece.span for piece in worked if piece.day == day)
        missing = [
            seconds
            for rule in rules
            if rule.base is Base.QUANTITY_DAY
            and (seconds := _expected(rule, calendar, day) - done) > rule.short_tolerance
        ]
        counted = [rule for rule in rules if rule.base is Base.QUANTITY_DAY]
        if missing and len(missing) == len(counted):
            short[day] = min(missing)
    return short


def check_out_at(
    attendances: Sequence[tuple[int, int | None]],
    calendar: WorkCalendar,
    tolerance: int,
    now: int,
) -> int | None:
    """When the last, still open attendance ends by itself: the day's expected hours and the
    tolerance after its work began. None while that is ahead, or where nothing is planned by time.
    """
    came, left = attendances[-1]
    if left is not None or calendar.flexible_seconds is not None:
        return None
    day = date.fromordinal(came // DAY_S)
    done = length(piece.span for piece in _worked(attendances[:-1], calendar) if piece.day == day)
    to_go = max(0, calendar.expected(day) - done) + tolerance
    at = came
    for opens, closes in calendar.lunches(day):
        if at < closes and at + to_go > opens:
            to_go -= max(0, opens - at)
            at = max(at, closes)
    at += to_go
    return at if at <= now else None

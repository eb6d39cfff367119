"""Cases of overtime against a working calendar."""

from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hr_core.attendance.calendar_overtime import (
    Base,
    CalendarOvertime,
    CalendarRule,
    OvertimeLine,
    Span,
    When,
    WorkCalendar,
    calendar_overtime,
    check_out_at,
)
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    clock,
    days,
    flag,
    hours,
    minutes,
    number,
    rows,
    text,
    wall,
)
from hr_core.clock import DAY_S, wall_time

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR = 3600
_LONGEST_S = 400 * DAY_S

_Attendances = list[tuple[int, int | None]]


class _Times:
    """Case times to the calendar's wall seconds and back."""

    def __init__(self, zone: str | None, *, utc: bool) -> None:
        try:
            self._zone = ZoneInfo(zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            raise UnsupportedError(f"time zone {zone!r}") from None
        self._utc = utc and zone is not None

    def seconds(self, value: Json) -> int:
        try:
            at = wall(value)
        except (TypeError, ValueError):
            raise UnsupportedError(f"time {value!r}") from None
        if not self._utc:
            return at
        moment = wall_time(at).replace(tzinfo=UTC).astimezone(self._zone)
        return wall(moment.replace(tzinfo=None).isoformat())

    def text(self, seconds: int) -> str:
        moment = wall_time(seconds)
        if self._utc:
            moment = moment.replace(tzinfo=self._zone).astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat(timespec="minutes")


def _calendar(given: Fields) -> tuple[WorkCalendar, str | None]:
    """The calendar and its zone."""
    found = given.take("calendar", {"hours_per_day": 8})
    holidays = frozenset(given.read_or("holidays", days, []))
    employee = given.read_or("employee_timezone", text, None)
    lunch = not given.read_or("no_lunch_deduction", flag, default=False)
    if found is None:
        # Fully flexible: nothing is expected by the day, so nothing can exceed it.
        return WorkCalendar(flexible_seconds=DAY_S, holidays=holidays), employee
    values = Fields(found, "calendar")
    values.ignore("name", "hours_per_week")
    zone = values.read_or("timezone", text, employee)
    per_day = values.read_or("hours_per_day", hours, None)
    flexible = values.read_or("flexible", flag, default=False)
    named, work = values.take("days", "mon-sun"), values.take("work", None)
    values.done()
    if flexible or work is None:
        if per_day is None:
            raise UnsupportedError("calendar without hours")
        return WorkCalendar(flexible_seconds=per_day, holidays=holidays), zone
    plan = _week(named, work)
    return WorkCalendar(work=plan, holidays=holidays, unpunched_lunch=lunch), zone


def _week(named: Json, work: Json) -> dict[int, tuple[Span, ...]]:
    if isinstance(work, dict):
        by_name = Fields(work, "calendar.work")
        plan = {index: by_name.read_or(name, _spans, ()) for index, name in enumerate(_WEEKDAYS)}
        by_name.done()
        return plan
    try:
        return dict.fromkeys(_weekdays(named), _spans(work))
    except (TypeError, ValueError):
        raise UnsupportedError(f"calendar: {work!r} on {named!r}") from None


def _weekdays(named: Json) -> Sequence[int]:
    """A range mon-fri, one day, or a list of such."""
    if isinstance(named, list):
        return sorted({index for one in named for index in _weekdays(one)})
    first, _, last = text(named).lower().partition("-")
    start, end = _WEEKDAYS.index(first), _WEEKDAYS.index(last or first)
    return [(start + offset) % 7 for offset in range((end - start) % 7 + 1)]


def _spans(value: Json) -> tuple[Span, ...]:
    spans = []
    for one in rows(value):
        start, end = (clock(time) for time in rows(one))
        if start >= end:
            raise ValueError
        spans.append((start, end))
    return tuple(sorted(spans))


def _rule(values: Json) -> tuple[CalendarRule, float | None]:
    """The rule, and the rate of its hours where it says one."""
    given = Fields(values, "rule")
    given.ignore("name")
    base = given.choice("base", ("quantity", "timing"))
    rate = given.read_or("rate", number, None)
    overtime = given.read_or("employer_tolerance_minutes", minutes, 0)
    short = given.read_or("employee_tolerance_minutes", minutes, 0)
    if base == "quantity":
        expected = given.read_or("expected_hours", hours, None)
        if expected is None:
            given.choice("expected", ("schedule",))
        rule = CalendarRule(
            base=Base(given.choice("per", ("day", "week"))),
            expected=expected,
            overtime_tolerance=overtime,
            short_tolerance=short,
        )
    else:
        rule = CalendarRule(
            base=Base.TIMING,
            when=When(given.choice("when", list(When))),
            start=given.read_or("from", clock, 0),
            end=given.read_or("to", clock, DAY_S),
            overtime_tolerance=overtime,
            short_tolerance=short,
        )
    given.done()
    return rule, rate


def _rules(given: Fields) -> list[tuple[CalendarRule, float | None]]:
    rules = [_rule(values) for values in given.read_or("rules", rows, [])]
    if "count_before_shift" in given or "count_after_shift" in given:
        around = CalendarRule(
            base=Base.TIMING,
            when=When.OUTSIDE_SCHEDULE,
            before_plan=given.read_or("count_before_shift", flag, default=True),
            after_plan=given.read_or("count_after_shift", flag, default=True),
        )
        rules.append((around, None))
    if not rules:
        raise UnsupportedError("no rules")
    return rules


def _attendances(given: Fields, times: _Times) -> _Attendances:
    found: _Attendances = []
    for one in given.read("attendances", rows):
        if not isinstance(one, list) or len(one) != 2:
            raise UnsupportedError(f"attendance {one!r}")
        came, left = times.seconds(one[0]), None if one[1] is None else times.seconds(one[1])
        if left is not None and not came <= left <= came + _LONGEST_S:
            raise UnsupportedError(f"attendance {one!r} ends before it begins, or years later")
        found.append((came, left))
    if not found:
        raise UnsupportedError("no attendance")
    return found


def _leaves(given: Fields, times: _Times) -> tuple[Span, ...]:
    found = []
    for one in given.read_or("leaves", rows, []):
        if not isinstance(one, list) or len(one) != 2:
            raise UnsupportedError(f"leave {one!r}")
        found.append((times.seconds(one[0]), times.seconds(one[1])))
    return tuple(found)


def _times(given: Fields, zone: str | None) -> _Times:
    return _Times(zone, utc=given.choice("times_are", ("UTC", "local"), "local") == "UTC")


def _overtime(given: Fields, expect: Json) -> Json:
    given.ignore("note", "overlap")
    owes_nothing = given.is_null("calendar")
    calendar, zone = _calendar(given)
    times = _times(given, zone)
    calendar = WorkCalendar(
        work=calendar.work,
        flexible_seconds=calendar.flexible_seconds,
        holidays=calendar.holidays,
        leaves=_leaves(given, times),
        unpunched_lunch=calendar.unpunched_lunch,
    )
    attendances, rules = _attendances(given, times), _rules(given)
    approval = given.choice("approval", ("by_manager", "no_validation"), None)
    # Who has no calendar owes no hours either.
    short = given.read_or("count_undertime", flag, default=False) and not owes_nothing

    def computed(some: _Attendances) -> CalendarOvertime:
        plain = [rule for rule, _ in rules]
        return calendar_overtime(some, calendar, plain, count_short_time=short)

    found = computed(attendances)
    lines = [_line(line, times, [rate for _, rate in rules]) for line in found.lines]
    wanted = expect.get("lines") if isinstance(expect, dict) else None
    if isinstance(wanted, list) and any(isinstance(one, list) for one in wanted):
        lines = [[one["start"], one["end"], one["hours"]] for one in lines]
    counted = isinstance(wanted, int | float | str)
    overtime = found.seconds / _HOUR
    return {
        "overtime_hours": overtime,
        "validated_overtime_hours": 0 if approval == "by_manager" else overtime,
        "worked_hours": found.worked / _HOUR,
        "expected_hours": (found.worked - found.seconds) / _HOUR,
        "by_day": {on.isoformat(): seconds / _HOUR for on, seconds in found.by_day.items()},
        "per_attendance": [seconds / _HOUR for seconds in found.by_attendance],
        "lines": len(lines) + found.short_days if counted else lines,
        "date": times.text(attendances[0][0])[:10],
        "after_deleting_first": computed(attendances[1:]).seconds / _HOUR,
    }


def _line(line: OvertimeLine, times: _Times, rates: Sequence[float | None]) -> Json:
    """With the highest rate of the rules that claim it, where they have rates."""
    made: dict[str, Json] = {
        "date": line.day.isoformat(),
        "start": times.text(line.start),
        "end": times.text(line.end),
        "hours": (line.end - line.start) / _HOUR,
    }
    own = [rate for index in line.rules if (rate := rates[index]) is not None]
    return made | ({"rate": max(own)} if own else {})


def _auto_check_out(given: Fields, _: Json) -> Json:
    calendar, zone = _calendar(given)
    times = _times(given, zone)
    at = check_out_at(
        _attendances(given, times),
        calendar,
        given.read("tolerance_minutes", minutes),
        times.seconds(given.take("now")),
    )
    return {"check_out": None if at is None else times.text(at)}


KINDS = {"overtime": _overtime, "auto_check_out": _auto_check_out}

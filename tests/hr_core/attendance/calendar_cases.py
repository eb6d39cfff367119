"""Cases of overtime against a working calendar."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hr_core.attendance.calendar_overtime import (
    Base,
    CalendarRule,
    When,
    WorkCalendar,
    calendar_overtime,
    check_out_at,
)
from hr_core.clock import DAY_S
from tests.hr_core.attendance.case_input import Fields, UnsupportedError, clock, day, wall

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS = {"mon-fri": range(5), "mon-sat": range(6), "mon-sun": range(7)}
STANDARD_DAY = 8 * 3600


class Times:
    """Case times to the calendar's wall seconds and back."""

    def __init__(self, zone, utc):
        self._zone = ZoneInfo(zone or "UTC")
        self._utc = utc and zone is not None

    def seconds(self, text):
        if not isinstance(text, str):
            raise UnsupportedError(f"time {text!r}")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise UnsupportedError(f"time {text!r}") from None
        if self._utc:
            moment = moment.replace(tzinfo=UTC).astimezone(self._zone)
        return wall(moment.replace(tzinfo=None).isoformat())

    def text(self, seconds):
        moment = datetime.combine(date.fromordinal(seconds // DAY_S), datetime.min.time())
        moment = moment.replace(hour=seconds % DAY_S // 3600, minute=seconds % 3600 // 60)
        if self._utc:
            moment = moment.replace(tzinfo=self._zone).astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat(timespec="minutes")


def _calendar(given):
    """(calendar, its zone)"""
    found = given.take("calendar", {"hours_per_day": 8})
    holidays = frozenset(day(one) for one in given.take("holidays", ()))
    employee = given.take("employee_timezone", None)
    lunch = not given.take("no_lunch_deduction", False)
    if found is None:
        # Fully flexible: nothing is expected by the day, so nothing can exceed it.
        return WorkCalendar(flexible_seconds=DAY_S, holidays=holidays), employee
    values = Fields(found, "calendar")
    values.ignore("name", "hours_per_week")
    zone = values.take("timezone", employee)
    hours, flexible = values.take("hours_per_day", None), values.take("flexible", False)
    days, work = values.take("days", "mon-sun"), values.take("work", None)
    values.done()
    if flexible or work is None:
        if hours is None:
            raise UnsupportedError("calendar without hours")
        made = WorkCalendar(flexible_seconds=round(hours * 3600), holidays=holidays)
        return made, zone
    if isinstance(work, dict):
        named = Fields(work, "calendar.work")
        plan = {number: _spans(named.take(name, ())) for number, name in enumerate(WEEKDAYS)}
        named.done()
    elif days in DAYS:
        plan = dict.fromkeys(DAYS[days], _spans(work))
    else:
        raise UnsupportedError(f"calendar.days {days!r}")
    return WorkCalendar(work=plan, holidays=holidays, unpunched_lunch=lunch), zone


def _spans(spans):
    return tuple((clock(start), clock(end)) for start, end in spans)


def _rule(values):
    given = Fields(values, "rule")
    base = given.choice("base", ("quantity", "timing"))
    given.ignore("rate", "name")
    tolerances = {
        "overtime_tolerance": given.take("employer_tolerance_minutes", 0) * 60,
        "short_tolerance": given.take("employee_tolerance_minutes", 0) * 60,
    }
    if base == "quantity":
        expected = given.take("expected_hours", None)
        if expected is None:
            given.choice("expected", ("schedule",))
        rule = CalendarRule(
            base=Base(given.choice("per", ("day", "week"))),
            expected=None if expected is None else round(expected * 3600),
            **tolerances,
        )
    else:
        rule = CalendarRule(
            base=Base.TIMING,
            when=When(given.choice("when", list(When))),
            start=clock(given.take("from", "00:00")),
            end=clock(given.take("to", "24:00")),
            **tolerances,
        )
    given.done()
    return rule


def _rules(given):
    rules = [_rule(values) for values in given.take("rules", ())]
    if "count_before_shift" in given or "count_after_shift" in given:
        rules.append(
            CalendarRule(
                base=Base.TIMING,
                when=When.OUTSIDE_SCHEDULE,
                before_plan=given.take("count_before_shift", True),
                after_plan=given.take("count_after_shift", True),
            )
        )
    if not rules:
        raise UnsupportedError("no rules")
    return rules


def _attendances(given, times):
    found = []
    for one in given.take("attendances"):
        if not isinstance(one, list) or len(one) != 2:
            raise UnsupportedError(f"attendance {one!r}")
        found.append((times.seconds(one[0]), one[1] and times.seconds(one[1])))
    return found


def _times(given, zone):
    return Times(zone, given.choice("times_are", ("UTC", "local"), "local") == "UTC")


def overtime(given, expect):
    given.ignore("note", "overlap")
    flexible = given.is_null("calendar")
    calendar, zone = _calendar(given)
    times = _times(given, zone)
    attendances, rules = _attendances(given, times), _rules(given)
    approval = given.choice("approval", ("by_manager",), None)
    # Who has no calendar owes no hours either.
    short = given.take("count_undertime", False) and not flexible

    def computed(some):
        return calendar_overtime(some, calendar, rules, count_short_time=short)

    found = computed(attendances)
    lines = [
        {
            "date": line.day.isoformat(),
            "start": times.text(line.start),
            "end": times.text(line.end),
            "hours": (line.end - line.start) / 3600,
        }
        for line in found.lines
    ]
    counted = isinstance(expect.get("lines"), int)
    return {
        "overtime_hours": found.seconds / 3600,
        "validated_overtime_hours": 0 if approval else found.seconds / 3600,
        "worked_hours": found.worked / 3600,
        "expected_hours": (found.worked - found.seconds) / 3600,
        "by_day": {on.isoformat(): seconds / 3600 for on, seconds in found.by_day.items()},
        "per_attendance": [seconds / 3600 for seconds in found.by_attendance],
        "lines": len(lines) + found.short_days if counted else lines,
        "date": times.text(attendances[0][0])[:10],
        "after_deleting_first": computed(attendances[1:]).seconds / 3600,
    }


def auto_check_out(given, expect):
    calendar, zone = _calendar(given)
    times = _times(given, zone)
    at = check_out_at(
        _attendances(given, times),
        calendar,
        given.take("tolerance_minutes") * 60,
        times.seconds(given.take("now")),
    )
    return {"check_out": at and times.text(at)}


KINDS = {"overtime": overtime, "auto_check_out": auto_check_out}


def answer(kind, values, expect):
    given = Fields(values)
    found = KINDS[kind](given, expect)
    given.done()
    return found

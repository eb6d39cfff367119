"""Cases of payment days, working days of a month and the hour's rate."""

from datetime import date, timedelta

from hr_core.attendance.payment_days import (
    DAY,
    DayMark,
    MarkedAttendance,
    PaymentRules,
    payment_days,
)
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    day,
    days,
    flag,
    length,
    number,
    rows,
    text,
    texts,
)
from hr_core.clock import Month

_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_UNPAID = {"unpaid": DAY, "half_paid": DAY // 2, "paid": 0}
_LONGEST_LEAVE_DAYS = 3660

_Records = dict[date, MarkedAttendance | None]


def _payment(given: Fields, _: Json) -> Json:
    month = given.read("month", Month.parse)
    whole_month = list(month.days())
    if given.read_or("days_in_month", length, len(whole_month)) != len(whole_month):
        raise UnsupportedError("a month of another length")
    holidays = frozenset(given.read_or("holidays", days, []))
    half_paid = int(given.read_or("half_day_fraction", number, 0.5) * DAY)
    records = _leave_records(given, half_paid) | _attendance_records(given)
    unmarked = given.choice("unmarked_counts_as", ("present", "absent"), "present")
    marked = [given.choice(key, ("present",), None) for key in ("all_days", "all_working_days")]
    if any(marked):
        everywhere: _Records = dict.fromkeys(whole_month, MarkedAttendance(status=DayMark.PRESENT))
        records = everywhere | records
    given.ignore("components")  # the parts of the gross
    gross = given.read_or("monthly_gross", number, None)
    found = payment_days(
        month,
        holidays,
        {on: record for on, record in records.items() if record is not None},
        (given.read_or("joined", day, None), given.read_or("left", day, None)),
        PaymentRules(
            include_holidays=given.read_or("include_holidays", flag, default=False),
            unmarked_absent=unmarked == "absent",
            marked_on_holiday=given.read_or("marked_on_holiday_counts", flag, default=False),
            half_day_paid=half_paid,
        ),
    )
    answer = {
        "payment_days": found.paid / DAY,
        "total_working_days": found.working / DAY,
        "absent_days": found.absent / DAY,
        "unpaid_leave_days": found.unpaid_leave / DAY,
    }
    if gross is not None:
        answer["gross"] = gross * found.paid / found.working if found.working else 0
        answer["gross_rounded"] = int(answer["gross"] + 0.5)
    return answer


def _attendance_records(given: Fields) -> _Records:
    records: _Records = {}
    for values in given.read_or("attendance", rows, []):
        one = Fields(values, "attendance")
        one.ignore("note", "shift")
        status = one.choice("status", [*DayMark, None])
        leave = one.choice("leave", ("paid", "unpaid"), None)
        on = one.read("date", day)
        record = status and MarkedAttendance(
            # Half a day of paid leave and half of work is a day paid in full.
            status=DayMark.PRESENT if (status, leave) == ("half_day", "paid") else DayMark(status),
            unpaid=DAY if leave == "unpaid" else 0,
        )
        if records.setdefault(on, record) != record:
            raise UnsupportedError(f"attendance: {on} is marked in two ways")
        one.done()
    return records


def _leave_records(given: Fields, half_paid: int) -> _Records:
    given.choice("based_on", ("leave", "attendance"), None)
    records: _Records = {}
    for values in given.read_or("leave", rows, []):
        one = Fields(values, "leave")
        one.ignore("note")
        first, last = one.read("from", day), one.read("to", day)
        if not 0 <= (last - first).days <= _LONGEST_LEAVE_DAYS:
            raise UnsupportedError(f"leave from {first} to {last}")
        unpaid = _UNPAID[one.choice("type", _UNPAID)]
        half = one.read_or("half_day", day, None)
        for offset in range((last - first).days + 1):
            on = first + timedelta(days=offset)
            part = unpaid * (DAY - half_paid) // DAY if on == half else unpaid
            records[on] = MarkedAttendance(status=DayMark.LEAVE, unpaid=part)
        one.done()
    return records


def _working_days(given: Fields, _: Json) -> Json:
    month = given.read("month", Month.parse)
    by_weekday: dict[int, float] = {}
    by_date: dict[date, float] = {}
    for key, part in (("half_day_holidays", 0.5), ("full_holidays", 0)):
        for name in given.read_or(key, texts, []):
            if name in _WEEKDAYS:
                by_weekday[_WEEKDAYS.index(name)] = part
            else:
                by_date[_named_day(key, name)] = part
    return {
        "working_days": sum(
            min(by_weekday.get(on.weekday(), 1), by_date.get(on, 1)) for on in month.days()
        )
    }


def _named_day(key: str, name: str) -> date:
    try:
        return day(name)
    except ValueError:
        raise UnsupportedError(f"{key}: {name!r}") from None


def _overtime_rate(given: Fields, _: Json) -> Json:
    """Days of the month, not days paid: who was absent does not earn more an hour."""
    given.read_or("absent_days", number, 0)
    given.read_or("month", text, None)
    hours = given.read("days_in_month", number) * given.read("hours_per_day", number)
    if hours <= 0:
        raise UnsupportedError("a month without hours")
    return {"hour_rate": given.read("basic", number) / hours}


KINDS = {
    "payment_days": _payment,
    "working_days": _working_days,
    "overtime_rate": _overtime_rate,
}

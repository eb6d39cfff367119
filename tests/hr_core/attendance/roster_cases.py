"""Cases of rosters, presence, marks, payment days and places."""

from datetime import date, timedelta

from msgspec.structs import replace

from hr_core.attendance.geofence import distance_m
from hr_core.attendance.marking import (
    Employment,
    ManualRecord,
    Plan,
    mark,
    shifts_overlap,
)
from hr_core.attendance.payment_days import (
    DAY,
    DayMark,
    MarkedAttendance,
    PaymentRules,
    payment_days,
)
from hr_core.attendance.presence import (
    HoursFrom,
    Pairing,
    Press,
    day_of,
    in_and_out,
    night_seconds,
    overlap,
    presence,
)
from hr_core.attendance.rostered import Assignment, ShiftType, Site, resolve
from hr_core.clock import DAY_S, Month
from tests.hr_core.attendance.case_input import Fields, UnsupportedError, clock, day, wall

SHIFT_KEYS = {
    "start": ("start", clock),
    "end": ("end", clock),
    "checkin_from_minutes_before": ("before", lambda minutes: minutes * 60),
    "checkout_until_minutes_after": ("after", lambda minutes: minutes * 60),
    "pairing": ("pairing", Pairing),
    "hours_from": ("hours_from", HoursFrom),
    "process_after": ("process_after", day),
    "processed_until": ("complete_until", wall),
    "mark_on_holidays": ("mark_on_holidays", bool),
    "late_grace_minutes": ("late_grace", lambda minutes: minutes * 60),
    "early_exit_grace_minutes": ("early_exit_grace", lambda minutes: minutes * 60),
    "half_day_below_hours": ("half_day_below", lambda hours: int(hours * 3600)),
    "absent_below_hours": ("absent_below", lambda hours: int(hours * 3600)),
}


def _shift(values):
    given = dict(values)
    return ShiftType(name=given.pop("name"), **_shift_fields(given))


def _shift_fields(values):
    unknown = set(values) - set(SHIFT_KEYS)
    if unknown:
        raise UnsupportedError(f"shift: does not know {sorted(unknown)}")
    return {SHIFT_KEYS[key][0]: SHIFT_KEYS[key][1](value) for key, value in values.items()}


def _assignment(values):
    given = Fields(values, "assignment")
    place = given.take("location", None)
    site = _site(Fields(place, "location")) if place else None
    default = given.take("default_shift", None)
    if default is not None:
        made = Assignment(shift=default, site=site)
    else:
        last = given.take("to")
        made = Assignment(
            shift=given.take("shift"),
            first=day(given.take("from")),
            last=last and day(last),
            site=site,
        )
    given.done()
    return made


def _site(given):
    site = Site(given.take("lat"), given.take("lon"), given.take("radius_m"))
    given.done()
    return site


def _roster(given):
    shifts = tuple(_shift(values) for values in given.take("shifts"))
    return shifts, tuple(_assignment(values) for values in given.take("assignments"))


def _text(seconds):
    return f"{date.fromordinal(seconds // DAY_S)}T{_hhmm(seconds % DAY_S)}"


def _hhmm(seconds):
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"


def resolve_shift(given, expect):
    shifts, assignments = _roster(given)
    found = []
    for entry in expect:
        if "change_shift" in entry:
            changed = _shift_fields(entry["set"])
            shifts = tuple(
                replace(one, **changed) if one.name == entry["change_shift"] else one
                for one in shifts
            )
            found.append(entry)
            continue
        one = resolve(wall(entry["punch"]), shifts, assignments)
        found.append(
            {
                "punch": entry["punch"],
                "shift": one and one.shift.name,
                "shift_start": one and _text(one.start),
                "shift_end": one and _text(one.end),
                "window_start": one and _text(one.opens),
                "window_end": one and _text(one.closes),
            }
        )
    return found


def geofence(given, expect):
    shifts, assignments = _roster(given)
    punch = Fields(given.take("punch"), "punch")
    one = resolve(wall(punch.take("time")), shifts, assignments)
    place = punch.take("lat"), punch.take("lon")
    punch.done()
    if one is None or one.assignment.site is None:
        return {"accepted": True}
    away = distance_m(one.assignment.site, *place)
    return {"accepted": away <= one.assignment.site.radius_m, "distance_m_about": away}


def auto_attendance(given, expect):
    shifts, assignments = _roster(given)
    employee = Fields(given.take("employee", {}), "employee")
    joined, left = employee.take("joined", None), employee.take("left", None)
    plan = Plan(
        shifts=shifts,
        assignments=assignments,
        holidays=frozenset(day(one) for one in given.take("holidays", ())),
        manual=tuple(_manual(one) for one in given.take("manual", ())),
        employment=Employment(
            employee.choice("status", ("active", "inactive"), "active") == "active",
            joined and day(joined),
            left and day(left),
        ),
    )
    employee.done()
    presses = [_press(one) for one in given.take("punches")]
    marked = mark(presses, plan, day(given.take("today")))
    return _marked(marked, expect)


def _manual(values):
    given = Fields(values, "manual")
    record = ManualRecord(day(given.take("date")), given.take("status"), given.take("shift", None))
    given.done()
    return record


def _press(value):
    if isinstance(value, str):
        return Press(wall(value))
    given = Fields(value, "punch")
    press = Press(wall(given.take("time")), given.take("direction", None))
    given.done()
    return press


def _marked(marked, expect):
    """The answer in the words of `expect`, whose days are asserted one by one."""
    found = {
        (one.day.isoformat(), one.shift): {
            "date": one.day.isoformat(),
            "shift": one.shift,
            "status": str(one.status),
            "late": one.late,
            "early_exit": one.early_exit,
            "hours": one.seconds / 3600,
            "by": "manual" if one.manual else "punches",
        }
        for one in marked.days
    }
    dates = {key[0] for key in found}
    no_record = expect.get("no_record", [])
    answer = {
        "punches_skipped": marked.skipped,
        "no_record": "all"
        if not found and no_record == "all"
        else [one for one in no_record if one not in dates]
        if no_record != "all"
        else sorted(dates),
        "no_record_for_shift": [
            one
            for one in expect.get("no_record_for_shift", [])
            if one not in {shift for _, shift in found}
        ],
    }
    if "days" in expect:
        answer["days"] = [_asked(found, one) for one in expect["days"]]
    if "only_these" in expect:
        asked = {one["date"] for one in expect["days"]}
        answer["only_these"] = dates == asked
    return answer


def _asked(found, wanted):
    for (on, shift), one in found.items():
        if on == wanted["date"] and wanted.get("shift", shift) == shift:
            return one
    return {"date": None, **dict.fromkeys(wanted)}


def attendance_record(given, expect):
    given.take("date")
    records = [_recorded(given.take(key), key) for key in ("existing", "new")]
    if None in records or records[0] == records[1]:
        return {"result": "duplicate"}
    overlapping = shifts_overlap(*records)
    return {"result": "overlapping_shift" if overlapping else "accepted"}


def _recorded(values, where):
    given = Fields(values, where)
    given.choice("status", ("present", "absent", "half_day", "leave"))
    ends = given.take("shift", None)
    given.done()
    return ends and ShiftType(name="", start=clock(ends[0]), end=clock(ends[1]))


def working_hours(given, expect):
    if "shift" in given:
        return _hours_of_shift(given)
    presses = [_clock_press(one) for one in given.take("punches")]
    there = presence(
        presses,
        Pairing(given.choice("pairing", list(Pairing))),
        HoursFrom(given.choice("hours_from", list(HoursFrom))),
    )
    return {
        "hours": there.seconds / 3600,
        "first_in": there.first_in and _hhmm(there.first_in),
        "last_out": there.last_out and _hhmm(there.last_out),
    }


def _clock_press(values):
    given = Fields(values, "punch")
    press = Press(clock(given.take("time")), given.choice("direction", ("in", "out"), None))
    given.done()
    return press


def _hours_of_shift(given):
    """Worked inside the shift less the break as far as it was crossed, and what is missing."""
    start, end = (clock(one) for one in given.take("shift"))
    rest = [clock(one) for one in given.take("break", ("00:00", "00:00"))]
    came, left = (clock(one) for one in given.take("punches"))
    worked = overlap(came, left, start, end) - overlap(came, left, *rest)
    due = end - start - overlap(start, end, *rest)
    return {"hours": worked / 3600, "absent_hours": (due - worked) / 3600}


def pairing(given, expect):
    mode = given.choice("mode", list(HoursFrom), "by_direction")
    presses, alternate = [], mode != "by_direction"
    for values in given.take("punches"):
        one = Fields(values, "punch")
        # 255 is a terminal's word for "no key pressed".
        state = one.choice("state", (255,), None)
        direction = None if state == 255 else one.choice("direction", ("in", "out"))
        presses.append(Press(wall(one.take("time")), direction))
        one.done()
    there = presence(
        presses,
        Pairing.ALTERNATE if alternate else Pairing.BY_DIRECTION,
        HoursFrom(mode) if alternate else HoursFrom.EVERY_PAIR,
    )
    return {
        "worked_hours": there.seconds / 3600,
        "days": _paired_days(presses) if "days" in expect else None,
        "first_in": there.first_in and _exact(there.first_in),
        "last_out": there.last_out and _exact(there.last_out),
        "ignored": [_exact(at) for at in there.ignored],
    }


def _paired_days(presses):
    """By the date of the in: the hours of its pairs, or which side is missing."""
    days = {}
    for pair in in_and_out(presses):
        on = _text(pair[0] if pair[0] is not None else pair[1])[:10]
        if None in pair:
            days[on] = {"missing": "in" if pair[0] is None else "out"}
        else:
            found = days.setdefault(on, {"worked_hours": 0})
            found["worked_hours"] = found.get("worked_hours", 0) + (pair[1] - pair[0]) / 3600
    return days


def _exact(seconds):
    """As the cases write times: without seconds where there are none."""
    return _text(seconds) + (f":{seconds % 60:02}" if seconds % 60 else "")


def night_hours(given, expect):
    start, end = (wall(one) for one in given.take("attendance"))
    night = night_seconds(start, end, *(clock(one) for one in given.take("night")))
    return {"night_hours": night / 3600, "day_hours": (end - start - night) / 3600}


def day_of_punch(given, expect):
    at = wall(given.take("punch"))
    found = day_of(at, clock(given.take("day_change_at")))
    on = date.fromordinal(found).isoformat()
    return {"date": on, "day": on}


def payment(given, expect):
    month = Month.parse(given.take("month"))
    if given.take("days_in_month") != len(list(month.days())):
        raise UnsupportedError("a month of another length")
    holidays = frozenset(day(one) for one in given.take("holidays"))
    records = _leave_records(given) | _attendance_records(given)
    unmarked = given.choice("unmarked_counts_as", ("present", "absent"), "present")
    known = {given.choice(key, ("present",), None): key for key in ("all_days", "all_working_days")}
    unmarked_days = {on for on, record in records.items() if record is None}
    if "present" in known:
        everything = dict.fromkeys(month.days(), MarkedAttendance(status=DayMark.PRESENT))
        records = everything | records
    records = {on: one for on, one in records.items() if on not in unmarked_days}
    joined, left = given.take("joined", None), given.take("left", None)
    gross = given.take("monthly_gross", None)
    given.ignore("components")  # the parts of the gross
    days = payment_days(
        month,
        holidays,
        records,
        (joined and day(joined), left and day(left)),
        PaymentRules(
            include_holidays=given.take("include_holidays"),
            unmarked_absent=unmarked == "absent",
            marked_on_holiday=given.take("marked_on_holiday_counts", False),
            half_day_paid=int(given.take("half_day_fraction", 0.5) * DAY),
        ),
    )
    answer = {
        "payment_days": days.paid / DAY,
        "total_working_days": days.working / DAY,
        "absent_days": days.absent / DAY,
        "unpaid_leave_days": days.unpaid_leave / DAY,
    }
    if gross is not None:
        answer["gross"] = gross * days.paid / days.working
        answer["gross_rounded"] = round(answer["gross"])
    return answer


def _attendance_records(given):
    records = {}
    for values in given.take("attendance", ()):
        one = Fields(values, "attendance")
        one.ignore("note")
        status = one.choice("status", [*DayMark, None])
        leave = one.choice("leave", ("paid", "unpaid"), None)
        unpaid = DAY if leave == "unpaid" else 0
        record = status and MarkedAttendance(status=DayMark(status), unpaid=unpaid)
        records[day(one.take("date"))] = record
        one.done()
    return records


def _leave_records(given):
    given.choice("based_on", ("leave", "attendance"), None)
    records = {}
    for values in given.take("leave", ()):
        one = Fields(values, "leave")
        one.ignore("note")
        first, last = day(one.take("from")), day(one.take("to"))
        whole = {"unpaid": DAY, "half_paid": DAY // 2, "paid": 0}
        unpaid = whole[one.choice("type", whole)]
        half = one.take("half_day", None)
        for offset in range((last - first).days + 1):
            on = first + timedelta(days=offset)
            part = unpaid // 2 if on.isoformat() == half else unpaid
            records[on] = MarkedAttendance(status=DayMark.LEAVE, unpaid=part)
        one.done()
    return records


def working_days(given, expect):
    weekdays = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
    month = Month.parse(given.take("month"))
    parts = {}
    for key, part in (("full_holidays", 0), ("half_day_holidays", 0.5)):
        for name in given.take(key, ()):
            if name not in weekdays:
                raise UnsupportedError(f"{key}: {name!r}")
            parts[weekdays.index(name)] = part
    return {"working_days": sum(parts.get(on.weekday(), 1) for on in month.days())}


def overtime_rate(given, expect):
    """Days of the month, not days paid: who was absent does not earn more an hour."""
    given.take("absent_days", 0)
    return {
        "hour_rate": given.take("basic") / given.take("days_in_month") / given.take("hours_per_day")
    }


KINDS = {
    "resolve_shift": resolve_shift,
    "geofence": geofence,
    "auto_attendance": auto_attendance,
    "attendance_record": attendance_record,
    "working_hours": working_hours,
    "pairing": pairing,
    "night_hours": night_hours,
    "day_of_punch": day_of_punch,
    "payment_days": payment,
    "working_days": working_days,
    "overtime_rate": overtime_rate,
}


def answer(kind, values, expect):
    given = Fields(values)
    found = KINDS[kind](given, expect)
    given.done()
    return found

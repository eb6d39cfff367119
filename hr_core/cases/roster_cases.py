"""Cases of rosters: which shift a punch belongs to, marks of days, places."""

from collections.abc import Callable
from datetime import date

from msgspec.structs import replace

from hr_core.attendance.geofence import distance_m
from hr_core.attendance.marking import (
    Employment,
    ManualRecord,
    Mark,
    Marked,
    Plan,
    mark,
    shifts_overlap,
)
from hr_core.attendance.presence import HoursFrom, Pairing, Press
from hr_core.attendance.rostered import (
    Assignment,
    Occurrence,
    ShiftType,
    Site,
    resolve,
    resolve_again,
)
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    as_day_and_time,
    clock,
    day,
    days,
    flag,
    hours,
    minutes,
    number,
    rows,
    text,
    texts,
    wall,
)

_SHIFT_KEYS: dict[str, tuple[str, Callable[[Json], object]]] = {
    "start": ("start", clock),
    "end": ("end", clock),
    "checkin_from_minutes_before": ("before", minutes),
    "checkout_until_minutes_after": ("after", minutes),
    "pairing": ("pairing", Pairing),
    "hours_from": ("hours_from", HoursFrom),
    "process_after": ("process_after", day),
    "processed_until": ("complete_until", wall),
    "mark_on_holidays": ("mark_on_holidays", flag),
    "late_grace_minutes": ("late_grace", minutes),
    "early_exit_grace_minutes": ("early_exit_grace", minutes),
    "half_day_below_hours": ("half_day_below", hours),
    "absent_below_hours": ("absent_below", hours),
}
_EARLIEST = date(1900, 1, 1)
_HOUR = 3600

_Roster = tuple[tuple[ShiftType, ...], tuple[Assignment, ...]]


def _shift(values: Json) -> ShiftType:
    given = Fields(values, "shift")
    made = ShiftType(
        name=given.read("name", text),
        start=given.read("start", clock),
        end=given.read("end", clock),
        process_after=_EARLIEST,
    )
    made = replace(made, **_shift_fields(given))
    given.done()
    return made


def _shift_fields(given: Fields) -> dict[str, object]:
    return {
        field: given.read(key, reader)
        for key, (field, reader) in _SHIFT_KEYS.items()
        if key in given
    }


def _assignment(values: Json) -> Assignment:
    given = Fields(values, "assignment")
    place = given.take("location", None)
    site = _site(Fields(place, "location")) if place else None
    if "default_shift" in given:
        made = Assignment(shift=given.read("default_shift", text), site=site)
    else:
        made = Assignment(
            shift=given.read("shift", text),
            first=given.read("from", day),
            last=given.read_or("to", day, None),
            site=site,
        )
    given.done()
    return made


def _site(given: Fields) -> Site:
    site = Site(
        given.read("lat", number), given.read("lon", number), given.read("radius_m", number)
    )
    given.done()
    return site


def _roster(given: Fields) -> _Roster:
    shifts = tuple(_shift(values) for values in given.read("shifts", rows))
    return shifts, tuple(_assignment(values) for values in given.read("assignments", rows))


def _resolve_shift(given: Fields, expect: Json) -> Json:
    """The punches to ask about stand in `expect`."""
    shifts, assignments = _roster(given)
    if not isinstance(expect, list):
        raise UnsupportedError("expect: not a list of punches")
    found = []
    for entry in expect:
        asked = Fields(entry, "expect")
        if "change_shift" in asked:
            shifts = _changed(shifts, asked)
            found.append(entry)
            continue
        one = resolve(asked.read("punch", wall), shifts, assignments)
        found.append({"punch": entry["punch"], **_occurrence(one)})
    return found


def _changed(shifts: tuple[ShiftType, ...], asked: Fields) -> tuple[ShiftType, ...]:
    name, change = asked.read("change_shift", text), Fields(asked.take("set"), "set")
    fields = _shift_fields(change)
    change.done()
    return tuple(replace(one, **fields) if one.name == name else one for one in shifts)


def _occurrence(one: Occurrence | None) -> dict[str, Json]:
    if one is None:
        names = ("shift", "shift_start", "shift_end", "window_start", "window_end")
        return dict.fromkeys(names)
    return {
        "shift": one.shift.name,
        "shift_start": as_day_and_time(one.start),
        "shift_end": as_day_and_time(one.end),
        "window_start": as_day_and_time(one.opens),
        "window_end": as_day_and_time(one.closes),
    }


def _resolve_shift_again(given: Fields, expect: Json) -> Json:
    """Asked before, after a new assignment, and after it with the day already marked."""
    shifts, assignments = _roster(given)
    at = given.read("punch", _time_of_punch)
    for key in ("new_assignments", "assignments_after"):
        later = [_assignment(one) for one in given.read_or(key, rows, [])]
        if later:
            break
    else:
        later = [_assignment(given.take("new_assignment"))]
    known = resolve(at, shifts, assignments)
    # Who is assigned anew is assigned that: what it overlaps of the earlier plan gives way.
    after = (*later, *(one for one in assignments if one.first is None))
    open_day, marked_day = (
        resolve_again(known, at, shifts, after, marked=marked) for marked in (False, True)
    )
    if not isinstance(expect, dict):
        raise UnsupportedError("expect: not an object")
    answers = {}
    for key, wanted in expect.items():
        one = marked_day if "marked" in key else known if "before" in key else open_day
        if not any(word in key for word in ("marked", "before", "after", "open", "again")):
            continue
        answers[key] = _occurrence(one) if isinstance(wanted, dict) else one and one.shift.name
    return answers


def _time_of_punch(value: Json) -> int:
    return wall(value["time"] if isinstance(value, dict) else value)


def _geofence(given: Fields, _: Json) -> Json:
    shifts, assignments = _roster(given)
    punch = Fields(given.take("punch"), "punch")
    one = resolve(punch.read("time", wall), shifts, assignments)
    latitude, longitude = punch.read_or("lat", number, None), punch.read_or("lon", number, None)
    punch.done()
    site = one.assignment.site if one else None
    if site is None or site.radius_m <= 0:
        return {"accepted": True}
    if latitude is None or longitude is None:
        return {"accepted": False}
    away = distance_m(site, latitude, longitude)
    return {"accepted": away <= site.radius_m, "distance_m_about": away}


def _auto_attendance(given: Fields, expect: Json) -> Json:
    shifts, assignments = _roster(given)
    employee = Fields(given.take("employee", {}), "employee")
    plan = Plan(
        shifts=shifts,
        assignments=assignments,
        holidays=frozenset(given.read_or("holidays", days, [])),
        manual=tuple(_manual(one) for one in given.read_or("manual", rows, [])),
        employment=Employment(
            employee.choice("status", ("active", "inactive"), "active") == "active",
            employee.read_or("joined", day, None),
            employee.read_or("left", day, None),
        ),
    )
    employee.done()
    presses = [_press(one) for one in given.read_or("punches", rows, [])]
    marked = mark(presses, plan, given.read("today", day))
    if not isinstance(expect, dict):
        raise UnsupportedError("expect: not an object")
    return _marked(marked, Fields(expect, "expect"))


def _manual(values: Json) -> ManualRecord:
    given = Fields(values, "manual")
    record = ManualRecord(
        given.read("date", day),
        given.choice("status", list(Mark)),
        given.read_or("shift", text, None),
    )
    given.done()
    return record


def _press(value: Json) -> Press:
    given = Fields({"time": value} if isinstance(value, str) else value, "punch")
    press = Press(given.read("time", wall), given.choice("direction", ("in", "out"), None))
    given.done()
    return press


def _marked(marked: Marked, expect: Fields) -> Json:
    """The answer in the words of `expect`, whose days are asserted one by one."""
    found = [
        {
            "date": one.day.isoformat(),
            "shift": one.shift,
            "status": str(one.status),
            "late": one.late,
            "early_exit": one.early_exit,
            "hours": one.seconds / _HOUR,
            "by": "manual" if one.manual else "punches",
        }
        for one in marked.days
    ]
    dates = {one["date"] for one in found}
    shifts = {one["shift"] for one in found}
    answer: dict[str, Json] = {
        "punches_skipped": marked.skipped,
        "no_record_for_shift": [
            one for one in _listed(expect, "no_record_for_shift") if one not in shifts
        ],
    }
    none_of = _listed(expect, "no_record")
    if none_of == ["all"]:
        answer["no_record"] = sorted(map(str, dates)) or "all"
    else:
        answer["no_record"] = [one for one in none_of if one not in dates]
    wanted = expect.read_or("days", rows, [])
    answer["days"] = [_asked(found, Fields(one, "days"), one) for one in wanted]
    answer["only_these"] = dates == {one["date"] for one in wanted}
    return answer


def _listed(expect: Fields, key: str) -> list[str]:
    """One, or a list of such."""
    return expect.read_or(
        key, lambda value: [value] if isinstance(value, str) else texts(value), []
    )


def _asked(found: list[dict[str, Json]], asked: Fields, wanted: Json) -> Json:
    on, shift = asked.read("date", text), asked.take("shift", None)
    for one in found:
        if one["date"] == on and shift in (None, one["shift"]):
            return one
    return {"date": "no record", **dict.fromkeys(key for key in wanted if key != "date")}


def _attendance_record(given: Fields, _: Json) -> Json:
    given.read("date", day)
    existing, new = (_recorded(given.take(key), key) for key in ("existing", "new"))
    if existing is None or new is None or existing == new:
        return {"result": "duplicate"}
    overlapping = shifts_overlap(existing, new)
    return {"result": "overlapping_shift" if overlapping else "accepted"}


def _recorded(values: Json, where: str) -> ShiftType | None:
    given = Fields(values, where)
    given.choice("status", list(Mark))
    ends = given.read_or("shift", lambda value: [clock(one) for one in rows(value)], None)
    given.done()
    if ends is None:
        return None
    if len(ends) != 2:
        raise UnsupportedError(f"{where}.shift of {len(ends)} times")
    return ShiftType(name="", start=ends[0], end=ends[1])


KINDS = {
    "resolve_shift": _resolve_shift,
    "resolve_shift_again": _resolve_shift_again,
    "geofence": _geofence,
    "auto_attendance": _auto_attendance,
    "attendance_record": _attendance_record,
}

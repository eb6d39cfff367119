"""Cases of how long somebody was there: pairs of punches, breaks, nights, dates, month ends."""

from datetime import date

from hr_core.attendance.payment_days import shares
from hr_core.attendance.presence import (
    HoursFrom,
    Pairing,
    Press,
    day_of,
    in_and_out,
    night_seconds,
    overlap,
    presence,
    seconds_by_month,
)
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    as_day_and_time,
    as_time,
    clock,
    number,
    rows,
    wall,
    whole,
)
from hr_core.clock import DAY_S, Month

# A terminal's word for "no key pressed".
_NO_KEY = 255
_HOUR = 3600


def _working_hours(given: Fields, _: Json) -> Json:
    if "shift" in given:
        return _hours_of_shift(given)
    presses = [_press(one) for one in given.read("punches", rows)]
    there = presence(
        sorted(presses, key=lambda press: press.at),
        Pairing(given.choice("pairing", list(Pairing), Pairing.ALTERNATE)),
        HoursFrom(given.choice("hours_from", list(HoursFrom), HoursFrom.FIRST_AND_LAST)),
    )
    dated = any(press.at > DAY_S for press in presses)
    if dated and any(press.at <= DAY_S for press in presses):
        raise UnsupportedError("punches with and without a date")
    spell = as_day_and_time if dated else as_time
    return {
        "hours": there.seconds / _HOUR,
        "first_in": None if there.first_in is None else spell(there.first_in),
        "last_out": None if there.last_out is None else spell(there.last_out),
    }


def _press(values: Json) -> Press:
    """Its time alone, or with the key; of one day, or dated."""
    given = Fields({"time": values} if isinstance(values, str) else values, "punch")
    at = given.read("time", _moment)
    press = Press(at, given.choice("direction", ("in", "out"), None))
    given.done()
    return press


def _moment(value: Json) -> int:
    return wall(value) if isinstance(value, str) and "-" in value else clock(value)


def _hours_of_shift(given: Fields) -> Json:
    """Worked inside the shift less the break as far as it was crossed, and what is missing."""
    start, end = _two_times(given, "shift")
    rest = _two_times(given, "break") if "break" in given else (start, start)
    came, left = _two_times(given, "punches")
    worked = overlap(came, left, start, end) - overlap(
        max(came, start), min(left, end), rest[0], rest[1]
    )
    due = end - start - overlap(start, end, rest[0], rest[1])
    return {"hours": worked / _HOUR, "absent_hours": (due - worked) / _HOUR}


def _two_times(given: Fields, key: str) -> tuple[int, int]:
    times = given.read(key, lambda value: [clock(one) for one in rows(value)])
    if len(times) != 2:
        raise UnsupportedError(f"{key} of {len(times)} times")
    start, end = times
    if end < start:
        raise UnsupportedError(f"{key} over midnight")
    return start, end


def _pairing(given: Fields, expect: Json) -> Json:
    mode = given.choice("mode", (*HoursFrom, *Pairing), "by_direction")
    presses = sorted(
        (_keyed_press(one) for one in given.read("punches", rows)), key=lambda press: press.at
    )
    alternate = mode != "by_direction"
    there = presence(
        presses,
        Pairing.ALTERNATE if alternate else Pairing.BY_DIRECTION,
        HoursFrom.FIRST_AND_LAST if mode == HoursFrom.FIRST_AND_LAST else HoursFrom.EVERY_PAIR,
    )
    return {
        "worked_hours": there.seconds / _HOUR,
        "days": _paired_days(presses) if "days" in expect else None,
        "first_in": None if there.first_in is None else _exact(there.first_in),
        "last_out": None if there.last_out is None else _exact(there.last_out),
        "ignored": [_exact(at) for at in there.ignored],
    }


def _keyed_press(values: Json) -> Press:
    given = Fields({"time": values} if isinstance(values, str) else values, "punch")
    state = given.read_or("state", whole, None)
    if state not in (None, _NO_KEY):
        raise UnsupportedError(f"punch.state: {state}")
    direction = None if state == _NO_KEY else given.choice("direction", ("in", "out"), None)
    press = Press(given.read("time", wall), direction)
    given.done()
    return press


def _paired_days(presses: list[Press]) -> Json:
    """By the date of the in: the hours of its pairs, or which side is missing."""
    found: dict[str, dict[str, Json]] = {}
    for came, left in in_and_out(presses):
        if came is None or left is None:
            at = left if came is None else came
            if at is not None:
                on = as_day_and_time(at)[:10]
                found.setdefault(on, {})["missing"] = "in" if came is None else "out"
        else:
            day = found.setdefault(as_day_and_time(came)[:10], {})
            day["worked_hours"] = day.get("worked_hours", 0) + (left - came) / _HOUR
    return found


def _exact(seconds: int) -> str:
    """As the cases write times: without seconds where there are none."""
    return as_day_and_time(seconds) + (f":{seconds % 60:02}" if seconds % 60 else "")


def _two_moments(given: Fields, key: str) -> tuple[int, int]:
    times = given.read(key, lambda value: [wall(one) for one in rows(value)])
    if len(times) != 2 or times[1] < times[0]:
        raise UnsupportedError(f"{key} of {len(times)} times, or ending before it begins")
    return times[0], times[1]


def _night_hours(given: Fields, _: Json) -> Json:
    start, end = _two_moments(given, "attendance")
    window = given.read("night", lambda value: [clock(one) for one in rows(value)])
    if len(window) != 2:
        raise UnsupportedError("a night without two times")
    night = night_seconds(start, end, window[0], window[1])
    return {"night_hours": night / _HOUR, "day_hours": (end - start - night) / _HOUR}


def _day_of_punch(given: Fields, _: Json) -> Json:
    found = day_of(given.read("punch", wall), given.read("day_change_at", clock))
    on = date.fromordinal(found).isoformat()
    return {"date": on, "day": on}


def _split_month(given: Fields, _: Json) -> Json:
    """Work over the end of a month, or a month's pay in two halves: the parts are the whole."""
    if "month" in given:
        return _halves_of_a_month(given)
    start, end = _two_moments(given, "attendance")
    parts = seconds_by_month(start, end)
    by_month = {str(month): seconds / _HOUR for month, seconds in parts.items()}
    worked = sum(parts.values()) / _HOUR
    hours = [seconds / _HOUR for seconds in parts.values()]
    return {"by_month": by_month, "parts": hours, "sum": worked, "hours": worked, **by_month}


def _halves_of_a_month(given: Fields) -> Json:
    month = given.read("month", Month.parse)
    length = len(list(month.days()))
    last = given.read_or("split_after_day", whole, 15)
    fen = [
        round(given.read(key, number) * 100)
        for key in ("monthly_wage", "monthly_gross", "wage", "amount")
        if key in given
    ]
    if len(fen) != 1 or not 0 < last < length:
        raise UnsupportedError("a month to split needs one amount, and a day inside it")
    parts = [share / 100 for share in shares(fen[0], [last, length - last])]
    return {"parts": parts, "sum": sum(parts), "first": parts[0], "second": parts[1]}


KINDS = {
    "working_hours": _working_hours,
    "pairing": _pairing,
    "night_hours": _night_hours,
    "day_of_punch": _day_of_punch,
    "split_month": _split_month,
}

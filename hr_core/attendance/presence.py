"""How long somebody was there: pairs of a plain list of punches, meals crossed, night hours."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from hr_core.clock import DAY_S, Month, wall_time

# Two presses of the same key nearer than this are one arrival.
_AGAIN_S = 600


class Press(NamedTuple):
    """`direction` "in", "out" or None where the device does not say."""

    at: int
    direction: str | None = None


class Pairing(StrEnum):
    ALTERNATE = "alternate"
    BY_DIRECTION = "by_direction"


class HoursFrom(StrEnum):
    FIRST_AND_LAST = "first_in_last_out"
    EVERY_PAIR = "every_pair"


class Presence(NamedTuple):
    seconds: int
    first_in: int | None
    last_out: int | None
    ignored: tuple[int, ...] = ()


def presence(presses: Sequence[Press], pairing: Pairing, hours_from: HoursFrom) -> Presence:
    """Presses in order of time; one that has no partner adds nothing and loses nothing else."""
    if pairing is Pairing.ALTERNATE:
        times = [press.at for press in presses]
        pairs = list(zip(times[::2], times[1::2], strict=False))
        first, last = (times[0], times[-1]) if times else (None, None)
        ignored: tuple[int, ...] = ()
    else:
        pairs, ignored = _by_direction(presses)
        first = next((press.at for press in presses if press.direction == "in"), None)
        last = next((press.at for press in reversed(presses) if press.direction == "out"), None)
    if hours_from is HoursFrom.EVERY_PAIR:
        return Presence(sum(out - came for came, out in pairs), first, last, ignored)
    seconds = last - first if first is not None and last is not None else 0
    return Presence(max(0, seconds), first, last, ignored)


def _by_direction(presses: Sequence[Press]) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """Each in with the first out after it; a second in before that is ignored, and an out alone."""
    pairs: list[tuple[int, int]] = []
    ignored: list[int] = []
    came: int | None = None
    for press in presses:
        if press.direction == "in" and came is None:
            came = press.at
        elif press.direction == "out" and came is not None:
            pairs.append((came, press.at))
            came = None
        else:
            ignored.append(press.at)
    return pairs, tuple(ignored)


def in_and_out(
    presses: Sequence[Press], maximum: int = DAY_S
) -> list[tuple[int | None, int | None]]:
    """Each in with its out at most `maximum` later; a side that is missing is None, so that a
    person can be asked for it.
    """
    pairs: list[tuple[int | None, int | None]] = []
    came: int | None = None
    for press in presses:
        if press.direction == "in":
            # Pressed again within minutes it is the same arrival, later the out was forgotten.
            if came is not None and press.at - came >= _AGAIN_S:
                pairs.append((came, None))
                came = press.at
            came = press.at if came is None else came
        elif press.direction == "out":
            in_time = came is not None and press.at - came <= maximum
            if came is not None and not in_time:
                pairs.append((came, None))
            pairs.append((came if in_time else None, press.at))
            came = None
    return [*pairs, (came, None)] if came is not None else pairs


def day_of(at: int, day_change: int) -> int:
    """The ordinal of the date that a punch belongs to where days change at a second of the day: an
    evening change begins the next date, a morning one ends the date before.
    """
    day, second = divmod(at, DAY_S)
    if day_change > DAY_S // 2:
        return day + (second >= day_change)
    return day - (second < day_change)


def overlap(start: int, end: int, other_start: int, other_end: int) -> int:
    return max(0, min(end, other_end) - max(start, other_start))


def night_seconds(start: int, end: int, night_start: int, night_end: int) -> int:
    """Seconds of a span inside a nightly window, given in seconds of the day; each counts once,
    and a night begins on the day before too.
    """
    length = (night_end - night_start) % DAY_S or DAY_S
    first = start // DAY_S - 1
    nights = range(first, end // DAY_S + 1)
    return sum(
        overlap(start, end, day * DAY_S + night_start, day * DAY_S + night_start + length)
        for day in nights
    )


def seconds_by_month(start: int, end: int) -> dict[Month, int]:
    """The parts of a span of wall seconds in each month that it touches; together they are it."""
    parts: dict[Month, int] = {}
    while start < end:
        moment = wall_time(start)
        month = Month(moment.year, moment.month)
        until = min(end, month.after.toordinal() * DAY_S)
        parts[month] = until - start
        start = until
    return parts

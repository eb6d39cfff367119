"""Where a wall clock jumps: hours that do not exist, hours that come twice, days of 23 or 25."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from hr_core.clock import DAY_S, midnight

_ONE_DAY = timedelta(days=1)


class WallClock(StrEnum):
    """How often a clock shows a time."""

    ONCE = "once"
    SKIPPED = "skipped"
    TWICE = "twice"


class Moment(NamedTuple):
    """`instant` in Unix seconds; `clock` says whether it was a choice."""

    instant: int
    clock: WallClock


class ClockChange(Struct, frozen=True):
    """`seconds`: how much shorter (below zero) or longer than 24 hours the day is."""

    day: date
    seconds: int


def instant_of(wall: datetime, zone: str, not_before: int | None = None) -> Moment:
    """The instant of a naive wall-clock time. One that comes twice is the first, unless that lies
    before `not_before` (the punch before it): then it can only be the second. One that is skipped is
    as if the clock had not yet jumped: 02:30 is half an hour after 02:00.
    """
    first, second = (_instant(wall, zone, fold) for fold in (0, 1))
    if first == second:
        return Moment(first, WallClock.ONCE)
    if second < first:
        return Moment(first, WallClock.SKIPPED)
    late = not_before is not None and first < not_before
    return Moment(second if late else first, WallClock.TWICE)


def _instant(wall: datetime, zone: str, fold: int) -> int:
    return int(wall.replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def change_on(day: date, zone: str) -> int:
    """Seconds by which a local day differs from 24 hours."""
    start, end = (_instant(midnight(on), zone, 0) for on in (day, day + _ONE_DAY))
    return end - start - DAY_S


def changes_between(first: date, until: date, zone: str) -> list[ClockChange]:
    """Of the days from `first` to before `until`."""
    days = (first + timedelta(days=n) for n in range((until - first).days))
    return [ClockChange(on, seconds) for on in days if (seconds := change_on(on, zone))]


def change_within(start: datetime, end: datetime, zone: str) -> int:
    """What plain subtraction of two naive wall-clock times misses: an hour less was worked in a
    spring night (-3600), an hour more in an autumn one.
    """
    begin = instant_of(start, zone)
    finish = instant_of(end, zone, not_before=begin.instant)
    return finish.instant - begin.instant - int((end - start).total_seconds())

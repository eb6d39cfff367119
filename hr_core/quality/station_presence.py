"""Punches at a station's readers and the planned roster as presences at the station."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hr_core.quality.presence import Evidence, Presence
from protocols.records import Direction

# A press within this is the same press; a reader without keys would take it for leaving.
DEBOUNCE_S = 60
# A counter read that a badge forces comes this late at most: the hand-over is at that reading.
FORCED_READ_S = 3

_ON = frozenset({Direction.IN, Direction.BREAK_IN, Direction.OVERTIME_IN})
_OFF = frozenset({Direction.OUT, Direction.BREAK_OUT, Direction.OVERTIME_OUT})


class BadgePress(NamedTuple):
    """`at` in UTC seconds."""

    at: int
    person: str
    direction: Direction


def badge_presences(
    presses: Iterable[BadgePress], shift_ends: Mapping[str, Sequence[int]], *, team: bool
) -> list[Presence]:
    """Badge intervals at one station. `shift_ends` of each person, sorted: there a forgotten
    session ends. Unless it is a team's station, the next person's badge takes over.
    """
    station = _Sessions(shift_ends)
    pressed: dict[str, int] = {}
    for press in sorted(presses):
        repeated = press.at - pressed.get(press.person, press.at - DEBOUNCE_S) < DEBOUNCE_S
        pressed[press.person] = press.at
        present = station.has(press.person, press.at)
        if press.direction in _OFF:
            station.leave(press.person, press.at)
        elif present:
            if press.direction not in _ON and not repeated:
                station.leave(press.person, press.at)  # no keys: the second press is leaving
        elif not repeated:
            station.come(press, alone=not team)
    return station.ended()


class _Sessions:
    """Who is at the station, and the intervals that are over."""

    def __init__(self, shift_ends: Mapping[str, Sequence[int]]) -> None:
        self._shift_ends = shift_ends
        self._began: dict[str, int] = {}
        self._over: list[Presence] = []

    def has(self, person: str, at: int) -> bool:
        """Whether he is there by the badges: a session beyond its shift's end is not."""
        since = self._began.get(person)
        if since is None:
            return False
        end = self._end_of_shift(person, since)
        return end is None or at < end

    def come(self, press: BadgePress, *, alone: bool) -> None:
        for person in list(self._began) if alone else [press.person]:
            self.leave(person, press.at)
        self._began[press.person] = press.at

    def leave(self, person: str, at: int | None) -> None:
        """`at` None: nobody said when; then only the shift's end can say."""
        since = self._began.pop(person, None)
        if since is None:
            return
        ends = [end for end in (at, self._end_of_shift(person, since)) if end is not None]
        if ends and min(ends) > since:
            self._over.append(Presence(person, since, min(ends), Evidence.BADGE))

    def ended(self) -> list[Presence]:
        for person in list(self._began):
            self.leave(person, None)
        return sorted(self._over, key=lambda one: (one.since, one.person))

    def _end_of_shift(self, person: str, since: int) -> int | None:
        ends = self._shift_ends.get(person, ())
        place = bisect_left(ends, since + 1)
        return ends[place] if place < len(ends) else None


def snapped(presences: Iterable[Presence], readings: Iterable[int]) -> list[Presence]:
    """Every hand-over moved to the reading that it forced, so that it splits exactly."""
    times = sorted(set(readings))

    def at_reading(moment: int) -> int:
        place = bisect_left(times, moment)
        near = place < len(times) and times[place] - moment <= FORCED_READ_S
        return times[place] if near else moment

    return [
        one._replace(
            since=at_reading(one.since), until=None if one.until is None else at_reading(one.until)
        )
        for one in presences
    ]

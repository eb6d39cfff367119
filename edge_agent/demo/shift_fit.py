"""Which shift fits a person's punches, when all we have is a terminal's log.

The terminal knows no shifts. People do: whoever was away for a long rest comes back at the start of
a shift. A direction key (state 0 = in) says the same where people use it. Pure functions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

# Longer away than between two shifts of the same rota (12 h), so the next punch is an arrival.
_REST = timedelta(hours=13)
_DAY_MINUTES = 24 * 60
_STATE_IN = 0
_STATE_OUT = 1
# Below this share of arrivals the direction keys are not used, or only one of them is.
_KEYS_IN_USE = 0.2


@dataclass(frozen=True, slots=True)
class ShiftTemplate:
    code: str
    name: str
    name_zh: str
    start: time
    end: time
    break_minutes: int


TEMPLATES = (
    ShiftTemplate("day-long", "Day 06-18", "白班 06-18", time(6, 0), time(18, 0), 60),
    ShiftTemplate("office", "Office 08-17", "常日班 08-17", time(8, 0), time(17, 0), 60),
    ShiftTemplate("night", "Night 18-06", "夜班 18-06", time(18, 0), time(6, 0), 60),
)


def fitting_shift(punches: Sequence[tuple[datetime, int]]) -> ShiftTemplate:
    """The template whose start lies nearest to most arrivals. `punches` are (wall clock, state).

    With no arrival to go by (one punch, or never a rest) the first punch counts as one.
    """
    ordered = sorted(punches)
    arrivals = list(_arrivals(ordered)) or [ordered[0][0]]
    votes = Counter(_nearest(arrival) for arrival in arrivals)
    # Equal votes go to the earlier template, so that the choice never depends on the order of rows.
    code = max((template.code for template in TEMPLATES), key=lambda code: votes[code])
    return next(template for template in TEMPLATES if template.code == code)


def _arrivals(ordered: Sequence[tuple[datetime, int]]) -> Iterator[datetime]:
    states = Counter(state for _, state in ordered)
    keyed = min(states[_STATE_IN], states[_STATE_OUT]) >= _KEYS_IN_USE * len(ordered)
    before: datetime | None = None
    for wall, state in ordered:
        rested = before is None or wall - before >= _REST
        if (keyed and state == _STATE_IN) or (not keyed and rested):
            yield wall
        before = wall


def _nearest(arrival: datetime) -> str:
    minute = arrival.hour * 60 + arrival.minute
    return min(TEMPLATES, key=lambda template: _distance(minute, template.start)).code


def _distance(minute: int, start: time) -> int:
    """Minutes around the clock, 0 to 720."""
    apart = abs(minute - (start.hour * 60 + start.minute))
    return min(apart, _DAY_MINUTES - apart)

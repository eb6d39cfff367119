"""What a person must know of a counter that did not go on counting."""

from datetime import datetime
from typing import Final

from drivers.ports import Clock
from drivers.vitals import Alarm

# Of the same counter: once may be a restart between two reads, twice is how it is made.
_EMPTIED_TIMES: Final = 2
_FELL_SHOWN_S: Final = 86_400.0  # somebody looks at `status` once a day


class CounterAlarms:
    """By tag. A fall is shown for a day: whether somebody has answered it, the core knows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._emptied: dict[str, int] = {}
        self._fell: dict[str, tuple[float, str]] = {}

    def empties_itself(self, tag: str) -> bool:
        """Notes that `tag` fell by being read; True when that makes it certain."""
        self._emptied[tag] = self._emptied.get(tag, 0) + 1
        return self._emptied[tag] == _EMPTIED_TIMES

    def fell(self, tag: str, before: int, now: int, at: datetime) -> None:
        what = (
            f"counter {tag} fell from {before} to {now} at {at:%Y-%m-%d %H:%M}Z without a restart"
        )
        self._fell[tag] = self._clock.monotonic(), what

    def all(self) -> tuple[Alarm, ...]:
        now = self._clock.monotonic()
        emptied = [
            Alarm(
                code="counter_empties_itself",
                what=f"counter {tag} falls whenever it is read: each lost answer loses pieces",
                remedy="Use a register that only grows, or set the box so; no other program may "
                "read this one meanwhile",
            )
            for tag, times in self._emptied.items()
            if times >= _EMPTIED_TIMES
        ]
        fallen = [
            Alarm(
                code="counter_fell",
                what=what,
                remedy=f"Was the box or counter replaced: edge-agent line replace {tag} --at TIME "
                "--reason TEXT. If somebody reset it, nothing is to do",
            )
            for tag, (since, what) in self._fell.items()
            if now - since < _FELL_SHOWN_S
        ]
        return (*emptied, *fallen)

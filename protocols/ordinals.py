"""The place of each punch in a complete log: ordinals among equals, and re-written blocks.

A log may truly hold two equal rows: they stand together. And worn terminals write a whole block of
rows a second time: the copies stand elsewhere. So rows of one second that stand together form a
run, and the k-th of a run's equal rows is a repeat when an earlier run already held k of them.
Twins get ordinals 0 and 1 and both count; the rows of a re-written block are flagged, not paid.
"""

from collections.abc import Container
from datetime import datetime

from msgspec.structs import replace

from protocols.records import Flag, Punch

_Row = tuple[int, int]  # hashes of key and bytes


class LogOrder:
    """Places the rows of one complete log, in log order.

    Holds two hashes per row, not the rows: logs have up to 1,000,000. Hashes (64 bits, keyed by the
    interpreter) are compared only within one second of the log, where no two will ever collide.
    """

    def __init__(self, shared: Container[datetime] | None = None) -> None:
        """`shared`: seconds outside of which no two rows of the log meet; rows of other seconds
        cost no memory then. None: any second may hold several.
        """
        self._shared = shared
        self._seconds: dict[datetime, _Row | _BusySecond] = {}
        self._run_time: datetime | None = None
        self._run = 0

    def pass_over(self) -> None:
        """Here stood rows that share no second with any other: whatever follows is a new run."""
        self._run_time = None

    def place(self, punch: Punch) -> Punch:
        """`punch` with its ordinal, and flagged when it is a repeat."""
        time = punch.device_time
        if self._shared is not None and time not in self._shared:
            self._run_time = time
            self._run += 1
            return punch if punch.ordinal == 0 else replace(punch, ordinal=0)
        row = (hash((punch.serial, punch.user_id, punch.state)), hash(punch.raw))
        run_before = self._run
        if time != self._run_time:
            self._run_time = time
            self._run += 1
        held = self._seconds.get(time)
        if held is None:
            self._seconds[time] = row
            return punch if punch.ordinal == 0 else replace(punch, ordinal=0)
        if isinstance(held, tuple):
            # The only row of this second so far: the row before this one, or of an earlier run.
            busy = self._seconds[time] = _BusySecond()
            busy.add(held, run_before)
        else:
            busy = held
        ordinal, repeat = busy.add(row, self._run)
        flags = (*punch.flags, Flag.REPEAT) if repeat else punch.flags
        return replace(punch, ordinal=ordinal, flags=flags)


class _BusySecond:
    """The rows of one second: how many by key, and by bytes the most in any earlier run."""

    __slots__ = ("_in_this_run", "_most_in_a_run", "_ordinals", "_run")

    def __init__(self) -> None:
        self._ordinals: dict[int, int] = {}
        self._most_in_a_run: dict[int, int] = {}
        self._in_this_run: dict[int, int] = {}
        self._run = 0

    def add(self, row: _Row, run: int) -> tuple[int, bool]:
        """(ordinal, repeat) of `row`, which stands in run number `run` of the log."""
        key, content = row
        if run != self._run:
            for earlier, times in self._in_this_run.items():
                self._most_in_a_run[earlier] = max(times, self._most_in_a_run.get(earlier, 0))
            self._in_this_run.clear()
            self._run = run
        ordinal = self._ordinals.get(key, 0)
        self._ordinals[key] = ordinal + 1
        nth = self._in_this_run[content] = self._in_this_run.get(content, 0) + 1
        return ordinal, nth <= self._most_in_a_run.get(content, 0)

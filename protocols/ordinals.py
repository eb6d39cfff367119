"""The place of each punch in a complete log: ordinals among equals, and re-written blocks.

A log may truly hold two equal rows: they stand together. And worn terminals write a whole block of
rows a second time: the copies stand elsewhere. So rows of one second that stand together form a
run, and the k-th of a run's equal rows is a repeat when an earlier run already held k of them.
Twins get ordinals 0 and 1 and both count; the rows of a re-written block are flagged, not paid.
"""

from datetime import datetime

from msgspec.structs import replace

from protocols.records import Flag, Punch


class LogOrder:
    """Places the rows of one complete log, in log order. Holds on to one punch per second of the
    log; only seconds with several rows cost more.
    """

    def __init__(self) -> None:
        self._seconds: dict[datetime, Punch | _BusySecond] = {}
        self._run_time: datetime | None = None
        self._runs = 0

    def place(self, punch: Punch) -> Punch:
        """`punch` with its ordinal, and flagged when it is a repeat."""
        time = punch.device_time
        earlier_run = self._runs
        if time != self._run_time:
            self._run_time = time
            self._runs += 1
        held = self._seconds.get(time)
        if held is None:
            self._seconds[time] = punch
            return punch if punch.ordinal == 0 else replace(punch, ordinal=0)
        if isinstance(held, Punch):
            # A second with one row so far: it belongs to this run or to some earlier one.
            busy = self._seconds[time] = _BusySecond()
            busy.add(held, min(earlier_run, self._runs))
        else:
            busy = held
        ordinal, repeat = busy.add(punch, self._runs)
        flags = (*punch.flags, Flag.REPEAT) if repeat else punch.flags
        return replace(punch, ordinal=ordinal, flags=flags)


class _BusySecond:
    """The rows of one second: how many by key, and by bytes the most in any earlier run."""

    __slots__ = ("_latest_run", "_most_in_a_run", "_ordinals", "_run")

    def __init__(self) -> None:
        self._ordinals: dict[tuple[str, str, int], int] = {}
        self._most_in_a_run: dict[bytes, int] = {}
        self._run: dict[bytes, int] = {}
        self._latest_run = 0

    def add(self, punch: Punch, run: int) -> tuple[int, bool]:
        """(ordinal, repeat) of `punch`, which stands in run number `run` of the log."""
        if run != self._latest_run:
            for row, times in self._run.items():
                self._most_in_a_run[row] = max(times, self._most_in_a_run.get(row, 0))
            self._run.clear()
            self._latest_run = run
        key = (punch.serial, punch.user_id, punch.state)
        ordinal = self._ordinals.get(key, 0)
        self._ordinals[key] = ordinal + 1
        nth = self._run[punch.raw] = self._run.get(punch.raw, 0) + 1
        return ordinal, nth <= self._most_in_a_run.get(punch.raw, 0)

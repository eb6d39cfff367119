"""Which measured clock offset belongs to a row: that of its side of a clock step, or none. Pure.

A log gives no reading beside its rows; the gateway measures once a session. Rows that a session
brings for the first time were punched between the beginning of the last whole read and now. On a
clock that is off by `o`, this window shows the times [read_from + o, now + o]. Two readings that
differ by more than TOLERANCE say that the clock was set in between (`earlier` and `present` are the
two offsets), and then a row fits one window, both or none:

    | readings        | row fits          | offset  | flag          |
    |-----------------|-------------------|---------|---------------|
    | agree           | either window     | present | -             |
    | agree           | none              | unknown | -             |
    | differ: a step  | only the earlier  | earlier | -             |
    | differ: a step  | only the present  | present | -             |
    | differ: a step  | both              | unknown | -             |
    | differ: a step  | none              | unknown | clock_suspect |
    | first read ever | the last 31 days  | present | -             |
    | first read ever | none              | unknown | -             |
    | none now        | anything          | unknown | -             |

"Unknown" is None: an offset is measured or it is not stated. Where the readings agree, a row outside
of the window is an old one that comes late (a better decoder) or one of a clock that was wrong
and set right between two sessions; the decoder flags the wrong years. The operation log narrows the
windows: `clock_set` entries say when the step was, in the clock before or after it (firmware differs),
so the step lies between the two readings of it; with more than one, the last ends the present window
and the first the earlier one. Of two sets between two polls, with a row in the seconds between them that fits
a window by accident, nothing can be known; it gets that window's offset.

At the first read nothing was measured before. A quartz clock drifts about two seconds a day, so a
present reading holds within TOLERANCE for about a month back, unless the operation log has a set.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

TOLERANCE = timedelta(seconds=120)  # less is drift or a time server's correction
FIRST_REACH = timedelta(days=31)
# Clocks show whole seconds, and an answer takes its time.
_EDGE = timedelta(seconds=5)
_DRIFT = 2 / 86_400  # of time passed; what cheap terminals lose or gain
_TICK = timedelta(microseconds=1)


class RowOffset(NamedTuple):
    """`suspect`: the row fits no clock that this device was seen to have."""

    offset_ms: int | None
    suspect: bool = False


class Readings(Struct, frozen=True, kw_only=True):
    """What was measured. Times are naive wall clocks of the site, by the gateway.

    read_from, earlier_ms  beginning and reading of the last whole read; None: there was none
    now, present_ms        this session's reading; None: the device shows no time
    sets                   `clock_set` entries since the last read, in the device's own time
    """

    now: datetime
    present_ms: int | None
    read_from: datetime | None = None
    earlier_ms: int | None = None
    sets: Sequence[datetime] = ()


class _Span(NamedTuple):
    first: datetime
    last: datetime

    def holds(self, time: datetime) -> bool:
        return self.first <= time <= self.last


class RowOffsets:
    """The table above for one set of readings."""

    def __init__(self, readings: Readings) -> None:
        self._earlier, self._present = _spans(readings)
        self._readings = readings
        self._step = is_step(readings.earlier_ms, readings.present_ms)
        spans = [span for span in (self._earlier, self._present) if span is not None]
        ends = {_clamped(span.last, _TICK) for span in spans}
        self._edges = sorted(ends | {span.first for span in spans})

    def of(self, time: datetime) -> RowOffset:
        """For a row with this device time."""
        readings = self._readings
        earlier = self._earlier is not None and self._earlier.holds(time)
        present = self._present is not None and self._present.holds(time)
        if not self._step:
            return RowOffset(readings.present_ms if earlier or present else None)
        if earlier and present:
            return RowOffset(None)
        if earlier:
            return RowOffset(readings.earlier_ms)
        if present:
            return RowOffset(readings.present_ms)
        return RowOffset(None, suspect=True)

    def of_all(self, times: Iterable[datetime]) -> RowOffset | None:
        """The one offset of all rows between the first and the last of `times`; None when they may
        differ.
        """
        stretches = {bisect_right(self._edges, time): time for time in times}
        return self.of(stretches.popitem()[1]) if len(stretches) == 1 else None


def is_step(earlier_ms: int | None, present_ms: int | None) -> bool:
    """Whether the clock was set between two readings. False where one of them is missing."""
    if earlier_ms is None or present_ms is None:
        return False
    return abs(present_ms - earlier_ms) > TOLERANCE / timedelta(milliseconds=1)


def _spans(readings: Readings) -> tuple[_Span | None, _Span | None]:
    """Device times that rows since the last read can have: on the clock before, on the present one."""
    if readings.present_ms is None:
        return None, None
    present = timedelta(milliseconds=readings.present_ms)
    if readings.read_from is None or readings.earlier_ms is None:
        return None, _first_span(readings, present)
    slack = _EDGE + max(readings.now - readings.read_from, timedelta(0)) * _DRIFT
    earlier = timedelta(milliseconds=readings.earlier_ms)
    old = _clamped(readings.read_from, earlier - slack), _clamped(readings.now, earlier + slack)
    new = _clamped(readings.read_from, present - slack), _clamped(readings.now, present + slack)
    seen = [time for time in readings.sets if old[0] <= time <= old[1] or new[0] <= time <= new[1]]
    if seen and is_step(readings.earlier_ms, readings.present_ms):
        # A set in the time of either clock: on the present one not before the earlier of the two
        # instants that it may mean, on the old one not after the later.
        back = max(earlier - present, timedelta(0))
        old = old[0], min(old[1], _clamped(min(seen), back + slack))
        new = max(new[0], _clamped(max(seen), -back - slack)), new[1]
    return _Span(*old), _Span(*new)


def _first_span(readings: Readings, present: timedelta) -> _Span:
    shown = _clamped(readings.now, present)
    sets = [time for time in readings.sets if time <= shown + _EDGE]
    return _Span(
        max([_clamped(shown, -FIRST_REACH), *sets]),
        _clamped(shown, _EDGE),
    )


def _clamped(time: datetime, by: timedelta) -> datetime:
    """A terminal may show any year that its format holds, and a little more lies outside Python's."""
    try:
        return time + by
    except OverflowError:
        return datetime.max if by > timedelta(0) else datetime.min  # noqa: DTZ901 - naive wall clocks

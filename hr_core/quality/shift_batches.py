"""The day's deltas as batches of each person and line in each shift, for the alerts.

A batch is what a subject made in one minute. A minute in which a counter of the line was doubtful
is suspect for the line and for everybody who worked there in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hr_core.clock import DAY_S, wall_seconds, wall_time
from hr_core.people.model import Shift
from hr_core.quality.alert_life import Place
from hr_core.quality.alert_states import Batch, Subject
from hr_core.quality.attribution import attribute
from hr_core.quality.counters import Delta, DeltaFlag
from hr_core.quality.month import Series

BATCH_S = 60
NO_SHIFT = "-"


class ShiftDay(NamedTuple):
    """A shift by the day on which it began. Its text names it everywhere: 2026-11-21/N."""

    day: date
    code: str

    @property
    def name(self) -> str:
        return f"{self.day.isoformat()}/{self.code}"

    @classmethod
    def parse(cls, name: str) -> "ShiftDay":
        day, _, code = name.partition("/")
        return cls(date.fromisoformat(day), code)

    def place(self, line: str) -> Place:
        return Place(line, self.code, self.day)


class ShiftKey(NamedTuple):
    subject: Subject
    shift: ShiftDay


class ShiftCalendar:
    """Which shift a moment belongs to. Hours decide; before and after them, the longest reach."""

    def __init__(self, shifts: Mapping[str, Shift], zone: str) -> None:
        self._shifts = shifts
        self._zone = ZoneInfo(zone)
        self._known: dict[tuple[int, str | None], ShiftDay] = {}

    def of(self, at: int, own: str | None = None) -> ShiftDay:
        """`own`: the code of the person's shift, taken when the moment lies in its window."""
        minute = at // 60 * 60  # shifts and zones change on whole minutes
        key = (minute, own)
        if key not in self._known:
            self._known[key] = self._shift_of(minute, own)
        return self._known[key]

    def _shift_of(self, at: int, own: str | None) -> ShiftDay:
        wall = wall_seconds(datetime.fromtimestamp(at, self._zone).replace(tzinfo=None))
        today = wall // DAY_S
        if own is not None:
            shift = self._shifts[own]
            for day in (today, today - 1):
                since, until = shift.window(day)
                if since <= wall < until:
                    return ShiftDay(date.fromordinal(day), own)
        running = [
            (day * DAY_S + shift.start_min * 60, day, code)
            for code, shift in self._shifts.items()
            for day in (today, today - 1)
            if shift.start_min * 60 <= wall - day * DAY_S < shift.end_min * 60
        ]
        if not running:
            return ShiftDay(date.fromordinal(today), NO_SHIFT)
        _, day, code = max(running)  # of overlapping ones the shift that began last
        return ShiftDay(date.fromordinal(day), code)

    def end_of(self, shift: ShiftDay) -> int:
        """The UTC second from when on nothing more belongs to the shift."""
        known = self._shifts.get(shift.code)
        ordinal = shift.day.toordinal()
        wall = (ordinal + 1) * DAY_S if known is None else known.window(ordinal)[1]
        return int(wall_time(wall).replace(tzinfo=self._zone).timestamp())


def shift_batches(
    found: Iterable[Series],
    calendar: ShiftCalendar,
    shift_of: Mapping[str, str],
    number_by_badge: Mapping[str, str],
) -> dict[ShiftKey, list[Batch]]:
    """Batches of every person, team and line, in the order of time. `shift_of` each person."""
    sums: defaultdict[tuple[ShiftKey, int], list[int]] = defaultdict(lambda: [0, 0])
    doubts: dict[tuple[str, int], str] = {}
    for series in found:
        line = series.station.line
        whole = Subject("line", line, line)
        column = 0 if series.counter.metric == "pieces" else 1
        for delta in series.deltas:
            doubt = doubt_of(delta)
            if doubt is not None:
                minute = _minute(delta)
                doubts.setdefault((line, minute), doubt)
                if series.line_total:  # nothing may have counted: the line is judged all the same
                    sums[ShiftKey(whole, calendar.of(minute)), minute][column] += 0
        made = [delta for delta in series.deltas if delta.amount]
        for one in attribute(made, number_by_badge, series.present):
            minute, amount = _minute(one.delta), one.delta.amount
            if series.line_total:
                sums[ShiftKey(whole, calendar.of(minute)), minute][column] += amount
            if one.owner.people:
                own = shift_of.get(one.owner.people[0])
                subject = Subject("person", one.owner.name, line)
                sums[ShiftKey(subject, calendar.of(minute, own)), minute][column] += amount
    batches: defaultdict[ShiftKey, list[Batch]] = defaultdict(list)
    for (key, minute), (pieces, rejects) in sorted(sums.items()):
        suspect = doubts.get((key.subject.line, minute))
        batches[key].append(Batch(minute + BATCH_S, pieces, rejects, suspect))
    return dict(batches)


def doubt_of(delta: Delta) -> str | None:
    """Why the figures around this delta are not to be believed."""
    if not delta.flags:
        return None
    if {DeltaFlag.IMPLAUSIBLE, DeltaFlag.HELD}.intersection(delta.flags):
        return "quarantined_counter"
    return "gap" if delta.lost_unknown else None


def _minute(delta: Delta) -> int:
    return delta.end.at // BATCH_S * BATCH_S

"""Which seconds of a span lie in a time filter."""

from collections.abc import Iterator
from datetime import date, timedelta

from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Pair,
    Row,
    Shift,
)
from hr_core.attendance.timesheet.rules import (
    Contribution,
    ShiftInclusion,
    TimeFilter,
)
from hr_core.attendance.timesheet.shifts import at_midnights
from hr_core.clock import DAY_S

Span = tuple[int, int]

# 23:59 and 23:59:59 are how people write the end of a day.
_END_OF_DAY = 23 * 3600 + 59 * 60


class Filters:
    """Filters against one calendar; `holidays` and whether the person is paid for each."""

    def __init__(self, local: LocalTime, holidays: dict[date, bool]) -> None:
        self._local = local
        self._holidays = holidays

    def spans(self, filter_: TimeFilter, row: Span, day: date) -> list[Span]:
        """Parts of the span inside. Without times of day the day that owns the span decides."""
        if filter_.start is None or filter_.end is None:
            return [row] if filter_.holds_on(day, self._holidays) else []
        found = []
        for window in self._windows(filter_, row):
            start, end = max(row[0], window[0]), min(row[1], window[1])
            if start < end:
                found.append((start, end))
        return found

    def _windows(self, filter_: TimeFilter, span: Span) -> Iterator[Span]:
        on = self._local.date_of(span[0]) - timedelta(days=1)
        while on <= self._local.date_of(span[1]):
            if filter_.holds_on(on, self._holidays):
                yield self.window(filter_, on)
            on += timedelta(days=1)

    def window(self, filter_: TimeFilter, on: date) -> Span:
        start, end = filter_.start or 0, filter_.end or 0
        if end >= _END_OF_DAY:
            end = DAY_S
        if end <= start:
            end += DAY_S
        return self._local.at(on, start), self._local.at(on, end)

    def edges(self, filter_: TimeFilter, row: Span, day: date) -> list[int]:
        """Where a row that the filter takes a part of is cut: at its times and at midnight."""
        if filter_.start is None or not self.spans(filter_, row, day):
            return []
        cuts: set[int] = set()
        on = self._local.date_of(row[0]) - timedelta(days=1)
        while on <= self._local.date_of(row[1]):
            cuts |= {self._local.at(on), *self.window(filter_, on)}
            on += timedelta(days=1)
        return sorted(cut for cut in cuts if row[0] < cut < row[1])

    def contributed(self, counts: Contribution, row: Row, shift: Shift | None) -> list[Span]:
        """Parts of a row that feed a rule."""
        if row.start is None or row.end is None:
            return []
        span = (row.start, row.end)
        if counts.inclusion is ShiftInclusion.SPLIT or counts.filter.start is None:
            return self.spans(counts.filter, span, row.day)
        return [span] if shift and self._whole(counts, shift) else []

    def _whole(self, counts: Contribution, shift: Shift) -> bool:
        filter_ = counts.filter
        starts = bool(self._inside(filter_, shift, (shift.start, shift.start + 1)))
        ends = bool(self._inside(filter_, shift, (shift.end - 1, shift.end)))
        match counts.inclusion:
            case ShiftInclusion.START:
                return starts
            case ShiftInclusion.END:
                return ends
            case ShiftInclusion.START_AND_END:
                return starts and ends
            case ShiftInclusion.MAJORITY_OBSERVED:
                whole = Pair(came=shift.pairs[0].first, left=shift.pairs[-1].last)
                return self._majority(filter_, Shift(shift.day, (whole,)))
            case _:
                return self._majority(filter_, shift)

    def _inside(self, filter_: TimeFilter, shift: Shift, span: Span) -> list[Span]:
        return self.spans(filter_, span, shift.day)

    def _majority(self, filter_: TimeFilter, shift: Shift) -> bool:
        """At least half of it at those times, and the date that holds most of it is one of those."""
        any_day = TimeFilter(start=filter_.start, end=filter_.end)
        worked = sum(pair.worked for pair in shift.pairs)
        inside = 0
        by_date: dict[date, int] = {}
        for pair in shift.pairs:
            for piece in at_midnights(pair, self._local):
                on = self._local.date_of(piece.first.at)
                by_date[on] = by_date.get(on, 0) + piece.worked
            span = (pair.first.at, pair.last.at)
            inside += sum(end - start for start, end in self.spans(any_day, span, shift.day))
        most = max(by_date, key=lambda on: (by_date[on], -on.toordinal()))
        return worked > 0 and 2 * inside >= worked and filter_.holds_on(most, self._holidays)

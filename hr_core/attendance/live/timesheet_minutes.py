"""Each minute of a time-sheet day: presence as it was punched, and what rules took off or added.

The engine's rows say how much counts as what, in their order; where in the day a meal was that a rule
took off, nobody knows. So presence is laid out from pair to pair as the rows follow each other, and
what a rule changed stands beside it at no time of day. All that counts adds up to the rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from hr_core.attendance.day_parts import Counts, DayInterval, Why
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import Row, Shift
from hr_core.attendance.timesheet.rules import RowKind
from hr_core.clock import wall_seconds

_COUNTS: Mapping[RowKind, Counts] = {RowKind.REGULAR: "regular", RowKind.OVERTIME: "overtime"}
_WHY = {RowKind.REGULAR: Why.WORK, RowKind.OVERTIME: Why.AFTER_SHIFT}
_ADJUSTING = frozenset({RowKind.LUNCH_ADJUST, RowKind.BREAK_ADJUST})


class _Piece(NamedTuple):
    """Instants; None: at no time of day."""

    start: int | None
    end: int | None
    seconds: int
    counts: Counts
    why: str
    work_centre: str | None = None


def timesheet_intervals(
    rows: Sequence[Row], shifts: Sequence[Shift], local: LocalTime
) -> tuple[DayInterval, ...]:
    """Whole minutes; seconds over are carried on within what counts alike, so sums lose none."""
    carried: defaultdict[str, int] = defaultdict(int)
    found = []
    for piece in _pieces(rows, shifts):
        before = carried[piece.counts]
        carried[piece.counts] += piece.seconds
        found.append(
            DayInterval(
                start=None if piece.start is None else wall_of(piece.start, local),
                end=None if piece.end is None else wall_of(piece.end, local),
                minutes=carried[piece.counts] // 60 - before // 60,
                counts=piece.counts,
                why=piece.why,
                work_centre=piece.work_centre,
            )
        )
    return tuple(found)


def wall_of(instant: int, local: LocalTime) -> int:
    return wall_seconds(datetime.fromisoformat(local.iso(instant)))


def _pieces(rows: Sequence[Row], shifts: Sequence[Shift]) -> Iterator[_Piece]:
    counted = [row for row in rows if row.kind in _COUNTS and row.start is not None]
    spans = [
        (pair.came.at, pair.left.at)
        for shift in shifts
        for pair in shift.pairs
        if pair.came and pair.left
    ]
    present = sum(end - start for start, end in spans)
    taken_off = present - sum(row.seconds for row in counted)
    laid = list(_laid(spans, _shares(counted, taken_off)))
    yield from sorted([*laid, *_away(shifts)], key=lambda piece: piece.start or 0)
    yield from _changes(rows, counted, laid)
    for row in rows:
        if row.kind is RowKind.ABSENCE or (row.kind in _COUNTS and row.start is None):
            yield _Piece(None, None, row.seconds, *_meaning(row))


def _meaning(row: Row) -> tuple[Counts, str, str | None]:
    why: str = _WHY.get(row.kind, row.kind.value)
    named = why if row.pay_code is None else f"{why}: {row.pay_code}"
    return _COUNTS.get(row.kind, "nothing"), named, row.place.department


def _shares(counted: Sequence[Row], taken_off: int) -> list[tuple[Row, int]]:
    """How much of the presence each row takes: the first one also what rules took off; what they
    added was not presence.
    """
    shares, change = [], taken_off
    for row in counted:
        takes = max(0, row.seconds + change)
        change = row.seconds + change - takes  # below 0 while more was added than the row holds
        shares.append((row, takes))
    return shares


def _laid(spans: Iterable[tuple[int, int]], shares: list[tuple[Row, int]]) -> Iterator[_Piece]:
    waiting = iter(shares)
    row, left = next(waiting, (None, 0))
    for begin, end in spans:
        at = begin
        while at < end:
            while row is not None and not left:
                row, left = next(waiting, (None, 0))
            if row is None:
                yield _Piece(at, end, end - at, "nothing", Why.BY_RULE)
                break
            until = min(end, at + left)
            yield _Piece(at, until, until - at, *_meaning(row))
            left -= until - at
            at = until


def _away(shifts: Sequence[Shift]) -> Iterator[_Piece]:
    """Between a leaving and the next coming, within a shift and between two."""
    for shift in shifts:
        for one, other in pairwise(shift.pairs):
            if one.left and other.came and one.left.at < other.came.at:
                yield _gap(one.left.at, other.came.at, Why.AWAY)
    for before, after in pairwise(shifts):
        if before.end < after.start:
            yield _gap(before.end, after.start, Why.BETWEEN_SHIFTS)


def _gap(start: int, end: int, why: str) -> _Piece:
    return _Piece(start, end, end - start, "nothing", why)


def _changes(
    rows: Iterable[Row], counted: Iterable[Row], laid: Iterable[_Piece]
) -> Iterator[_Piece]:
    """What rules took off (negative) or added; what no row names is rounding."""
    lacks: defaultdict[Counts, int] = defaultdict(int)
    for row in counted:
        lacks[_COUNTS[row.kind]] += row.seconds
    for piece in laid:
        if piece.counts != "nothing":
            lacks[piece.counts] -= piece.seconds
    changed = [counts for counts, seconds in lacks.items() if seconds]
    if changed:
        for row in rows:
            if row.kind in _ADJUSTING:
                yield _Piece(None, None, row.seconds, changed[0], _meaning(row)[1])
                lacks[changed[0]] -= row.seconds
    for counts in changed:
        if lacks[counts]:
            yield _Piece(None, None, lacks[counts], counts, Why.BY_RULE)

"""Each minute of a day of first press in, last press out: what it counts as, and why.

Laid out from the sums that the engine gave: whatever a rule did to them, the intervals that count
add up to them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult
from hr_core.attendance.day_parts import Counts, DayInterval, Why
from hr_core.clock import DAY_S
from hr_core.people.model import Shift


class _Piece(NamedTuple):
    """Minutes after the day's midnight; `may`: what its minutes count as while there are some."""

    start: int
    end: int
    may: Counts
    why: Why


Range = tuple[int, int]
"""Minutes after the day's midnight, half open."""


def intervals_of(
    result: DayResult, shift: Shift, leaves: Sequence[Range] = ()
) -> tuple[DayInterval, ...]:
    """Of a day with one shift; without both punches only leave and what is laid by rule."""
    midnight = result.day.toordinal() * DAY_S
    quota: dict[Counts, int] = {"regular": result.regular_min, "overtime": result.overtime_min}
    laid: list[DayInterval] = []
    if result.arrived is not None and result.left is not None:
        arrived, left = ((at - midnight) // 60 for at in (result.arrived, result.left))
        pieces = _workday if result.kind is DayKind.WORKDAY else _free_day
        for piece in pieces(result, shift, arrived, left):
            for part in _around_leave(piece, leaves):
                laid += _lay(part, quota, midnight)
    else:
        for start, end in leaves:
            laid += _lay(_Piece(start, end, "nothing", Why.LEAVE), quota, midnight)
    return (*laid, *_by_rule(quota))


def by_hand(regular_min: int, overtime_min: int) -> tuple[DayInterval, ...]:
    """Of a day whose minutes people decided."""
    made = []
    counted: tuple[tuple[Counts, int], ...] = (("regular", regular_min), ("overtime", overtime_min))
    for counts, minutes in counted:
        if minutes:
            made.append(
                DayInterval(start=None, end=None, minutes=minutes, counts=counts, why=Why.BY_HAND)
            )
    return tuple(made)


def counted(intervals: Iterable[DayInterval], counts: Counts) -> int:
    return sum(one.minutes for one in intervals if one.counts == counts)


def _workday(result: DayResult, shift: Shift, arrived: int, left: int) -> Iterator[_Piece]:
    yield _Piece(arrived, min(left, shift.start_min), "nothing", Why.BEFORE_SHIFT)
    late = Why.LATE if result.late_min else Why.WITHIN_GRACE
    yield _Piece(shift.start_min, min(arrived, shift.end_min), "nothing", late)
    begin, end = max(arrived, shift.start_min), min(left, shift.end_min)
    yield from _around_break(shift, begin, end, ("regular", Why.WORK))
    early = Why.EARLY_LEAVE if result.early_leave_min else Why.WITHIN_GRACE
    yield _Piece(max(left, shift.start_min), shift.end_min, "nothing", early)
    yield _Piece(max(arrived, shift.end_min), left, "overtime", Why.AFTER_SHIFT)


def _free_day(_result: DayResult, shift: Shift, arrived: int, left: int) -> Iterator[_Piece]:
    yield _Piece(arrived, min(left, shift.start_min), "nothing", Why.BEFORE_SHIFT)
    begin = max(arrived, shift.start_min)
    yield from _around_break(shift, begin, left, ("overtime", Why.FREE_DAY))


def _around_break(shift: Shift, begin: int, end: int, what: tuple[Counts, Why]) -> Iterator[_Piece]:
    counts, why = what
    break_begin = max(begin, shift.break_start_min)
    break_end = min(end, shift.break_start_min + shift.break_min)
    if break_begin >= break_end:
        yield _Piece(begin, end, counts, why)
        return
    yield _Piece(begin, break_begin, counts, why)
    yield _Piece(break_begin, break_end, "nothing", Why.BREAK)
    yield _Piece(break_end, end, counts, why)


_AWAY = frozenset({Why.LATE, Why.EARLY_LEAVE, Why.WITHIN_GRACE})


def _around_leave(piece: _Piece, leaves: Sequence[Range]) -> Iterator[_Piece]:
    """Whoever was away on leave was not late; whoever worked in it did work."""
    if piece.why not in _AWAY:
        yield piece
        return
    at = piece.start
    for start, end in leaves:
        begin, until = max(at, start), min(piece.end, end)
        if begin < until:
            yield piece._replace(start=at, end=begin)
            yield piece._replace(start=begin, end=until, why=Why.LEAVE)
            at = until
    yield piece._replace(start=at)


def _lay(piece: _Piece, quota: dict[Counts, int], midnight: int) -> Sequence[DayInterval]:
    """What of the piece its sum still has room for, and the rest."""
    length = piece.end - piece.start
    if length <= 0:
        return ()
    if piece.may == "nothing":
        return (_interval(piece, midnight),)
    takes = min(length, quota[piece.may])
    quota[piece.may] -= takes
    turn = piece.start + takes
    parts = (
        piece._replace(end=turn),
        _Piece(
            turn, piece.end, "nothing", Why.BELOW_STEP if piece.may == "overtime" else Why.BY_RULE
        ),
    )
    return [_interval(part, midnight) for part in parts if part.end > part.start]


def _interval(piece: _Piece, midnight: int) -> DayInterval:
    return DayInterval(
        start=midnight + piece.start * 60,
        end=midnight + piece.end * 60,
        minutes=piece.end - piece.start,
        counts=piece.may,
        why=piece.why,
    )


def _by_rule(quota: dict[Counts, int]) -> Iterator[DayInterval]:
    for counts, minutes in quota.items():
        if minutes:
            yield DayInterval(start=None, end=None, minutes=minutes, counts=counts, why=Why.BY_RULE)

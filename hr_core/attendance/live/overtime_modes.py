"""The overtime of a computed day by the plant's own rule: as approved, as punched, or what is both.

What was punched beyond the plan and does not count, and what counts although nobody was there, stays
an interval of the day with its reason; those that count add up to the day's overtime.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.calendar_overtime import Span, cut, without
from hr_core.attendance.day import UNCLEAR, DayResult, DayStatus
from hr_core.attendance.day_parts import Counts, DayInterval, Why
from hr_core.attendance.hours.counted_overtime import (
    MINUTE,
    CountedOvertime,
    CountingEdition,
    CountingRule,
    Mode,
    Reason,
    counted_overtime,
    merged,
)
from hr_core.attendance.hours.planned import approved_beyond_plan
from hr_core.attendance.plan.model import PlannedDay

# Time that was punched beyond the plan, whether or not a rule let it count.
BEYOND_PLAN = frozenset(
    {Why.AFTER_SHIFT, Why.FREE_DAY, Why.BELOW_STEP, Why.NOT_APPROVED, Why.BELOW_MINIMUM}
)
_NOT_KNOWN = UNCLEAR | {DayStatus.UNPLANNED}


class _Piece(NamedTuple):
    span: Span
    may_count: bool
    counted_as: Why
    else_as: Why


def by_counting_rule(
    plan: PlannedDay, result: DayResult, edition: CountingEdition, *, over: bool
) -> DayResult:
    """Before the day is `over`, approved time in which nobody was there yet counts nothing."""
    result = replace(result, rule_version=f"{result.rule_version}, {edition.version}")
    if result.status in _NOT_KNOWN:
        return result
    rule = edition.of(result.kind)
    punched, approved = punched_beyond_plan(result.intervals), approved_beyond_plan(plan)
    if not over:
        approved = cut(approved, punched)
    counted = counted_overtime(punched, approved, rule)
    pieces = sorted(_pieces(result.kind, punched, approved, rule, counted))
    rest = [
        one for one in result.intervals if one.why not in BEYOND_PLAN and one.counts != "overtime"
    ]
    laid = _laid(pieces, counted.minutes)
    return replace(
        result,
        overtime_min=counted.minutes,
        intervals=tuple(sorted((*rest, *laid), key=_by_time)),
    )


def punched_beyond_plan(intervals: Sequence[DayInterval]) -> list[Span]:
    """In wall seconds, in order; pieces that touch are one."""
    return merged(
        (one.start, one.end)
        for one in intervals
        if one.why in BEYOND_PLAN and one.start is not None and one.end is not None
    )


def _pieces(
    kind: DayKind,
    punched: Sequence[Span],
    approved: Sequence[Span],
    rule: CountingRule,
    counted: CountedOvertime,
) -> Iterator[_Piece]:
    worked = Why.AFTER_SHIFT if kind is DayKind.WORKDAY else Why.FREE_DAY
    reasons = {one.reason for one in counted.differences}
    beyond_sum = Why.BELOW_MINIMUM if Reason.BELOW_MINIMUM in reasons else Why.BELOW_STEP
    if rule.match == "totals" and Reason.NOT_APPROVED in reasons:
        beyond_sum = Why.NOT_APPROVED
    measured = counted.intervals
    for span in cut(punched, measured):
        yield _Piece(span, may_count=True, counted_as=worked, else_as=beyond_sum)
    for span in without(punched, measured):
        yield _Piece(span, may_count=False, counted_as=worked, else_as=Why.NOT_APPROVED)
    if rule.mode is Mode.PUNCHED:
        return
    may_count = rule.mode is Mode.APPROVED
    not_counted = beyond_sum if may_count else Why.NOT_PUNCHED
    for span in without(approved, punched):
        yield _Piece(
            span, may_count=may_count, counted_as=Why.COUNTED_UNPUNCHED, else_as=not_counted
        )


def _laid(pieces: Sequence[_Piece], minutes: int) -> Iterator[DayInterval]:
    """The first minutes that may count do, up to the sum; what it has beyond them is by rule."""
    for piece in pieces:
        start, end = piece.span
        takes = min((end - start) // MINUTE, minutes) if piece.may_count else 0
        minutes -= takes
        turn = start + takes * MINUTE
        if takes:
            yield _interval((start, turn), "overtime", piece.counted_as)
        if turn < end:
            yield _interval((turn, end), "nothing", piece.else_as)
    if minutes:
        yield DayInterval(start=None, end=None, minutes=minutes, counts="overtime", why=Why.BY_RULE)


def _interval(span: Span, counts: Counts, why: Why) -> DayInterval:
    start, end = span
    return DayInterval(
        start=start, end=end, minutes=(end - start) // MINUTE, counts=counts, why=why
    )


def _by_time(interval: DayInterval) -> tuple[bool, int, int]:
    return interval.start is None, interval.start or 0, interval.end or 0

"""Two requests of one person that cannot both be granted."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from hr_core.attendance.plan.model import DayPart
from hr_core.attendance.plan.request import (
    AskedTrip,
    Body,
    DayByHand,
    Leave,
    MissingPunch,
    MobilePunch,
    Overtime,
    RefusedRequestError,
    Request,
)
from hr_core.clock import DAY_MIN

# The minutes (after midnight) at which a day's plan begins and ends, and where its halves meet.
Halves = Callable[[date], tuple[int, int, int]]


def refuse_conflict(body: Body, others: Iterable[Request], halves: Halves) -> None:
    """`others` are the person's requests that are asked or approved and not reversed.
    Raises RefusedRequestError that names the other one.
    """
    for other in others:
        if other.open_or_approved and _conflict(body, other.body, halves):
            first, until = other.body.days
            raise RefusedRequestError(
                "overlap",
                f"it overlaps request {other.id} ({other.kind}, {other.state}, "
                f"{first} to {until - timedelta(days=1)})",
                remedy=f"withdraw request {other.id} while it is asked, or ask for its reversal",
            )


def _conflict(body: Body, other: Body, halves: Halves) -> bool:
    match body, other:
        case Leave(), Leave():
            return _leaves_overlap(body, other, halves)
        case Overtime(), Overtime():
            return body.start < other.end and other.start < body.end
        case (DayByHand(), DayByHand()) | (AskedTrip(), AskedTrip()):
            return _days_overlap(body, other)
        case (MissingPunch() | MobilePunch(), MissingPunch() | MobilePunch()):
            return body.at == other.at
        case _:
            return False


def _days_overlap(body: Body, other: Body) -> bool:
    (first, until), (other_first, other_until) = body.days, other.days
    return first < other_until and other_first < until


def _leaves_overlap(body: Leave, other: Leave, halves: Halves) -> bool:
    first = max(body.days[0], other.days[0]) - timedelta(days=1)
    until = min(body.days[1], other.days[1]) + timedelta(days=1)
    mine, theirs = _spans(body, first, until, halves), _spans(other, first, until, halves)
    return any(start < end2 and start2 < end for start, end in mine for start2, end2 in theirs)


def _spans(leave: Leave, first: date, until: date, halves: Halves) -> list[tuple[int, int]]:
    """In minutes, of the leave's days within the span."""
    spans = []
    for ordinal in range(
        max(first, leave.first).toordinal(), min(until, leave.days[1]).toordinal()
    ):
        day = date.fromordinal(ordinal)
        start, end = _minutes(leave, day, halves)
        spans.append((ordinal * DAY_MIN + start, ordinal * DAY_MIN + end))
    return spans


def _minutes(leave: Leave, day: date, halves: Halves) -> tuple[int, int]:
    begin, middle, end = halves(day)
    match leave.part_on(day):
        case DayPart.HOURS:
            return leave.start_min or 0, leave.end_min or 0
        case DayPart.FIRST_HALF:
            return begin, middle
        case DayPart.SECOND_HALF:
            return middle, end
        case DayPart.WHOLE:
            return begin, end

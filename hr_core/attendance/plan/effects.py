"""What approved requests change in the plan of a day."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from hr_core.attendance.plan.model import AddedPunch, ApprovedOvertime, LeaveSpan, ManualDay, Trip
from hr_core.attendance.plan.request import (
    AskedTrip,
    DayByHand,
    Leave,
    MissingPunch,
    MobilePunch,
    Overtime,
    Request,
    RequestState,
    Reversal,
)
from hr_core.clock import wall_seconds


class Effects(Struct, frozen=True, kw_only=True):
    """`requests` are those that count on the day, by number."""

    leaves: tuple[LeaveSpan, ...] = ()
    overtime: tuple[ApprovedOvertime, ...] = ()
    punches: tuple[AddedPunch, ...] = ()
    manual: ManualDay | None = None
    trips: tuple[Trip, ...] = ()
    requests: tuple[int, ...] = ()


def counting_on(requests: Iterable[Request], day: date) -> list[Request]:
    """The approved requests that hold on the day, without reversed ones. Locked days too: the plan
    is what should have been, the lock keeps what was computed, their difference waits in a queue.
    """
    approved = [
        one
        for one in requests
        if one.state is RequestState.APPROVED and one.body.days[0] <= day < one.body.days[1]
    ]
    reversed_ones = reversed_requests(approved)
    return sorted(
        (
            one
            for one in approved
            if one.id not in reversed_ones and not isinstance(one.body, Reversal)
        ),
        key=lambda one: one.id,
    )


def reversed_requests(requests: Iterable[Request]) -> set[int]:
    """Numbers of those that an approved reversal among them takes back."""
    return {
        one.body.of
        for one in requests
        if isinstance(one.body, Reversal) and one.state is RequestState.APPROVED
    }


def effects_on(requests: Iterable[Request], day: date) -> Effects:
    counting = counting_on(requests, day)
    manual = [_manual_day(one, one.body) for one in counting if isinstance(one.body, DayByHand)]
    return Effects(
        leaves=tuple(_leave(one, one.body, day) for one in counting if isinstance(one.body, Leave)),
        overtime=tuple(
            ApprovedOvertime(
                request=one.id, start=wall_seconds(one.body.start), end=wall_seconds(one.body.end)
            )
            for one in counting
            if isinstance(one.body, Overtime)
        ),
        punches=tuple(
            _punch(one, one.body)
            for one in counting
            if isinstance(one.body, MissingPunch | MobilePunch)
        ),
        manual=manual[-1] if manual else None,
        trips=tuple(
            Trip(request=one.id, place=one.body.place)
            for one in counting
            if isinstance(one.body, AskedTrip)
        ),
        requests=tuple(one.id for one in counting),
    )


def _leave(request: Request, leave: Leave, day: date) -> LeaveSpan:
    return LeaveSpan(
        request=request.id,
        kind=leave.leave,
        part=leave.part_on(day),
        start_min=leave.start_min,
        end_min=leave.end_min,
    )


def _punch(request: Request, punch: MissingPunch | MobilePunch) -> AddedPunch:
    mobile = punch if isinstance(punch, MobilePunch) else None
    return AddedPunch(
        request=request.id,
        at=wall_seconds(punch.at),
        direction=punch.direction,
        reason=request.reason,
        approved_by=request.decided_by,
        latitude=mobile.latitude if mobile else None,
        longitude=mobile.longitude if mobile else None,
    )


def _manual_day(request: Request, day: DayByHand) -> ManualDay:
    return ManualDay(
        request=request.id,
        regular_min=day.regular_min,
        overtime_min=day.overtime_min,
        reason=request.reason,
        approved_by=request.decided_by,
    )

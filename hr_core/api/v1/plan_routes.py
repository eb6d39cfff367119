"""What was due, and what stands around the days: time off, limits of hours, closed months."""

from datetime import date
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from msgspec.structs import asdict
from starlette.responses import Response

from hr_core.accounts.model import Right
from hr_core.api.v1 import answers as of
from hr_core.api.v1 import reading
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import (
    LARGEST_NUMBER,
    AskedPage,
    AskedSpan,
    MonthText,
    OnDay,
    Page,
    PersonKey,
    bad_cursor,
    cursor_of,
    day_looked_at,
)
from hr_core.api.v1.people_routes import seen_in
from hr_core.api.v1.sending import seen_person, sent
from hr_core.attendance.hours.outlook import hour_limits
from hr_core.attendance.hours.windows import DateSpan
from hr_core.attendance.lots.booking import lots_of
from hr_core.attendance.lots.ledger import balance
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.store.attendance_locks import CorrectionState, locks
from hr_core.store.work_plan import plan_of

router = APIRouter(tags=["attendance"])

AttendanceAsk = Annotated[Ask, needs(Right.ATTENDANCE_READ)]
AskedMonth = Annotated[MonthText, Query(description="Like 2026-10.")]
CorrectionsIn = Annotated[
    CorrectionState | None, Query(description="Only in this state [all of them].")
]


@router.get("/people/{person:path}/plan", **answers(of.PlanAnswer, right=Right.ATTENDANCE_READ))
def plan(ask: AttendanceAsk, person: PersonKey, span: AskedSpan) -> Response:
    """What a person is to do on each day: shifts, leave, approved overtime, and what says so."""
    one = seen_in(ask, person, span)
    seen = set(reading.days_seen(ask.conn, ask.seen_on, one, span.days()))
    numbers = NumbersOfDays.load(ask.conn, {one.number})
    planned = plan_of(ask.conn, one.number, span.first, span.until)
    return sent(
        of.PlanAnswer(
            person=one.number,
            days=tuple(
                of.PlannedDayAnswer(**asdict(found), employee_number=numbers.on(one.number, day))
                for day, found in planned.items()
                if day in seen
            ),
        )
    )


@router.get("/people/{person:path}/time-off", **answers(of.TimeOff, right=Right.ATTENDANCE_READ))
def time_off(ask: AttendanceAsk, person: PersonKey, on: OnDay = None) -> Response:
    """Compensatory time off (调休), lot by lot, as booked up to a day."""
    day = on or ask.today
    one = seen_person(ask.conn, ask.seen_on(day), person)
    states = lots_of(ask.conn, one.number, on)
    return sent(
        of.TimeOff(
            person=one.number,
            employee_number=NumbersOfDays.load(ask.conn, {one.number}).on(one.number, day),
            balance=balance(states),
            lots=tuple(
                of.LotAnswer(**asdict(lot), left_minutes=lot.left_min, owed_minutes=lot.owed_min)
                for lot in states
            ),
        )
    )


@router.get("/people/{person:path}/limits", **answers(of.LimitsAnswer, right=Right.ATTENDANCE_READ))
def limits(ask: AttendanceAsk, person: PersonKey, month: AskedMonth) -> Response:
    """How near a person comes to the limits of hours in a month, for who sees the person on its last
    day (in the running month: today).
    """
    day = day_looked_at(month, ask.today)
    one = seen_person(ask.conn, ask.seen_on(day), person)
    asked = DateSpan(month.first, month.after)
    report = hour_limits(ask.conn, asked, ask.now, [one.number], everybody=True)
    return sent(
        of.LimitsAnswer(
            person=one.number,
            employee_number=NumbersOfDays.load(ask.conn, {one.number}).on(one.number, day),
            month=str(month),
            law=report.law,
            known_until=report.known_until,
            behind=report.behind,
            limits=report.people[0] if report.people else None,
            not_judged="; ".join(row.why for row in report.not_judged),
        )
    )


@router.get("/attendance/locks", **answers(of.Locks, right=Right.ATTENDANCE_READ))
def locked_months(ask: AttendanceAsk) -> Response:
    """The months that are closed: their days stay, later changes are corrections."""
    return sent(of.Locks(locks=tuple(locks(ask.conn))))


@router.get("/attendance/corrections", **answers(of.Corrections, right=Right.ATTENDANCE_READ))
def corrections(
    ask: AttendanceAsk, month: AskedMonth, page: AskedPage, state: CorrectionsIn = None
) -> Response:
    """What would have changed in a closed month, of everybody who is seen on that day."""
    wanted = reading.CorrectionsWanted(month=month, state=state)
    found = reading.correction_page(
        ask.conn, ask.seen_on, wanted, after=_day_and_number(page), limit=page.limit
    )
    numbers = NumbersOfDays.load(ask.conn, {one.person for one in found})
    last = (found[-1].day, found[-1].number) if len(found) == page.limit else None
    return sent(
        of.Corrections(
            corrections=tuple(
                of.CorrectionAnswer(**asdict(one), employee_number=numbers.on(one.person, one.day))
                for one in found
            ),
            next=None if last is None else cursor_of(msgspec.json.encode(last)),
        )
    )


_Number = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_NUMBER)]


def _day_and_number(page: Page) -> tuple[date, int] | None:
    """Raises ProblemError 422."""
    if page.after is None:
        return None
    try:
        return msgspec.json.decode(page.after, type=tuple[date, _Number])
    except msgspec.DecodeError as exc:
        raise bad_cursor() from exc

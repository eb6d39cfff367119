"""What people ask for: leave, overtime, corrections; and who decides it."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from msgspec.structs import replace
from starlette.responses import Response

from hr_core import request_desk
from hr_core.accounts.acting import actor_of, names_of, own_keys
from hr_core.accounts.model import Right, Role
from hr_core.accounts.visible import Seen, only
from hr_core.api.v1 import answers as of
from hr_core.api.v1 import reading
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.bodies import check_day, read_body
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import (
    AskedPage,
    JsonBody,
    OnDay,
    Page,
    PersonKey,
    RowNumber,
    Span,
    cursor_of,
)
from hr_core.api.v1.problem import ProblemError, not_found
from hr_core.api.v1.sending import seen_person, sent
from hr_core.attendance.lots.drawing import TimeOffError
from hr_core.attendance.plan.request import (
    Body,
    RefusedRequestError,
    Relation,
    Request,
    RequestState,
    Reversal,
)
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.request_desk import Asking, Deciding
from hr_core.store.database import writing
from hr_core.store.requests import requests_by_number
from hr_core.store.work_plan import locks_of

router = APIRouter(tags=["requests"])

RequestsAsk = Annotated[Ask, needs(Right.REQUESTS_READ)]
DecideAsk = Annotated[Ask, needs(Right.REQUESTS_DECIDE)]
State = Annotated[RequestState | None, Query(description="Only in this state.")]


@router.get("/requests", **answers(of.Requests, right=Right.REQUESTS_READ))
def requests(ask: RequestsAsk, page: AskedPage, state: State = None, on: OnDay = None) -> Response:
    """Requests of everybody whom the account sees, newest first; with `on` those of that day, of
    whoever is seen on it.
    """
    return _requests(ask, ask.seen_on(on or ask.today), page, state, on)


@router.get("/requests/{number}", **answers(of.RequestAnswer, right=Right.REQUESTS_READ))
def one_request(ask: RequestsAsk, number: RowNumber) -> Response:
    """One request of a person who is seen today or on the request's first day."""
    if not reading.sees_request(ask.conn, number, ask.seen_on, ask.today):
        raise not_found("request")
    return sent(_told(ask, requests_by_number(ask.conn, [number]))[0])


@router.get("/people/{person:path}/requests", **answers(of.Requests, right=Right.REQUESTS_READ))
def requests_of(
    ask: RequestsAsk, person: PersonKey, page: AskedPage, state: State = None, on: OnDay = None
) -> Response:
    """A person's requests, newest first; with `on` those of that day."""
    one = seen_person(ask.conn, ask.seen_on(on or ask.today), person)
    return _requests(ask, only(one.number), page, state, on)


@router.post(
    "/people/{person:path}/requests",
    **answers(of.RequestAnswer, right=Right.REQUESTS_WRITE, taken=of.NewRequest),
)
def ask_for(
    ask: Annotated[Ask, needs(Right.REQUESTS_WRITE)],
    person: PersonKey,
    raw: JsonBody,
    request: HttpRequest,
) -> Response:
    """Ask for a person: leave, overtime, a missing punch. Somebody else decides it."""
    one = seen_person(ask.conn, ask.seen, person)
    new = _read(raw)
    if isinstance(new.body, Reversal) and not reading.is_request_of(
        ask.conn, new.body.of, one.number
    ):
        raise not_found("request")
    asking = Asking(
        person=one.number,
        body=new.body,
        by=actor_of(ask.account),
        relation=_relation(ask, one.number),
        reason=new.reason,
        evidence=new.evidence,
    )
    try:
        with writing(request.app.state.desk.engine) as conn:
            asked = request_desk.ask(conn, asking, ask.now, locks_of(conn))
    except RefusedRequestError as exc:
        raise _refused(exc) from exc
    response = sent(_told(ask, [asked])[0])
    response.status_code = 201
    return response


@router.post(
    "/requests/{number}/approve",
    **answers(of.RequestAnswer, right=Right.REQUESTS_DECIDE, taken=of.Decision, makes=False),
)
def approve(ask: DecideAsk, number: RowNumber, raw: JsonBody, request: HttpRequest) -> Response:
    """Approve what another person asked. Days of locked months are queued for the next open period."""

    def act(conn: sa.Connection, deciding: Deciding) -> Request:
        return request_desk.approve(conn, number, deciding, locks_of(conn))

    return _decided(ask, number, raw, request, act)


@router.post(
    "/requests/{number}/refuse",
    **answers(of.RequestAnswer, right=Right.REQUESTS_DECIDE, taken=of.Decision, makes=False),
)
def refuse(ask: DecideAsk, number: RowNumber, raw: JsonBody, request: HttpRequest) -> Response:
    """Refuse what another person asked; the reason is needed."""

    def act(conn: sa.Connection, deciding: Deciding) -> Request:
        return request_desk.refuse(conn, number, deciding)

    return _decided(ask, number, raw, request, act)


@router.post(
    "/requests/{number}/withdraw",
    **answers(of.RequestAnswer, right=Right.REQUESTS_WRITE, taken=of.Decision, makes=False),
)
def withdraw(
    ask: Annotated[Ask, needs(Right.REQUESTS_WRITE)],
    number: RowNumber,
    raw: JsonBody,
    request: HttpRequest,
) -> Response:
    """Take back what one asked, or was asked for oneself, and nobody decided yet."""

    def act(conn: sa.Connection, deciding: Deciding) -> Request:
        # The account's name alone is no claim to the request of a person who is called so.
        mine = replace(deciding, also=own_keys(conn, ask.account))
        return request_desk.withdraw(conn, number, mine)

    return _decided(ask, number, raw, request, act)


def _decided(
    ask: Ask,
    number: int,
    raw: bytes,
    request: HttpRequest,
    act: Callable[[sa.Connection, Deciding], Request],
) -> Response:
    """Raises ProblemError 404 for what is not seen, 422 for what a rule refuses."""
    if not reading.sees_request(ask.conn, number, ask.seen_on, ask.today):
        raise not_found("request")
    decision = read_body(raw, of.Decision)
    by, also = actor_of(ask.account), names_of(ask.conn, ask.account)
    try:
        with writing(request.app.state.desk.engine) as conn:
            done = act(conn, Deciding(by, ask.now, decision.reason, also))
    except RefusedRequestError as exc:
        raise _refused(exc) from exc
    except TimeOffError as exc:
        raise ProblemError(
            422, "time_off", str(exc), where="time-off lots", remedy=exc.remedy
        ) from exc
    return sent(_told(ask, [done])[0])


def _refused(exc: RefusedRequestError) -> ProblemError:
    return ProblemError(422, f"request_{exc.rule}", str(exc), where="body", remedy=exc.remedy)


def _relation(ask: Ask, person: str) -> Relation:
    if person in own_keys(ask.conn, ask.account):
        return Relation.SELF
    return Relation.HR if ask.account.has_role(Role.ADMIN, Role.HR) else Relation.LEADER


def _read(raw: bytes) -> of.NewRequest:
    """Raises ProblemError 422."""
    new = read_body(raw, of.NewRequest)
    _check_moments(new.body)
    return new


def _check_moments(body: Body) -> None:
    """Raises ProblemError 422."""
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if isinstance(value, date):  # a datetime is one
            check_day(name, value)


def _requests(
    ask: Ask, seen: Seen, page: Page, state: RequestState | None, on: date | None
) -> Response:
    found = reading.request_page(
        ask.conn,
        seen,
        state=state,
        touching=None if on is None else Span.of(on),
        before=page.after_number,
        limit=page.limit,
    )
    return sent(
        of.Requests(
            requests=_told(ask, found),
            next=cursor_of(str(found[-1].id)) if len(found) == page.limit else None,
        )
    )


def _told(ask: Ask, found: Sequence[Request]) -> tuple[of.RequestAnswer, ...]:
    numbers = NumbersOfDays.load(ask.conn, {one.person for one in found})
    return tuple(_request(one, numbers) for one in found)


def _request(one: Request, numbers: NumbersOfDays) -> of.RequestAnswer:
    return of.RequestAnswer(
        id=one.id,
        person=one.person,
        employee_number=numbers.on(one.person, one.body.days[0]),
        kind=one.kind,
        state=one.state,
        body=msgspec.to_builtins(one.body),
        asked_at=one.asked_at,
        asked_by=one.asked_by,
        reason=one.reason,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
        decision=one.decision,
        queued_days=one.queued_days,
    )

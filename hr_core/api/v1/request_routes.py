"""What people ask for: leave, overtime, corrections. Deciding is not done here yet."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from hr_core.accounts.model import Right
from hr_core.accounts.visible import Seen, only
from hr_core.api.v1 import answers as of
from hr_core.api.v1 import reading
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import AskedPage, Page, PersonKey, cursor_of
from hr_core.api.v1.sending import seen_person, sent
from hr_core.attendance.plan.request import Request, RequestState

router = APIRouter(tags=["requests"])

RequestsAsk = Annotated[Ask, needs(Right.REQUESTS_READ)]
State = Annotated[RequestState | None, Query(description="Only in this state.")]


@router.get("/requests", **answers(of.Requests, right=Right.REQUESTS_READ))
def requests(ask: RequestsAsk, page: AskedPage, state: State = None) -> Response:
    """Requests of everybody whom the account sees, newest first."""
    return _requests(ask, ask.seen, page, state)


@router.get("/people/{person:path}/requests", **answers(of.Requests, right=Right.REQUESTS_READ))
def requests_of(
    ask: RequestsAsk, person: PersonKey, page: AskedPage, state: State = None
) -> Response:
    """A person's requests, newest first."""
    one = seen_person(ask.conn, ask.seen, person)
    return _requests(ask, only(one.number), page, state)


def _requests(ask: Ask, seen: Seen, page: Page, state: RequestState | None) -> Response:
    found = reading.request_page(
        ask.conn, seen, state=state, before=page.after_number, limit=page.limit
    )
    return sent(
        of.Requests(
            requests=tuple(_request(one) for one in found),
            next=cursor_of(str(found[-1].id)) if len(found) == page.limit else None,
        )
    )


def _request(one: Request) -> of.RequestAnswer:
    return of.RequestAnswer(
        id=one.id,
        person=one.person,
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

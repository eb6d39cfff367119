"""What people ask for: leave, overtime, corrections. Deciding is not done here."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from hr_core import request_desk
from hr_core.accounts.model import Right, Role
from hr_core.accounts.visible import Seen, only
from hr_core.api.v1 import answers as of
from hr_core.api.v1 import reading
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import AskedPage, JsonBody, Page, PersonKey, cursor_of
from hr_core.api.v1.problem import MOST_TOLD_CHARS, ProblemError, not_found
from hr_core.api.v1.sending import seen_person, sent
from hr_core.attendance.plan.request import (
    Body,
    RefusedRequestError,
    Relation,
    Request,
    RequestState,
    Reversal,
)
from hr_core.request_desk import Asking
from hr_core.store.database import writing

router = APIRouter(tags=["requests"])

MOST_REASON_CHARS = 1_000  # as notes of alerts; the audit log keeps them for ever

_FIRST_YEAR, _LAST_YEAR = 1900, 2999  # as days of addresses (parameters.Day)

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
        # The person, so that nobody decides the own request under another name.
        by=ask.account.person or ask.account.name,
        relation=_relation(ask, one.number),
        reason=new.reason,
        evidence=new.evidence,
    )
    try:
        with writing(request.app.state.desk.engine) as conn:
            asked = request_desk.ask(conn, asking, ask.now, request_desk.nothing_locked)
    except RefusedRequestError as exc:
        raise ProblemError(
            422, f"request_{exc.rule}", str(exc), where="body", remedy=exc.remedy
        ) from exc
    response = sent(_request(asked))
    response.status_code = 201
    return response


def _relation(ask: Ask, person: str) -> Relation:
    if ask.account.person == person:
        return Relation.SELF
    return Relation.HR if ask.account.has_role(Role.ADMIN, Role.HR) else Relation.LEADER


def _read(raw: bytes) -> of.NewRequest:
    """Raises ProblemError 422."""
    try:
        new = msgspec.json.decode(raw, type=of.NewRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ProblemError(
            422,
            "bad_body",
            str(exc)[:MOST_TOLD_CHARS],
            where="body",
            remedy="/api/v1/docs shows NewRequest with its fields",
        ) from exc
    _check_moments(new.body)
    texts = (new.reason, new.evidence)
    if any(len(text) > MOST_REASON_CHARS or "\0" in text for text in texts):
        raise ProblemError(
            422,
            "bad_body",
            f"a text has a NUL or more than {MOST_REASON_CHARS} characters",
            where="body: reason, evidence",
            remedy="shorten it",
        )
    return new


def _check_moments(body: Body) -> None:
    """Whoever computes with them adds days, and subtracts one wall clock from another. Raises
    ProblemError 422.
    """
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if not isinstance(value, date):  # a datetime is one
            continue
        aware = isinstance(value, datetime) and value.tzinfo is not None
        if aware or not _FIRST_YEAR <= value.year <= _LAST_YEAR:
            raise ProblemError(
                422,
                "bad_body",
                f"{name} is no day or wall-clock time of {_FIRST_YEAR} to {_LAST_YEAR}",
                where=f"body: {name}",
                remedy="write 2026-12-01 or 2026-12-01T08:00:00, the site's own time, no offset",
            )


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

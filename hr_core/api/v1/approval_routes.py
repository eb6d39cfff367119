"""What waits for a second person, and deciding it: never by an account of whoever entered it.

Only accounts over everybody, as what is approved concerns everybody's pay: for others the list is
empty. Managers decide bonuses, scores and goals with the commands and pages of those.
"""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from hr_core.accounts.model import Right
from hr_core.api.v1 import answers as of
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.bodies import read_body
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import AskedPage, JsonBody, RowNumber, cursor_of
from hr_core.api.v1.problem import ProblemError, not_found
from hr_core.api.v1.sending import sent
from hr_core.approvals import desk
from hr_core.approvals.actors import actor_of_account
from hr_core.approvals.desk import Approval, ApprovalState
from hr_core.approvals.effects import take_effect
from hr_core.approvals.kinds import approvers
from hr_core.errors import CoreError, NotFoundError
from hr_core.store.database import writing

router = APIRouter(tags=["approvals"])

ApprovalAsk = Annotated[Ask, needs(Right.APPROVALS_DECIDE)]
AskedState = Annotated[ApprovalState | None, Query(description="Only in this state.")]


@router.get("/approvals", **answers(of.Approvals, right=Right.APPROVALS_DECIDE))
def approvals(ask: ApprovalAsk, page: AskedPage, state: AskedState = None) -> Response:
    """What was entered and waits, or was decided; oldest first."""
    after = page.after_number or 0
    found = [
        one
        for one in desk.approvals_in(ask.conn, state)
        if one.number > after and _may_decide(ask, one)
    ][: page.limit]
    more = len(found) == page.limit
    return sent(
        of.Approvals(
            approvals=tuple(_answer(one) for one in found),
            next=cursor_of(str(found[-1].number)) if more else None,
        )
    )


@router.get("/approvals/{number}", **answers(of.ApprovalAnswer, right=Right.APPROVALS_DECIDE))
def approval(ask: ApprovalAsk, number: RowNumber) -> Response:
    """One of them, with exactly what was entered."""
    return sent(_answer(_found(ask, number)))


@router.post(
    "/approvals/{number}/approve",
    **answers(of.ApprovalAnswer, right=Right.APPROVALS_DECIDE, taken=of.Decision, makes=False),
)
def approve(ask: ApprovalAsk, number: RowNumber, raw: JsonBody, request: HttpRequest) -> Response:
    """Approve what another human entered; it takes effect at once."""
    return _decided(ask, request, number, read_body(raw, of.Decision).reason, approves=True)


@router.post(
    "/approvals/{number}/refuse",
    **answers(of.ApprovalAnswer, right=Right.APPROVALS_DECIDE, taken=of.Decision, makes=False),
)
def refuse(ask: ApprovalAsk, number: RowNumber, raw: JsonBody, request: HttpRequest) -> Response:
    """Refuse it with a reason; whoever entered it takes it back so."""
    return _decided(ask, request, number, read_body(raw, of.Decision).reason, approves=False)


def _decided(
    ask: Ask, request: HttpRequest, number: int, reason: str, *, approves: bool
) -> Response:
    """Raises ProblemError 404, 422."""
    _found(ask, number)
    actor = actor_of_account(ask.conn, ask.account)

    def decide(conn: sa.Connection) -> Approval:
        if not approves:
            return desk.refuse(conn, number, at=ask.now, by=actor, reason=reason)
        done = desk.approve(conn, number, at=ask.now, by=actor, reason=reason)
        take_effect(conn, done)
        return done

    try:
        with writing(request.app.state.desk.engine) as conn:
            done = decide(conn)
    except CoreError as exc:
        raise ProblemError(422, "approval", str(exc), where="path", remedy=exc.remedy) from exc
    return sent(_answer(done))


def _found(ask: Ask, number: int) -> Approval:
    """Raises ProblemError 404, the same for an unknown one and for one that is not this account's."""
    try:
        found = desk.approval(ask.conn, number)
    except NotFoundError as exc:
        raise not_found("approval") from exc
    if not _may_decide(ask, found):
        raise not_found("approval")
    return found


def _may_decide(ask: Ask, one: Approval) -> bool:
    return ask.seen.everyone and ask.account.has_role(*approvers(one.kind))


def _answer(one: Approval) -> of.ApprovalAnswer:
    return of.ApprovalAnswer(
        number=one.number,
        kind=one.kind,
        subject=one.subject,
        content=one.content,
        digest=one.digest,
        state=one.state,
        proposed_at=one.proposed_at,
        proposed_by=one.proposed_by,
        reason=one.reason,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
        decision=one.decision,
    )

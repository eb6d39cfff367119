"""Two-way scores: each side gives its marks, and sees the other's when both are in; the own rank."""

from fractions import Fraction
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter
from fastapi import Request as HttpRequest
from starlette.responses import Response

from hr_core.accounts.acting import own_keys
from hr_core.accounts.model import Right
from hr_core.api.v1 import answers as of
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.bodies import read_body
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import (
    AskedPage,
    AskedPeriod,
    AskedUnit,
    JsonBody,
    PeriodWanted,
    RowNumber,
    cursor_of,
)
from hr_core.api.v1.problem import MOST_TOLD_CHARS, ProblemError, not_found
from hr_core.api.v1.sending import sent
from hr_core.errors import NotFoundError, RefusedError
from hr_core.money import parse_exact
from hr_core.performance import assessing
from hr_core.performance.acting import deed_of_account
from hr_core.performance.ranking import own_rank
from hr_core.store.assessments import Assessment, Side, assessments_listed
from hr_core.store.database import writing
from hr_core.store.score_results import newest_result
from hr_core.store.work_plan import keys_of

router = APIRouter(tags=["scores"])

ReadAsk = Annotated[Ask, needs(Right.SCORES_READ)]
WriteAsk = Annotated[Ask, needs(Right.SCORES_WRITE)]
_BAD_MARKS = "bad_marks"


@router.get("/assessments", **answers(of.Assessments, right=Right.SCORES_READ))
def assessments(ask: ReadAsk, page: AskedPage, period: PeriodWanted = None) -> Response:
    """Those in which the account is a side, newest first; accounts over everybody see all of them."""
    own = None if ask.seen.everyone else own_keys(ask.conn, ask.account)
    found = assessments_listed(
        ask.conn, own, period=period, before=page.after_number, limit=page.limit
    )
    return sent(
        of.Assessments(
            assessments=tuple(_answer(ask, one) for one in found),
            next=cursor_of(str(found[-1].number)) if len(found) == page.limit else None,
        )
    )


@router.get("/assessments/{number}", **answers(of.AssessmentAnswer, right=Right.SCORES_READ))
def assessment(ask: ReadAsk, number: RowNumber) -> Response:
    """One of them. Before both sides are in, each side's marks are for that side alone."""
    return sent(_answer(ask, _found(ask, number)))


@router.post(
    "/assessments/{number}/marks",
    **answers(of.AssessmentAnswer, right=Right.SCORES_WRITE, taken=of.NewMarks, makes=False),
)
def mark(ask: WriteAsk, number: RowNumber, raw: JsonBody, request: HttpRequest) -> Response:
    """Give the marks of the account's own side, each indicator at once; again as long as the other side
    has given nothing. 409 when both sides are in or the score is locked.
    """
    one = _found(ask, number)
    side = _side(ask, one)
    if side is None:
        raise not_found("assessment")
    new = read_body(raw, of.NewMarks)
    marks = _exact(new.marks)
    deed = deed_of_account(ask.conn, ask.account, ask.now)
    try:
        with writing(request.app.state.desk.engine) as conn:
            assessing.enter_marks(conn, number, side, marks, deed, new.note)
    except assessing.MarksFrozenError as exc:
        raise ProblemError(
            409, "marks_frozen", str(exc), where="path: number", remedy=exc.remedy
        ) from exc
    except RefusedError as exc:
        raise _bad_marks(str(exc), exc.remedy) from exc
    with request.app.state.desk.engine.connect() as conn:  # what was just written
        return sent(_answer(msgspec.structs.replace(ask, conn=conn), one))


@router.get("/me/rank", **answers(of.RankAnswer, right=Right.SCORES_READ))
def rank(ask: ReadAsk, period: AskedPeriod, unit: AskedUnit = "") -> Response:
    """The own rank among those with a locked score, without anybody's name or score."""
    if ask.account.person is None:
        raise not_found("rank")
    try:
        found = own_rank(ask.conn, ask.account.person, period, unit)
    except NotFoundError as exc:
        raise not_found("rank") from exc
    return sent(
        of.RankAnswer(
            period=found.period,
            unit=found.unit,
            rank=found.rank,
            of=found.of,
            score=str(found.score),
        )
    )


def _exact(marks: dict[str, str]) -> dict[str, Fraction]:
    """Raises ProblemError 422."""
    try:
        return {code: parse_exact(text) for code, text in marks.items()}
    except ValueError as exc:
        raise _bad_marks(str(exc), "write marks as text, like 85 or 87.5") from exc


def _bad_marks(detail: str, remedy: str) -> ProblemError:
    return ProblemError(
        422,
        _BAD_MARKS,
        detail[:MOST_TOLD_CHARS],
        where="body: marks",
        remedy=remedy[:MOST_TOLD_CHARS],
    )


def _found(ask: Ask, number: int) -> Assessment:
    """Raises ProblemError 404, the same for an unknown one and for one that is not this account's."""
    try:
        one = assessing.existing_assessment(ask.conn, number)
    except NotFoundError as exc:
        raise not_found("assessment") from exc
    if not ask.seen.everyone and _side(ask, one) is None:
        raise not_found("assessment")
    return one


def _side(ask: Ask, one: Assessment) -> Side | None:
    own = own_keys(ask.conn, ask.account)
    if own & set(keys_of(ask.conn, one.person)):
        return "self"
    return "manager" if one.rater in own else None


def _answer(ask: Ask, one: Assessment) -> of.AssessmentAnswer:
    view = assessing.view_of(ask.conn, one.number, deed_of_account(ask.conn, ask.account, ask.now))
    return of.AssessmentAnswer(
        number=one.number,
        person=one.person,
        period=one.period,
        post=one.post,
        share_percent=one.share_percent,
        rater=one.rater,
        indicators=one.indicators,
        side=_side(ask, one),
        own=_side_answer(view.own),
        manager=_side_answer(view.manager),
        reasons=view.reasons,
        to_explain=view.to_explain,
        locked=_is_locked(ask.conn, one),
    )


def _side_answer(side: assessing.SideView) -> of.SideAnswer:
    return of.SideAnswer(given=side.given, visible=side.visible, marks=side.marks, note=side.note)


def _is_locked(conn: sa.Connection, one: Assessment) -> bool:
    return newest_result(conn, keys_of(conn, one.person), one.period) is not None

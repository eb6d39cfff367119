"""Addresses of goals, two-way scoring, grades and appeals, and what their forms do."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.accounts.model import Right
from hr_core.performance import agreeing, appealing, assessing, locking
from hr_core.performance.acting import Deed
from hr_core.performance.follow_up import end_task
from hr_core.performance.goals import Goal
from hr_core.performance.sign_off import Act
from hr_core.store.appeals import Outcome
from hr_core.store.assessments import Side
from hr_core.store.database import writing
from hr_core.web.acting import acting
from hr_core.web.admission import Visitor
from hr_core.web.answering import PageDesk, Visit, anybody
from hr_core.web.assessment_page import (
    assessment_page,
    assessment_seen,
    assessments_page,
    marks_of_form,
    result_seen,
)
from hr_core.web.errors import NoPageError
from hr_core.web.forms import FormError
from hr_core.web.goal_form_routes import goal_form_routes
from hr_core.web.goals_page import (
    exact_text,
    goal_set_page,
    goal_set_seen,
    goals_page,
    target_text,
)
from hr_core.web.grades_page import grades_page
from hr_core.web.open_tasks import task_to_end
from hr_core.web.performance_sight import (
    PerformanceSight,
    account_of_visitor,
    actor_of_visitor,
    may_act,
    runs_scores,
    sight,
)
from hr_core.web.scoring_routes import scoring_routes
from hr_core.web.selection import MAX_RUN, Links, read_number
from hr_core.web.split_page import countable, shares_out
from hr_core.web.words import LANGUAGES, Words

# A form of 100 indicators and what it is about.
_MOST_MARKS = 110

_Step = Callable[[sa.Connection, int, Deed], object]
_STEPS: dict[Act, _Step] = {
    Act.ASK_CHANGE: agreeing.ask_change,
    Act.APPEAL: lambda conn, number, deed: agreeing.ask_change(conn, number, deed, appeal=True),
    Act.ACCEPT: agreeing.accept,
    Act.EXPLAIN: agreeing.explain,
    Act.SIGN: agreeing.sign_goals,
    Act.SEND_BACK: agreeing.send_back,
}


def reviews_scores(visitor: Visitor) -> bool:
    account = visitor.account
    return account is not None and Right.REQUESTS_DECIDE in account.rights


def performance_routes(desk: PageDesk) -> list[BaseRoute]:
    pages = _Pages(desk)
    found: list[BaseRoute] = [*goal_form_routes(desk), *scoring_routes(desk)]
    for language in LANGUAGES:
        at = f"/{language}"
        show = {
            "goals": pages.goals,
            "goals/{number}": pages.goal_set,
            "assessments": pages.assessments,
            "assessments/{number}": pages.assessment,
            "grades": pages.grades,
        }
        do = {
            "goals/{number}": pages.do_goals,
            "assessments/{number}": pages.do_assessment,
            "grades": pages.do_grades,
        }
        found += [
            Route(f"{at}/{place}", desk.answering(language, page, anybody), methods=["GET"])
            for place, page in show.items()
        ]
        found += [
            Route(
                f"{at}/{place}",
                acting(desk, language, act, may_act, most_fields=_MOST_MARKS),
                methods=["POST"],
            )
            for place, act in do.items()
        ]
    return found


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def goals(self, visit: Visit) -> Response:
        page = goals_page(visit)
        return self._page(
            visit,
            "goals.html",
            page=page,
            target=target_text,
            exact=exact_text,
            proposes=may_act(visit.visitor),
        )

    def goal_set(self, visit: Visit) -> Response:
        page = goal_set_page(visit, visit.request.path_params["number"])
        shares: tuple[Goal, ...] = ()
        if may_act(visit.visitor):
            by = account_of_visitor(visit.conn, visit.visitor)
            if shares_out(visit.conn, page.stored, by, visit.now):
                shares = countable(page.stored)
        content = {"page": page, "target": target_text, "exact": exact_text, "shares": shares}
        return self._page(visit, "goal_set.html", **content)

    def assessments(self, visit: Visit) -> Response:
        return self._page(
            visit,
            "assessments.html",
            listed=assessments_page(visit),
            runs=runs_scores(visit.visitor),
        )

    def assessment(self, visit: Visit) -> Response:
        page = assessment_page(visit, visit.request.path_params["number"])
        return self._page(visit, "assessment.html", page=page)

    def grades(self, visit: Visit) -> Response:
        page = grades_page(visit, reviews=reviews_scores(visit.visitor))
        return self._page(visit, "grades.html", page=page, exact=exact_text)

    def do_goals(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        try:
            act = Act(form.get("act", ""))
            step = _STEPS[act]
        except (ValueError, KeyError) as exc:
            raise FormError("stale_form", 400) from exc
        with writing(self._desk.engine) as conn:
            stored = goal_set_seen(conn, form.get("number", ""), self._sight(conn, visitor))
            deed = Deed(
                at=self._desk.clock.now(),
                actor=actor_of_visitor(conn, visitor),
                note=form.get("note", ""),
            )
            step(conn, stored.number, deed)
        return RedirectResponse(f"{Links(words.language).goals}/{stored.number}", 303)

    def do_assessment(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        with writing(self._desk.engine) as conn:
            seen = self._sight(conn, visitor)
            one = assessment_seen(conn, form.get("number", ""), seen)
            deed = self._deed(conn, visitor)
            match form.get("act"):
                case "mark":
                    side: Side = "self" if one.person in seen.own else "manager"
                    note = form.get("note", "")
                    assessing.enter_marks(conn, one.number, side, _marks(form), deed, note)
                case "reason":
                    code, reason = form.get("indicator", ""), form.get("reason", "")
                    assessing.explain_deviation(conn, one.number, code, reason, deed)
                case _:
                    raise FormError("stale_form", 400)
        return RedirectResponse(f"{Links(words.language).assessments}/{one.number}", 303)

    def do_grades(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        with writing(self._desk.engine) as conn:
            seen, deed = self._sight(conn, visitor), self._deed(conn, visitor)
            match form.get("act"):
                case "appeal":
                    person = result_seen(conn, _number(form, "result"), seen)
                    period, reason = form.get("period", ""), form.get("reason", "")
                    appealing.appeal_score(conn, person, period, reason, deed)
                case "feedback":
                    number = _number(form, "result")
                    result_seen(conn, number, seen)
                    locking.give_feedback(conn, number, form.get("reason", ""), deed)
                case "done":
                    row = task_to_end(conn, visitor, seen, _number(form, "task"))
                    end_task(conn, row.number, form.get("reason", ""), deed)
                case "review":
                    self._review(conn, visitor, seen, form)
                case _:
                    raise FormError("stale_form", 400)
        period = form.get("period", "")
        return RedirectResponse(Links(words.language).grades(period), 303)

    def _review(
        self,
        conn: sa.Connection,
        visitor: Visitor,
        seen: PerformanceSight,
        form: Mapping[str, str],
    ) -> None:
        number = _number(form, "appeal")
        appeal = appealing.existing_appeal(conn, number)
        if not (reviews_scores(visitor) and seen.sees(appeal.person)):
            raise NoPageError("no_result", number=number)
        try:
            outcome = Outcome(form.get("outcome", ""))
        except ValueError as exc:
            raise FormError("stale_form", 400) from exc
        given = {name: text for name, text in form.items() if text.strip()}
        marks = _marks(given) if outcome is Outcome.CHANGED else {}
        answer, deed = form.get("reason", ""), self._deed(conn, visitor)
        appealing.review(conn, number, outcome, marks, answer, deed)

    def _page(self, visit: Visit, template: str, **content: Any) -> Response:
        token = visit.visitor.form_token
        return self._desk.page(visit, template, form_token=token, **content)

    def _sight(self, conn: sa.Connection, visitor: Visitor) -> PerformanceSight:
        return sight(conn, visitor.account, self._desk.clock.now())

    def _deed(self, conn: sa.Connection, visitor: Visitor) -> Deed:
        return Deed(actor=actor_of_visitor(conn, visitor), at=self._desk.clock.now())


def _marks(form: Mapping[str, str]) -> dict[str, Fraction]:
    try:
        return marks_of_form(form)
    except ValueError as exc:
        raise FormError("bad_mark", 400, what=exc) from exc


def _number(form: Mapping[str, str], name: str) -> int:
    try:
        return read_number(form.get(name, ""), MAX_RUN)
    except ValueError as exc:
        raise FormError("stale_form", 400) from exc

"""Addresses of the forms of goals: proposed, taken over changed, other ones asked for, shared out."""

from collections.abc import Mapping

import sqlalchemy as sa
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.errors import CoreError
from hr_core.performance.acting import Deed
from hr_core.performance.goals import GoalKind, Group
from hr_core.performance.sign_off import Act
from hr_core.store.database import writing
from hr_core.web import goal_form_page as pages
from hr_core.web import split_page as sharing
from hr_core.web.acting import LargeForm, acting_on_large_form
from hr_core.web.admission import Visitor
from hr_core.web.answering import PageDesk, Visit
from hr_core.web.forms import FormError
from hr_core.web.goal_form import FORM_BYTES, FORM_FIELDS, LONGEST
from hr_core.web.goals_page import target_text
from hr_core.web.performance_sight import account_of_visitor, may_act, sight
from hr_core.web.selection import BadQueryError, Links
from hr_core.web.words import LANGUAGES, Words

_KINDS = tuple(one.value for one in GoalKind)
_GROUPS = tuple(one.value for one in Group)


def goal_form_routes(desk: PageDesk) -> list[BaseRoute]:
    """To stand before the addresses of sets, which take any word for a number."""
    one = _Pages(desk)
    found: list[BaseRoute] = []
    for language in LANGUAGES:
        new, change = f"/{language}/goals/new", f"/{language}/goals/{{number}}/change"
        found += [
            Route(new, desk.answering(language, one.new, may_act), methods=["GET"]),
            Route(change, desk.answering(language, one.change, may_act), methods=["GET"]),
        ]
        split = f"/{language}/goals/{{number}}/split"
        found.append(Route(split, desk.answering(language, one.split, may_act), methods=["GET"]))
        for place, act, again in (
            (new, one.propose, one.new_again),
            (change, one.do_change, one.change_again),
            (split, one.do_split, one.split_again),
        ):
            large = LargeForm(FORM_FIELDS, FORM_BYTES, again)
            answer = acting_on_large_form(desk, language, act, large, may_act)
            found.append(Route(place, answer, methods=["POST"]))
    return found


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def new(self, visit: Visit) -> Response:
        if not visit.request.query_params.get("person"):
            return self._desk.page(visit, "goal_people.html", page=pages.choice_page(visit))
        return self._form(visit, pages.new_goals_page(visit))

    def new_again(
        self, visit: Visit, form: Mapping[str, str], refused: CoreError | None
    ) -> Response:
        return self._form(visit, pages.new_goals_again(visit, form, refused))

    def change(self, visit: Visit) -> Response:
        number = visit.request.path_params["number"]
        return self._form(visit, pages.change_page(visit, number))

    def change_again(
        self, visit: Visit, form: Mapping[str, str], refused: CoreError | None
    ) -> Response:
        return self._form(visit, pages.change_again(visit, form, refused))

    def propose(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        if form.get("act") != Act.PROPOSE:
            raise FormError("stale_form", 400)
        with writing(self._desk.engine) as conn:
            seen = sight(conn, visitor.account, self._desk.clock.now())
            deed = self._deed(conn, visitor, form)
            try:
                number = pages.propose_of_form(conn, seen, form, deed)
            except BadQueryError as exc:
                raise FormError("stale_form", 400) from exc
        return RedirectResponse(f"{Links(words.language).goals}/{number}", 303)

    def do_change(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        try:
            act = Act(form.get("act", ""))
        except ValueError as exc:
            raise FormError("stale_form", 400) from exc
        if act not in pages.CHANGES:
            raise FormError("stale_form", 400)
        with writing(self._desk.engine) as conn:
            seen = sight(conn, visitor.account, self._desk.clock.now())
            deed = self._deed(conn, visitor, form)
            number = pages.change_of_form(conn, seen, form, act, deed)
        return RedirectResponse(f"{Links(words.language).goals}/{number}", 303)

    def split(self, visit: Visit) -> Response:
        number, code = (
            visit.request.path_params["number"],
            visit.request.query_params.get("goal", ""),
        )
        return self._split(visit, sharing.split_page(visit, number, code))

    def split_again(
        self, visit: Visit, form: Mapping[str, str], refused: CoreError | None
    ) -> Response:
        number, code = form.get("number", ""), form.get("goal", "")
        return self._split(visit, sharing.split_page(visit, number, code, form, refused))

    def do_split(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        if form.get("act") != "split":
            raise FormError("stale_form", 400)
        with writing(self._desk.engine) as conn:
            now = self._desk.clock.now()
            seen = sight(conn, visitor.account, now)
            by = account_of_visitor(conn, visitor)
            goal = sharing.goal_to_split(
                conn, form.get("number", ""), form.get("goal", ""), seen, (by, now)
            )
            sharing.split_of_form(conn, goal, form, seen, self._deed(conn, visitor, form))
        return RedirectResponse(f"{Links(words.language).goals}?period={goal.period}", 303)

    def _split(self, visit: Visit, page: sharing.SplitPage) -> Response:
        token = visit.visitor.form_token
        return self._desk.page(visit, "split.html", page=page, target=target_text, form_token=token)

    def _form(self, visit: Visit, page: pages.GoalFormPage) -> Response:
        return self._desk.page(
            visit,
            "goal_form.html",
            page=page,
            kinds=_KINDS,
            groups=_GROUPS,
            longest=LONGEST,
            form_token=visit.visitor.form_token,
        )

    def _deed(self, conn: sa.Connection, visitor: Visitor, form: Mapping[str, str]) -> Deed:
        by = account_of_visitor(conn, visitor)
        return Deed(at=self._desk.clock.now(), actor=by, note=form.get("note", ""))

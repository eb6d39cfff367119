"""Addresses of what waits for a second person, and what their forms do: as the session's account alone."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.accounts.model import Account
from hr_core.approvals import desk as approvals
from hr_core.approvals.actors import actor_of_account
from hr_core.approvals.desk import Actor, Approval, ApprovalState
from hr_core.approvals.effects import take_effect
from hr_core.approvals.kinds import Kind
from hr_core.errors import CoreError
from hr_core.pay.run_life import ask_payment, ask_reversal, submit
from hr_core.store.database import writing
from hr_core.web.acting import Act, acting
from hr_core.web.admission import Visitor
from hr_core.web.answering import LONGEST_PATH_SHOWN, PageDesk, Visit
from hr_core.web.approvals_page import (
    approval_page,
    approvals_page,
    decidable,
    decides,
    differences,
    submits_runs,
)
from hr_core.web.errors import NoPageError
from hr_core.web.forms import FormError
from hr_core.web.selection import MAX_RUN, Links, read_number
from hr_core.web.words import LANGUAGES, Words


class RunAsk(Protocol):
    """One of hr_core.pay.run_life."""

    def __call__(
        self, conn: sa.Connection, run: int, *, at: datetime, by: Actor, reason: str
    ) -> int: ...


def approval_routes(desk: PageDesk) -> list[BaseRoute]:
    pages = _Pages(desk)
    found: list[BaseRoute] = []
    for language in LANGUAGES:
        links = Links(language)
        one = f"{links.approvals}/{{number}}"
        found += [
            Route(links.approvals, desk.answering(language, pages.all, decides)),
            Route(one, desk.answering(language, pages.one, decides), methods=["GET"]),
            Route(one, acting(desk, language, pages.decide, decides), methods=["POST"]),
        ]
        for place, ask in (
            (links.submit_run, submit),
            (links.ask_payment, ask_payment),
            (links.ask_reversal, ask_reversal),
        ):
            act = acting(desk, language, pages.asking(ask), submits_runs)
            found.append(Route(place, act, methods=["POST"]))
    return found


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def all(self, visit: Visit) -> Response:
        def show() -> Response:
            page = approvals_page(visit.conn, _account(visit.visitor), visit.words)
            return self._desk.page(visit, "approvals.html", page=page)

        return self._told(visit, show)

    def one(self, visit: Visit) -> Response:
        asked = visit.request.path_params["number"]
        try:
            number = read_number(asked, MAX_RUN)
        except ValueError as exc:
            raise NoPageError("no_approval", number=asked[:LONGEST_PATH_SHOWN]) from exc

        def show() -> Response:
            account = _account(visit.visitor)
            page = approval_page(visit.conn, account, number, visit.words, self._desk.diffs)
            token = visit.visitor.form_token
            return self._desk.page(visit, "approval.html", page=page, form_token=token)

        return self._told(visit, show)

    def decide(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        account, number, reason = _account(visitor), _number(form, "number"), form.get("reason", "")
        at = self._desk.clock.now()
        with writing(self._desk.engine) as conn:
            one = decidable(conn, account, number)
            actor = actor_of_account(conn, account)
            match form.get("act"):
                case "approve":
                    _refuse_unseen(conn, one, words, form.get("seen", ""))
                    done = approvals.approve(conn, number, at=at, by=actor, reason=reason)
                    take_effect(conn, done)
                case "refuse":
                    approvals.refuse(conn, number, at=at, by=actor, reason=reason)
                case _:
                    raise FormError("stale_form", 400)
        return RedirectResponse(Links(words.language).approval(number), 303)

    def asking(self, ask: RunAsk) -> Act:
        """For the second person: submitting a run, paying it, taking it back."""

        def act(visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
            run, at = _number(form, "run"), self._desk.clock.now()
            with writing(self._desk.engine) as conn:
                actor = actor_of_account(conn, _account(visitor))
                number = ask(conn, run, at=at, by=actor, reason=form.get("reason", ""))
            return RedirectResponse(Links(words.language).approval(number), 303)

        return act

    def _told(self, visit: Visit, show: Callable[[], Response]) -> Response:
        """Content that somebody changed in the database is told, never shown as what was entered."""
        try:
            return show()
        except CoreError as exc:
            facts = {"what": exc, "remedy": exc.remedy}
            return self._desk.refusal(visit.request, visit.words, "act_refused", 409, **facts)


def _refuse_unseen(conn: sa.Connection, one: Approval, words: Words, seen: str) -> None:
    """Raises FormError for a run whose unexplained differences nobody says to have looked at."""
    if one.kind is not Kind.RUN or one.state is not ApprovalState.PROPOSED:
        return
    found = differences(conn, one, words)
    if found is not None and found.unexplained and seen != str(found.unexplained):
        raise FormError("unexplained_first", 409, count=found.unexplained)


def _account(visitor: Visitor) -> Account:
    assert visitor.account is not None  # noqa: S101 - `decides` asks for one
    return visitor.account


def _number(form: Mapping[str, str], name: str) -> int:
    try:
        return read_number(form.get(name, ""), MAX_RUN)
    except ValueError as exc:
        raise FormError("stale_form", 400) from exc

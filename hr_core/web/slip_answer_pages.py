"""What a worker answers to the own payslip, and the list in which HR replies."""

from collections.abc import Mapping

import sqlalchemy as sa
from msgspec import Struct
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.accounts.acting import actor_of, names_of, own_keys
from hr_core.accounts.model import Role
from hr_core.pay.objection_verdict import Verdict
from hr_core.pay.slip_answers import confirm, object_to, reply
from hr_core.people.changes import Signature
from hr_core.store.database import writing
from hr_core.store.pay_run_steps import is_issued
from hr_core.store.people import load_roster
from hr_core.store.slip_answers import SlipAnswer, SlipPlace, objections
from hr_core.web.acting import acting
from hr_core.web.admission import Visitor
from hr_core.web.answering import PageDesk, Visit
from hr_core.web.errors import NoPageError
from hr_core.web.forms import FormError
from hr_core.web.selection import MAX_RUN, Links, read_number
from hr_core.web.words import LANGUAGES, Words

_REPLIES = (Role.ADMIN, Role.HR)


class ListedObjection(Struct, frozen=True, kw_only=True):
    """`own`: the visitor objected, and somebody else has to reply."""

    answer: SlipAnswer
    name: str
    own: bool


def replies_to_slips(visitor: Visitor) -> bool:
    account = visitor.account
    return account is not None and account.has_role(*_REPLIES) and visitor.sees_everything


def is_own(conn: sa.Connection, visitor: Visitor, person: str) -> bool:
    """Only the person answers: the receipt is a signature."""
    return visitor.account is not None and person in own_keys(conn, visitor.account)


class SlipAnswerPages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        found: list[BaseRoute] = []
        for language in LANGUAGES:
            place = f"/{language}/slip-answer"
            show = self._desk.answering(language, self._list, replies_to_slips)
            found += [
                Route(f"/{language}/objections", show),
                Route(place, acting(self._desk, language, self._answer), methods=["POST"]),
                Route(
                    f"{place}/reply",
                    acting(self._desk, language, self._reply, replies_to_slips),
                    methods=["POST"],
                ),
            ]
        return found

    def _list(self, visit: Visit) -> Response:
        roster = load_roster(visit.conn)
        people = {} if roster is None else roster.people
        account = visit.visitor.account
        names = frozenset() if account is None else names_of(visit.conn, account)
        listed = [
            ListedObjection(
                answer=one,
                name=people[one.person].name if one.person in people else one.person,
                own=bool({one.by, one.person} & names),
            )
            for one in objections(visit.conn, only_open=True)
        ]
        return self._desk.page(
            visit, "objections.html", listed=listed, form_token=visit.visitor.form_token
        )

    def _answer(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        run, person = _number(form, "run"), form.get("person", "")
        with writing(self._desk.engine) as conn:
            if not (is_own(conn, visitor, person) and is_issued(conn, run)):
                raise NoPageError("no_slip", number=run, person=person[:64])
            place, signed = SlipPlace(run, person), self._signed(conn, visitor)
            if form.get("act") == "object":
                object_to(conn, place, form.get("line", ""), form.get("reason", ""), signed)
            else:
                confirm(conn, place, form.get("digest", ""), signed)
        return RedirectResponse(f"{Links(words.language).slip(run, person)}#answers", 303)

    def _reply(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        try:
            verdict = Verdict(form.get("verdict", ""))
        except ValueError as exc:
            raise FormError("stale_form", 400) from exc
        with writing(self._desk.engine) as conn:
            signed = self._signed(conn, visitor)
            reply(conn, _number(form, "objection"), verdict, form.get("reply", ""), signed)
        return RedirectResponse(Links(words.language).objections, 303)

    def _signed(self, conn: sa.Connection, visitor: Visitor) -> Signature:
        assert visitor.account is not None  # noqa: S101 - asked before by every caller
        return Signature(
            at=self._desk.clock.now(),
            by=actor_of(visitor.account),
            also=names_of(conn, visitor.account),
        )


def _number(form: Mapping[str, str], name: str) -> int:
    try:
        return read_number(form.get(name, ""), MAX_RUN)
    except ValueError as exc:
        raise FormError("stale_form", 400) from exc

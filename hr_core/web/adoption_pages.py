"""From the waiting list to a person: one form, and somebody else's confirmation."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date

import msgspec
import sqlalchemy as sa
from anyio import to_thread
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.accounts.model import Account, Role
from hr_core.errors import CoreError
from hr_core.money import parse_yuan
from hr_core.people import adoption
from hr_core.people.changes import Signature
from hr_core.people.waiting import waiting_punches
from hr_core.store.adoptions import State, adoptions
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.organisation import units
from hr_core.store.people import shifts
from hr_core.web.admission import Visitor
from hr_core.web.answering import PageDesk, Visit
from hr_core.web.errors import NoPageError
from hr_core.web.forms import FormError, own_form
from hr_core.web.selection import Links, read_day
from hr_core.web.words import LANGUAGES, Language, Words

_LONGEST = 64  # of a serial or user id that a page shows
_MAY = (Role.ADMIN, Role.HR)

Act = Callable[[Request, Visitor, Words], Awaitable[Response]]


class OpenAdoption(Struct, frozen=True, kw_only=True):
    """`own`: the visitor asked for it, and somebody else has to confirm."""

    number: int
    facts: adoption.Facts
    asked_by: str
    own: bool


class AdoptionForm(Struct, frozen=True, kw_only=True):
    """`given`: what was typed, shown again with the trouble."""

    serial: str
    user_id: str
    punches: int
    first: date
    units: tuple[tuple[str, str], ...]
    shifts: tuple[tuple[str, str], ...]
    given: dict[str, str]
    trouble: str | None


def may_adopt(visitor: Visitor) -> bool:
    """Two accounts are needed, so nobody may before there is one."""
    account = visitor.account
    return account is not None and account.has_role(*_MAY) and visitor.sees_everything


def open_adoptions(conn: sa.Connection, account: Account | None) -> list[OpenAdoption]:
    """Oldest first."""
    columns = adoptions.c
    query = sa.select(columns.number, columns.facts, columns.asked_by).where(
        columns.state == State.ASKED.value
    )
    return [
        OpenAdoption(
            number=number,
            facts=msgspec.json.decode(facts, type=adoption.Facts),
            asked_by=asked_by,
            own=account is not None and account.name == asked_by,
        )
        for number, facts, asked_by in conn.execute(query.order_by(columns.number))
    ]


class AdoptionPages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        found: list[BaseRoute] = []
        for language in LANGUAGES:
            place = f"/{language}/waiting"
            show = self._desk.answering(language, self._form, may_adopt)
            found += [
                Route(f"{place}/adopt", show),
                Route(f"{place}/adopt", self._acting(language, self._ask), methods=["POST"]),
                Route(f"{place}/decide", self._acting(language, self._decide), methods=["POST"]),
            ]
        return found

    def _form(
        self, visit: Visit, given: Mapping[str, str] | None = None, trouble: str | None = None
    ) -> Response:
        asked = visit.request.query_params if given is None else given
        serial, user_id = asked.get("device", "")[:_LONGEST], asked.get("user", "")[:_LONGEST]
        found = waiting_punches(visit.conn, serial, user_id) if serial and user_id else None
        if found is None:
            raise NoPageError("no_waiting_user", device=serial, user=user_id)
        words = visit.words
        form = AdoptionForm(
            serial=serial,
            user_id=user_id,
            punches=found[0],
            first=found[1].date(),
            units=_named(visit.conn, units, words),
            shifts=_named(visit.conn, shifts, words),
            given=dict(given or {}),
            trouble=trouble,
        )
        response = self._desk.page(
            visit, "adopt.html", form=form, form_token=visit.visitor.form_token
        )
        response.status_code = 422 if trouble else 200
        return response

    def _acting(self, language: Language, act: Act) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            words = Words(language)
            visitor = await to_thread.run_sync(self._desk.visitor_of, request, words, may_adopt)
            if isinstance(visitor, Response):
                return visitor
            try:
                return await act(request, visitor, words)
            except FormError as exc:
                return self._desk.refusal(request, words, exc.code, exc.status, **exc.facts)
            except StorageError:
                return self._desk.sick(request, words)

        return answer

    async def _ask(self, request: Request, visitor: Visitor, words: Words) -> Response:
        form = await own_form(request, visitor.form_token)

        def work() -> Response:
            try:
                facts = _facts(form, words)
                with writing(self._desk.engine) as conn:
                    adoption.ask(conn, facts, self._signed(visitor))
            except (CoreError, ValueError) as exc:
                if isinstance(exc, StorageError):
                    raise
                told = f"{exc}. {exc.remedy}" if isinstance(exc, CoreError) else str(exc)
                return self._desk.answer(
                    request, words, lambda visit: self._form(visit, form, told), visitor
                )
            return RedirectResponse(Links(words.language).waiting, 303)

        return await to_thread.run_sync(work)

    async def _decide(self, request: Request, visitor: Visitor, words: Words) -> Response:
        form = await own_form(request, visitor.form_token)
        number = form.get("adoption", "")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise FormError("stale_form", 400)
        decide = adoption.confirm if form.get("verdict") == "confirm" else adoption.refuse

        def work() -> Response:
            try:
                with writing(self._desk.engine) as conn:
                    decide(conn, int(number), self._signed(visitor))
            except StorageError:
                raise
            except CoreError as exc:
                facts = {"about": "adoption_refused", "what": exc, "remedy": exc.remedy}
                return self._desk.refusal(request, words, "adoption_refused", 409, **facts)
            return RedirectResponse(Links(words.language).waiting, 303)

        return await to_thread.run_sync(work)

    def _signed(self, visitor: Visitor) -> Signature:
        assert visitor.account is not None  # noqa: S101 - `may_adopt` asks for one
        return Signature(at=self._desk.clock.now(), by=visitor.account.name)


def _facts(form: Mapping[str, str], words: Words) -> adoption.Facts:
    """Raises ValueError, in words, for what cannot be read."""
    said = {name: form.get(name, "").strip() for name in ("first", "base", "hourly")}
    try:
        first = read_day(said["first"]) if said["first"] else None
        base, hourly = (
            parse_yuan(said[name]) if said[name] else None for name in ("base", "hourly")
        )
    except ValueError as exc:
        raise ValueError(words("adopt_unreadable", what=exc)) from exc
    return adoption.Facts(
        serial=form.get("device", ""),
        user_id=form.get("user", ""),
        name=form.get("name", ""),
        id_digits=form.get("id_digits", "").strip(),
        team=form.get("team") or None,
        base_fen=base,
        hourly_fen=hourly,
        first=first,
        employer=form.get("employer", "").strip(),
        shift=form.get("shift") or None,
    )


def _named(conn: sa.Connection, table: sa.Table, words: Words) -> tuple[tuple[str, str], ...]:
    """(code, name) of units or shifts, by code."""
    query = sa.select(table.c.code, table.c.name, table.c.name_zh).order_by(table.c.code)
    return tuple((code, words.label(name, zh)) for code, name, zh in conn.execute(query))

"""From the waiting list to a person: asked by one account, confirmed by another."""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from hr_core.accounts.acting import actor_of, names_of
from hr_core.accounts.model import Right
from hr_core.accounts.visible import units_seen_by
from hr_core.api.v1 import answers as of
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.bodies import check_day, read_body
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import AskedPage, JsonBody, RowNumber, cursor_of
from hr_core.api.v1.problem import ProblemError, not_found
from hr_core.api.v1.sending import sent
from hr_core.people import adoption
from hr_core.people.adoption import Adoption, Facts
from hr_core.people.changes import Signature
from hr_core.people.errors import ChangeRefusedError
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.people.waiting import waiting_punches
from hr_core.store.adoptions import State
from hr_core.store.database import writing

router = APIRouter(tags=["people"])

# Also to read them: the forms hold pay and digits of id cards.
PeopleAsk = Annotated[Ask, needs(Right.PEOPLE_WRITE)]
AskedState = Annotated[State | None, Query(description="Only in this state.")]


@router.get("/adoptions", **answers(of.Adoptions, right=Right.PEOPLE_WRITE))
def adoptions(ask: PeopleAsk, page: AskedPage, state: AskedState = None) -> Response:
    """Device users that shall become people, newest first."""
    sees = _sees(ask)
    before = page.after_number
    found = [
        one
        for one in adoption.adoptions_of(ask.conn, state)
        if (before is None or one.number < before) and sees(one.facts)
    ][: page.limit]
    numbers = NumbersOfDays.load(ask.conn, {one.person for one in found if one.person})
    return sent(
        of.Adoptions(
            adoptions=tuple(_answer(one, numbers) for one in found),
            next=cursor_of(str(found[-1].number)) if len(found) == page.limit else None,
        )
    )


@router.post(
    "/adoptions", **answers(of.AdoptionAnswer, right=Right.PEOPLE_WRITE, taken=of.NewAdoption)
)
def ask_for(ask: PeopleAsk, raw: JsonBody, request: HttpRequest) -> Response:
    """Ask that a waiting device user becomes a person; somebody else confirms it."""
    new = read_body(raw, of.NewAdoption)
    if new.first is not None:
        check_day("first", new.first)
    facts = Facts(
        serial=new.device,
        user_id=new.user_id,
        name=new.name,
        id_digits=new.id_digits,
        team=new.team,
        base_fen=new.base_fen,
        hourly_fen=new.hourly_fen,
        first=new.first,
        employer=new.employer,
        shift=new.shift,
    )
    _check_waits(ask, facts)

    def act(conn: sa.Connection, sign: Signature) -> tuple[int, tuple[str, ...]]:
        asked = adoption.ask(conn, facts, sign)
        return asked.adoption, asked.similar

    response = _done(ask, request, new.reason, act)
    response.status_code = 201
    return response


@router.post(
    "/adoptions/{number}/confirm",
    **answers(of.AdoptionAnswer, right=Right.PEOPLE_WRITE, taken=of.Decision, makes=False),
)
def confirm(ask: PeopleAsk, number: RowNumber, raw: JsonBody, request: HttpRequest) -> Response:
    """Confirm what another account asked: the person is made, with a number and its punches."""
    _check_seen(ask, number)

    def act(conn: sa.Connection, sign: Signature) -> tuple[int, tuple[str, ...]]:
        adoption.confirm(conn, number, sign)
        return number, ()

    return _done(ask, request, read_body(raw, of.Decision).reason, act)


@router.post(
    "/adoptions/{number}/refuse",
    **answers(of.AdoptionAnswer, right=Right.PEOPLE_WRITE, taken=of.Decision, makes=False),
)
def refuse(ask: PeopleAsk, number: RowNumber, raw: JsonBody, request: HttpRequest) -> Response:
    """Refuse it: the punches go on waiting."""
    _check_seen(ask, number)

    def act(conn: sa.Connection, sign: Signature) -> tuple[int, tuple[str, ...]]:
        adoption.refuse(conn, number, sign)
        return number, ()

    return _done(ask, request, read_body(raw, of.Decision).reason, act)


def _done(
    ask: Ask,
    request: HttpRequest,
    reason: str,
    act: Callable[[sa.Connection, Signature], tuple[int, tuple[str, ...]]],
) -> Response:
    """Raises ProblemError 422."""
    also = names_of(ask.conn, ask.account)
    sign = Signature(at=ask.now, by=actor_of(ask.account), reason=reason, also=also)
    try:
        with writing(request.app.state.desk.engine) as conn:
            number, similar = act(conn, sign)
            done = adoption.adoption_of(conn, number)
            assert done is not None  # noqa: S101 - what was just written
            numbers = NumbersOfDays.load(conn, {done.person} if done.person else set())
    except ChangeRefusedError as exc:
        raise ProblemError(422, "adoption", str(exc), where="body", remedy=exc.remedy) from exc
    return sent(_answer(done, numbers, similar))


def _check_waits(ask: Ask, facts: Facts) -> None:
    """Raises ProblemError 404: nothing of the id waits, or on a device that is not seen."""
    found = waiting_punches(ask.conn, facts.serial, facts.user_id, since=adoption.BELIEVED_SINCE)
    if found is None:
        raise not_found("waiting device user")
    day = facts.first or found[1].date()
    devices = ask.devices_on(day)
    if devices is not None and facts.serial not in devices:
        raise not_found("waiting device user")
    teams = units_seen_by(ask.conn, ask.account, day)
    if teams is not None and facts.team not in teams:
        raise ProblemError(
            422,
            "adoption",
            "an account that is limited to units adopts into one of them",
            where="body: team",
            remedy="give the code of a unit that the account sees",
        )


def _check_seen(ask: Ask, number: int) -> None:
    """Raises ProblemError 404."""
    found = adoption.adoption_of(ask.conn, number)
    if found is None or not _sees(ask)(found.facts):
        raise not_found("adoption")


def _sees(ask: Ask) -> Callable[[Facts], bool]:
    """By device and team on the first day of the person that it would be."""
    devices_on = cache(ask.devices_on)

    @cache
    def teams_on(day: date) -> frozenset[str] | None:
        return units_seen_by(ask.conn, ask.account, day)

    def sees(facts: Facts) -> bool:
        day = facts.first or ask.today
        devices, teams = devices_on(day), teams_on(day)
        return (devices is None or facts.serial in devices) and (
            teams is None or facts.team in teams
        )

    return sees


def _answer(
    one: Adoption, numbers: NumbersOfDays, similar: tuple[str, ...] = ()
) -> of.AdoptionAnswer:
    first = one.facts.first
    return of.AdoptionAnswer(
        number=one.number,
        state=one.state,
        facts=one.facts,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        person=one.person,
        employee_number=numbers.on(one.person, first) if one.person and first else None,
        similar=similar,
    )

"""Goals of a person proposed, changed or asked for on a page: what the form shows and what it does."""

from collections.abc import Mapping

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import CoreError, NotFoundError
from hr_core.people.lookup import person_of_number
from hr_core.people.today import today_at
from hr_core.performance import agreeing
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import Draft
from hr_core.performance.goal_book import GoalBook
from hr_core.performance.goals import Goal, Level
from hr_core.performance.periods import Period
from hr_core.performance.sign_off import ENDED, Act, State
from hr_core.store.goals import StoredSet, sets_of
from hr_core.store.work_plan import keys_of
from hr_core.web.answering import Visit
from hr_core.web.errors import NoPageError
from hr_core.web.goal_form import (
    MOST_ROWS,
    TypedGoal,
    WeightSum,
    goals_of,
    rows_of,
    typed_rows,
    weight_sum,
    with_blank_rows,
)
from hr_core.web.goals_page import acts_on, goal_set_seen, proposes_for
from hr_core.web.performance_sight import PerformanceSight, sight_of_visit
from hr_core.web.selection import BadQueryError, read_value

CHANGES = (Act.ACCEPT, Act.ASK_CHANGE, Act.APPEAL)


class ParentChoice(Struct, frozen=True, kw_only=True):
    code: str
    owner: str
    title: str
    title_zh: str


class GoalFormPage(Struct, frozen=True, kw_only=True):
    """`number`: of the set that is changed; None: a new version is proposed. `acts`: what the form can
    be sent for. `running`: a version that is still being agreed, before which there is no other one.
    """

    person: str
    name: str
    period: str
    number: int | None
    acts: tuple[Act, ...]
    rows: tuple[TypedGoal, ...]
    sum: WeightSum
    full: bool
    parents: tuple[ParentChoice, ...]
    note: str
    refused: CoreError | None
    running: int | None


class ChoicePage(Struct, frozen=True, kw_only=True):
    """For whom the visitor may propose goals: (key, name, number)."""

    people: tuple[tuple[str, str, str], ...]
    period: str


def choice_page(visit: Visit) -> ChoicePage:
    seen = sight_of_visit(visit)
    found = proposes_for(visit, seen)
    asked = read_value(visit.request.query_params, "period", Period.parse, "2026-10")
    here = today_at(visit.conn, visit.now)
    return ChoicePage(
        people=tuple((key, seen.name(key), seen.names[key][1]) for key in found),
        period=str(asked or f"{here:%Y-%m}"),
    )


def new_goals_page(visit: Visit) -> GoalFormPage:
    """Begins with the goals of the version before. Raises NoPageError, BadQueryError."""
    query = visit.request.query_params
    person, period = asked_person(visit, query), _period(query)
    newest = _newest(visit.conn, person, period)
    rows = () if newest is None else rows_of(newest.goals.goals)
    return _page(visit, (person, period), rows, acts=(Act.PROPOSE,))


def new_goals_again(
    visit: Visit, form: Mapping[str, str], refused: CoreError | None
) -> GoalFormPage:
    person, period = asked_person(visit, form), _period(form)
    whose = person, period
    return _page(visit, whose, typed_rows(form), form=form, refused=refused, acts=(Act.PROPOSE,))


def propose_of_form(
    conn: sa.Connection, seen: PerformanceSight, form: Mapping[str, str], deed: Deed
) -> int:
    """The number of the new set. Raises NoPageError, RefusedError."""
    period = _period(form)
    person = _person(conn, form.get("person", ""), period)
    if not seen.sees(person):
        raise NoPageError("not_yours")
    before = _newest(conn, person, period)
    goals = goals_of(typed_rows(form), person, period, before.goals.goals if before else ())
    draft = Draft(person=person, period=period, goals=goals)
    return agreeing.propose(conn, draft, deed).number


def change_page(visit: Visit, number_text: str) -> GoalFormPage:
    """Of goals that wait for the visitor: taken over changed, or other ones asked for.

    Begins with what was asked for, if it was asked for as goals. Raises NoPageError.
    """
    stored, acts = _changing(visit, number_text)
    if not acts:
        raise NoPageError("no_goals", number=stored.number)
    goals = agreeing.wanted_goals(visit.conn, stored) or stored.goals.goals
    whose = stored.goals.owner, stored.goals.period
    return _page(visit, whose, rows_of(goals), acts=acts, number=stored.number)


def change_again(visit: Visit, form: Mapping[str, str], refused: CoreError | None) -> GoalFormPage:
    """Also when it is no longer the visitor's turn: `refused` says so."""
    stored, acts = _changing(visit, form.get("number", ""))
    return _page(
        visit,
        (stored.goals.owner, stored.goals.period),
        typed_rows(form),
        form=form,
        refused=refused,
        acts=acts,
        number=stored.number,
    )


def change_of_form(
    conn: sa.Connection, seen: PerformanceSight, form: Mapping[str, str], act: Act, deed: Deed
) -> int:
    """The set that goes on: of an accepted change the new version. Raises RefusedError, NoPageError."""
    stored = goal_set_seen(conn, form.get("number", ""), seen)
    held = stored.goals
    known = {one.code: one for one in (*held.goals, *agreeing.wanted_goals(conn, stored))}
    goals = goals_of(typed_rows(form), held.owner, held.period, known.values())
    if act is Act.ACCEPT:
        return agreeing.accept(conn, stored.number, deed, goals).number
    agreeing.ask_change(conn, stored.number, deed, goals, appeal=act is Act.APPEAL)
    return stored.number


def asked_person(visit: Visit, given: Mapping[str, str]) -> str:
    """Raises NoPageError for whom the visitor cannot propose goals."""
    seen = sight_of_visit(visit)
    person = _person(visit.conn, given.get("person", ""), _period(given))
    if person not in proposes_for(visit, seen):
        raise NoPageError("not_yours")
    return person


def _person(conn: sa.Connection, text: str, period: str) -> str:
    try:
        return person_of_number(conn, text, Period.parse(period).first)
    except NotFoundError as exc:
        raise NoPageError("not_yours") from exc


def _period(given: Mapping[str, str]) -> str:
    """Raises BadQueryError."""
    found = read_value(given, "period", Period.parse, "2026-10")
    if found is None:
        raise BadQueryError("period", "", "2026-10")
    return str(found)


def _changing(visit: Visit, number_text: str) -> tuple[StoredSet, tuple[Act, ...]]:
    seen = sight_of_visit(visit)
    stored = goal_set_seen(visit.conn, number_text, seen)
    acts = acts_on(visit.conn, stored, seen, visit)
    return stored, tuple(act for act in acts if act in CHANGES)


def _page(  # noqa: PLR0913 - the parts of a form
    visit: Visit,
    whose: tuple[str, str],
    rows: tuple[TypedGoal, ...],
    *,
    acts: tuple[Act, ...],
    form: Mapping[str, str] | None = None,
    refused: CoreError | None = None,
    number: int | None = None,
) -> GoalFormPage:
    person, period = whose
    newest = _newest(visit.conn, person, period) if number is None else None
    running = newest is not None and agreeing.state_of(visit.conn, newest.number) not in ENDED
    return GoalFormPage(
        person=person,
        name=sight_of_visit(visit).name(person),
        period=period,
        number=number,
        acts=acts,
        rows=with_blank_rows(rows),
        sum=weight_sum(rows),
        full=len(rows) >= MOST_ROWS,
        parents=_parents(visit.conn, period),
        note=(form or {}).get("note", ""),
        refused=refused,
        running=newest.number if running and newest is not None else None,
    )


def _newest(conn: sa.Connection, person: str, period: str) -> StoredSet | None:
    """Not one that a later version took the place of."""
    found = [
        one
        for one in sets_of(conn, Level.PERSON, keys_of(conn, person))
        if one.goals.period == period and agreeing.state_of(conn, one.number) is not State.REPLACED
    ]
    return max(found, key=lambda one: one.goals.version, default=None)


def _parents(conn: sa.Connection, period: str) -> tuple[ParentChoice, ...]:
    """Goals of units that hold in the period: each goal of a person serves one of them."""
    book = GoalBook.load(conn, people=())
    found: dict[str, Goal] = {}
    for goal in book.goals():
        held = book.unit_goal(goal.code, period)
        if held is not None:
            found[held.code] = held
    return tuple(
        ParentChoice(code=one.code, owner=one.owner, title=one.title, title_zh=one.title_zh)
        for one in found.values()
    )

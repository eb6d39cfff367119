"""A period's scores of everybody whom the visitor looks after: opened, marked, explained, locked."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import CoreError, RefusedError
from hr_core.people.lookup import person_of_number
from hr_core.people.today import today_at
from hr_core.performance import assessing
from hr_core.performance.acting import Deed
from hr_core.performance.goal_book import GoalBook
from hr_core.performance.goals import Level
from hr_core.performance.periods import Period
from hr_core.performance.score_rules import rules_on
from hr_core.performance.sign_off import State
from hr_core.performance.team_scores import Failed, lock_many, open_for_many
from hr_core.performance.units import Units
from hr_core.store.assessments import Assessment, assessments_of_period, sides_of
from hr_core.store.person_records import merged_into
from hr_core.store.score_results import ResultRow, newest_results, score_results
from hr_core.web.answering import Visit
from hr_core.web.assessment_page import may_look
from hr_core.web.errors import NoPageError
from hr_core.web.performance_sight import (
    PerformanceSight,
    deed_of_visitor,
    looked_after,
    sight_of_visit,
)
from hr_core.web.selection import read_value

MOST_PEOPLE = 300  # on one page; a larger plant chooses a unit
FORM_FIELDS = MOST_PEOPLE + 20
FORM_BYTES = 64 * 1024
_TICK = "tick_"


class Stage(StrEnum):
    NO_GOALS = "no_goals"  # nothing signed: it opens by indicators that somebody names
    TO_OPEN = "to_open"
    SIDES_MISSING = "sides_missing"
    TO_EXPLAIN = "to_explain"
    TO_LOCK = "to_lock"
    LOCKED = "locked"


class PersonScore(Struct, frozen=True, kw_only=True):
    """`assessments`: numbers of those that the visitor may look at. `explain`: indicators on which the sides lie apart without a reason."""

    person: str
    name: str
    number: str
    stage: Stage
    assessments: tuple[int, ...]
    explain: tuple[str, ...]
    own_missing: bool
    manager_missing: bool
    result: ResultRow | None
    ticked: bool


class Told(Struct, frozen=True, kw_only=True):
    """What an action did: how many, and of whom it was refused: (name, why)."""

    act: str
    made: int
    failed: tuple[tuple[str, CoreError], ...]


class TeamScoresPage(Struct, frozen=True, kw_only=True):
    period: Period
    earlier: str
    later: str
    unit: str
    units: tuple[str, ...]
    schemes: tuple[str, ...]
    scheme: str
    rater: str
    people: tuple[PersonScore, ...]
    more: int
    told: Told | None
    refused: CoreError | None


def team_scores_page(
    visit: Visit,
    form: Mapping[str, str] | None = None,
    *,
    told: Told | None = None,
    refused: CoreError | None = None,
) -> TeamScoresPage:
    """Raises BadQueryError."""
    given = visit.request.query_params if form is None else form
    asked = read_value(given, "period", Period.parse, "2026-10")
    here = today_at(visit.conn, visit.now)
    period = asked or Period.of(Month(here.year, here.month)).moved(-1)
    units, unit = Units.load(visit.conn), given.get("unit", "")
    seen = sight_of_visit(visit)
    people = looked_after(seen, units, unit, period)
    known = _Known(visit, period)
    ticked = frozenset(_ticked(given))
    return TeamScoresPage(
        period=period,
        earlier=str(period.moved(-1)),
        later=str(period.moved(1)),
        unit=unit,
        units=tuple(sorted(units.codes)),
        schemes=tuple(sorted(rules_on(visit.conn, period.first).basis)),
        scheme=given.get("scheme", ""),
        rater=given.get("rater", ""),
        people=tuple(known.of(one, seen, one in ticked) for one in people[:MOST_PEOPLE]),
        more=max(0, len(people) - MOST_PEOPLE),
        told=told,
        refused=refused,
    )


def do_team_scores(
    conn: sa.Connection, seen: PerformanceSight, form: Mapping[str, str], deed: Deed
) -> Told:
    """Opens or locks: of those who are ticked, or of all of the unit that wait for it.

    Raises BadQueryError, NoPageError for people who are not the visitor's, RefusedError.
    """
    period = read_value(form, "period", Period.parse, "2026-10") or _no_period()
    people = looked_after(seen, Units.load(conn), form.get("unit", ""), period)
    doing, _, whom = form.get("act", "").partition("_")
    now = merged_into(conn)
    rows = assessments_of_period(conn, str(period))
    opened = {now.get(one.person, one.person) for one in rows}
    locked = {now.get(row.person, row.person) for row in _results(conn, period)}
    if whom == "ticked":
        wanted = _chosen(form, people)
    elif doing == "open":
        to_open = _signed(conn, period) - opened - locked
        wanted = [one for one in people if one in to_open]
    else:
        wanted = [one for one in people if one in opened - locked]
    if doing == "open":
        rater = form.get("rater", "").strip()
        last = period.after - timedelta(days=1)
        named = person_of_number(conn, rater, last) if rater else None
        made = open_for_many(conn, wanted, period, deed, named)
        return _told(form, len(made.made), made.failed, seen)
    scores = lock_many(conn, wanted, str(period), form.get("scheme", ""), deed)
    return _told(form, len(scores.made), scores.failed, seen)


def _told(form: Mapping[str, str], made: int, failed: list[Failed], seen: PerformanceSight) -> Told:
    shown = tuple((seen.name(one.person), one.error) for one in failed)
    return Told(act=form.get("act", "").partition("_")[0], made=made, failed=shown)


def _chosen(form: Mapping[str, str], people: list[str]) -> list[str]:
    wanted = _ticked(form)
    if not wanted:
        raise RefusedError("nobody is ticked", remedy="tick people, or choose all of the list")
    if not set(wanted) <= set(people):
        raise NoPageError("not_looked_after")
    return wanted


def _ticked(form: Mapping[str, str]) -> list[str]:
    return [name.removeprefix(_TICK) for name in form if name.startswith(_TICK)]


def _no_period() -> Period:
    raise RefusedError("no period is named", remedy="write it like 2026-10, 2026-Q4 or 2026")


class _Known:
    """What is stored of the period, read once for all people."""

    def __init__(self, visit: Visit, period: Period) -> None:
        conn = visit.conn
        self._conn, self._reader = conn, deed_of_visitor(visit)
        now = merged_into(conn)
        self._results = {now.get(row.person, row.person): row for row in _results(conn, period)}
        self._opened: dict[str, list[Assessment]] = {}
        for one in assessments_of_period(conn, str(period)):
            self._opened.setdefault(now.get(one.person, one.person), []).append(one)
        self._signed = _signed(conn, period)

    def of(self, person: str, seen: PerformanceSight, ticked: bool) -> PersonScore:  # noqa: FBT001 - a column
        opened = self._opened.get(person, [])
        given = [sides_of(self._conn, one.number) for one in opened]
        explain = [
            code
            for one, sides in zip(opened, given, strict=True)
            if len(sides) == 2
            for code in assessing.view_of(self._conn, one.number, self._reader).to_explain
        ]
        own, manager = (any(side not in one for one in given) for side in ("self", "manager"))
        result = self._results.get(person)
        if result is not None:
            stage = Stage.LOCKED
        elif not opened:
            stage = Stage.TO_OPEN if person in self._signed else Stage.NO_GOALS
        elif own or manager:
            stage = Stage.SIDES_MISSING
        else:
            stage = Stage.TO_EXPLAIN if explain else Stage.TO_LOCK
        return PersonScore(
            person=person,
            name=seen.name(person),
            number=seen.names[person][1],
            stage=stage,
            assessments=tuple(one.number for one in opened if may_look(seen, one)),
            explain=tuple(explain),
            own_missing=own,
            manager_missing=manager,
            result=result,
            ticked=ticked,
        )


def _results(conn: sa.Connection, period: Period) -> list[ResultRow]:
    return newest_results(conn, score_results.c.period == str(period))


def _signed(conn: sa.Connection, period: Period) -> frozenset[str]:
    """Whose signed goals hold the period."""
    now = merged_into(conn)
    return frozenset(
        now.get(one.stored.goals.owner, one.stored.goals.owner)
        for one in GoalBook.load(conn).held.values()
        if one.stored.goals.level is Level.PERSON
        and one.state is State.SIGNED
        and Period.parse(one.stored.goals.period).holds(period)
    )

"""360 degrees on a page: raters named, marks given, and what the rated person may see.

What is shown of a result is `Shown360` and nothing else: no rater's name, no mark, no note comes here.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import CoreError, RefusedError
from hr_core.money import decimal_text
from hr_core.people.lookup import person_of_number
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed
from hr_core.performance.assessing import exact
from hr_core.performance.periods import Period
from hr_core.performance.rating_360 import (
    Round,
    close_round,
    invite,
    rate,
    round_of,
    shown_to_rated,
)
from hr_core.performance.relations import Relation
from hr_core.performance.score_rules import rules_on
from hr_core.performance.two_way import Shown360
from hr_core.performance.units import Units
from hr_core.store.ratings_360 import invitations, is_closed, ratings_360, rounds_360
from hr_core.web.answering import Visit
from hr_core.web.errors import NoPageError
from hr_core.web.performance_sight import (
    PerformanceSight,
    deed_of_visitor,
    looked_after,
    runs_scores,
    sight_of_visit,
)
from hr_core.web.selection import read_value

RELATIONS: tuple[Relation, ...] = ("superior", "peer", "junior")
_MOST_RATERS = 30  # of one relation in one form; more come with the next
_BETWEEN = re.compile(r"[\s,;，；、]+")  # as numbers are written in a row, also in Chinese


class Request360(Struct, frozen=True, kw_only=True):
    """Somebody whom the visitor is asked to rate; `given`: the own mark, as long as it can change.
    `most`: the highest mark.
    """

    person: str
    name: str
    period: str
    relation: Relation
    given: str
    most: str


class OwnResult(Struct, frozen=True, kw_only=True):
    period: str
    shown: Shown360


class RunRound(Struct, frozen=True, kw_only=True):
    """`shown` once it is closed. `waiting`: names."""

    state: Round
    name: str
    waiting: tuple[str, ...]
    shown: Shown360 | None


class Rate360Page(Struct, frozen=True, kw_only=True):
    """`people`: (key, name, number) of those for whom the visitor may name raters."""

    period: Period
    earlier: str
    later: str
    to_rate: tuple[Request360, ...]
    own: tuple[OwnResult, ...]
    rounds: tuple[RunRound, ...]
    people: tuple[tuple[str, str, str], ...]
    typed: Mapping[str, str]
    least_raters: int
    refused: CoreError | None


def rate360_page(
    visit: Visit, form: Mapping[str, str] | None = None, refused: CoreError | None = None
) -> Rate360Page:
    """Raises BadQueryError."""
    given = visit.request.query_params if form is None else form
    asked = read_value(given, "period", Period.parse, "2026-10")
    here = today_at(visit.conn, visit.now)
    period = asked or Period.of(Month(here.year, here.month)).moved(-1)
    seen = sight_of_visit(visit)
    people = []
    if runs_scores(visit.visitor):
        people = looked_after(seen, Units.load(visit.conn), "", period)
    return Rate360Page(
        period=period,
        earlier=str(period.moved(-1)),
        later=str(period.moved(1)),
        to_rate=_to_rate(visit.conn, seen),
        own=_own(visit.conn, seen),
        rounds=_rounds(visit, seen, frozenset(people), period),
        people=tuple((key, seen.name(key), seen.names[key][1]) for key in people),
        typed=form or {},
        least_raters=rules_on(visit.conn, period.first).rate360.least_raters,
        refused=refused,
    )


def do_invite(
    conn: sa.Connection, seen: PerformanceSight, form: Mapping[str, str], deed: Deed
) -> None:
    """All who are named, or nobody. Raises NoPageError, NotFoundError, RefusedError, BadQueryError."""
    period = read_value(form, "period", Period.parse, "2026-10")
    if period is None:
        raise RefusedError("no period is named", remedy="write it like 2026-10, 2026-Q4 or 2026")
    person = _looked_after(conn, seen, form, period)
    last = period.after - timedelta(days=1)
    named = {one: _BETWEEN.split(form[one].strip()) for one in RELATIONS if one in form}
    if not any(named.values()):
        raise RefusedError("nobody is named", remedy="write employee numbers, with spaces between")
    for relation, numbers in named.items():
        if len(numbers) > _MOST_RATERS:
            raise RefusedError(
                f"{len(numbers)} raters at once", remedy=f"name at most {_MOST_RATERS}, then more"
            )
        for number in numbers:
            rater = person_of_number(conn, number, last)
            invite(conn, person, str(period), rater, relation, deed)


def do_rate(
    conn: sa.Connection, seen: PerformanceSight, form: Mapping[str, str], deed: Deed
) -> None:
    """Raises NoPageError for whom the visitor is not asked to rate, RefusedError."""
    person, period = form.get("person", ""), form.get("period", "")
    asked = {(one.person, one.period) for one in _asked(conn, seen)}
    if (person, period) not in asked:
        raise NoPageError("not_asked_to_rate")
    score = exact(form.get("score", "").strip())
    rate(conn, person, period, score, form.get("note", "").strip(), deed)


def do_close(
    conn: sa.Connection, seen: PerformanceSight, form: Mapping[str, str], deed: Deed
) -> None:
    """Raises NoPageError, RefusedError, BadQueryError."""
    period = read_value(form, "period", Period.parse, "2026-10")
    if period is None:
        raise NoPageError("no_round")
    person = _looked_after(conn, seen, form, period)
    if not _invited(conn, period, person):
        raise NoPageError("no_round")
    close_round(conn, person, str(period), deed)


def _looked_after(
    conn: sa.Connection, seen: PerformanceSight, form: Mapping[str, str], period: Period
) -> str:
    person = form.get("person", "")
    if person not in looked_after(seen, Units.load(conn), "", period):
        raise NoPageError("no_round")
    return person


class _Asked(Struct, frozen=True):
    person: str
    period: str
    relation: Relation
    given: str


def _asked(conn: sa.Connection, seen: PerformanceSight) -> list[_Asked]:
    """Rounds that are open and wait for the visitor, with its own marks alone."""
    rows = invitations(conn, ratings_360.c.rater.in_(sorted(seen.own)))
    return [
        _Asked(
            one.person,
            one.period,
            one.relation,
            "" if one.score is None else decimal_text(one.score),
        )
        for one in rows
        if one.person not in seen.own and not is_closed(conn, one.person, one.period)
    ]


def _to_rate(conn: sa.Connection, seen: PerformanceSight) -> tuple[Request360, ...]:
    return tuple(
        Request360(
            person=one.person,
            name=seen.name(one.person),
            period=one.period,
            relation=one.relation,
            given=one.given,
            most=decimal_text(rules_on(conn, Period.parse(one.period).first).highest_mark),
        )
        for one in _asked(conn, seen)
    )


def _own(conn: sa.Connection, seen: PerformanceSight) -> tuple[OwnResult, ...]:
    """Of closed rounds, newest first; of an open one nothing, not even that there is one."""
    columns = rounds_360.c
    query = (
        sa.select(columns.person, columns.period)
        .where(columns.person.in_(sorted(seen.own)))
        .order_by(columns.period.desc(), columns.person)
    )
    return tuple(
        OwnResult(period=row.period, shown=shown_to_rated(conn, row.person, row.period))
        for row in conn.execute(query).all()
    )


def _rounds(
    visit: Visit, seen: PerformanceSight, people: frozenset[str], period: Period
) -> tuple[RunRound, ...]:
    found = []
    for person in sorted(_invited(visit.conn, period) & people):
        state = round_of(visit.conn, person, str(period), deed_of_visitor(visit))
        shown = shown_to_rated(visit.conn, person, str(period)) if state.closed else None
        waiting = tuple(seen.name(one) for one in state.waiting_for)
        found.append(RunRound(state=state, name=seen.name(person), waiting=waiting, shown=shown))
    return tuple(found)


def _invited(conn: sa.Connection, period: Period, person: str | None = None) -> frozenset[str]:
    """Who has a round in the period."""
    columns = ratings_360.c
    query = sa.select(columns.person).where(columns.period == str(period)).distinct()
    if person is not None:
        query = query.where(columns.person == person)
    return frozenset(conn.execute(query).scalars())

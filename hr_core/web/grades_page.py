"""The grade board of a period: how grades spread, each result that is seen, appeals that wait."""

from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.people.today import today_at
from hr_core.performance.appealing import open_appeals
from hr_core.performance.content import Content, content_of
from hr_core.performance.grading import Spread, spread
from hr_core.performance.periods import Period
from hr_core.performance.ranking import OwnRank, own_rank
from hr_core.performance.score_rules import rules_on
from hr_core.store.appeals import Appeal, barred_from
from hr_core.store.score_results import ResultRow, feedback_of, newest_results, score_results
from hr_core.web.answering import Visit
from hr_core.web.open_tasks import ShownTask, shown_tasks
from hr_core.web.performance_sight import PerformanceSight, actor_of_visitor, sight_of_visit
from hr_core.web.selection import read_value


class ShownResult(Struct, frozen=True, kw_only=True):
    """`own`: the visitor's, with its `rank`. `appeal`: what is open against it."""

    row: ResultRow
    content: Content
    name: str
    number: str
    own: bool
    rank: OwnRank | None
    appeal: Appeal | None
    feedback: tuple[str, ...]


class ShownAppeal(Struct, frozen=True, kw_only=True):
    """`barred`: the visitor rated or appealed, so somebody else reviews it."""

    appeal: Appeal
    name: str
    barred: bool
    indicators: tuple[str, ...]


class Bar(Struct, frozen=True, kw_only=True):
    """A grade's share in a picture 100 wide; `even` where an even team stands."""

    grade: str
    count: int
    percent: Fraction
    even: Fraction | None


class GradesPage(Struct, frozen=True, kw_only=True):
    """`everybody`: the spread counts all; without it it would tell about people who are not seen."""

    period: Period
    earlier: str
    later: str
    spread: Spread | None
    results: tuple[ShownResult, ...]
    appeals: tuple[ShownAppeal, ...]
    tasks: tuple[ShownTask, ...]


def grades_page(visit: Visit, *, reviews: bool) -> GradesPage:
    """Raises BadQueryError. `reviews`: the visitor may review appeals of people that it sees."""
    asked = read_value(visit.request.query_params, "period", Period.parse, "2026-10")
    here = today_at(visit.conn, visit.now)
    last_month = Month(here.year, here.month)
    period = asked or Period.of(last_month).moved(-1)
    seen = sight_of_visit(visit)
    rows = newest_results(visit.conn, score_results.c.period == str(period))
    visible = [row for row in rows if seen.sees(row.person)]
    waiting = open_appeals(visit.conn)
    return GradesPage(
        period=period,
        earlier=str(period.moved(-1)),
        later=str(period.moved(1)),
        spread=None
        if seen.people is not None and not reviews
        else spread((row.grade for row in visible), rules_on(visit.conn, period.first)),
        results=tuple(_shown(visit, row, waiting, seen) for row in visible),
        appeals=tuple(_shown_appeal(visit, one, seen) for one in waiting if seen.sees(one.person))
        if reviews
        else (),
        tasks=shown_tasks(visit.conn, visit.visitor, seen),
    )


def _shown(
    visit: Visit, row: ResultRow, waiting: list[Appeal], seen: PerformanceSight
) -> ShownResult:
    of_it = (one for one in waiting if one.person == row.person and one.period == row.period)
    own = row.person in seen.own
    return ShownResult(
        row=row,
        content=content_of(row.content),
        name=seen.name(row.person),
        number=seen.names.get(row.person, ("", row.person))[1],
        own=own,
        rank=own_rank(visit.conn, row.person, row.period) if own else None,
        appeal=next(of_it, None),
        feedback=tuple(text for _, _, text in feedback_of(visit.conn, row.number)),
    )


def _shown_appeal(visit: Visit, one: Appeal, seen: PerformanceSight) -> ShownAppeal:
    return ShownAppeal(
        appeal=one,
        name=seen.name(one.person),
        barred=_is_barred(visit, one),
        indicators=() if one.result is None else _indicators(visit.conn, one.result),
    )


def _is_barred(visit: Visit, one: Appeal) -> bool:
    if visit.visitor.account is None:
        return True
    spelled = actor_of_visitor(visit.conn, visit.visitor).spelled
    return not spelled.isdisjoint(name.casefold() for name in barred_from(visit.conn, one.number))


def _indicators(conn: sa.Connection, result: int) -> tuple[str, ...]:
    content = conn.execute(
        sa.select(score_results.c.content).where(score_results.c.number == result)
    ).scalar_one()
    parts = content_of(content).posts
    return tuple(dict.fromkeys(one.code for part in parts for one in part.indicators))

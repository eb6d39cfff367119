"""What pay reads of performance: locked results, and those that changed since a pay run."""

from datetime import timedelta
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.people.visibility import Scope, only_visible, visible_people
from hr_core.performance.periods import Period
from hr_core.store.person_records import merged_into
from hr_core.store.score_results import ResultRow, newest_results, score_results


class LockedResult(Struct, frozen=True, kw_only=True):
    """`number` is this very version's: what a pay line refers to. No grade, no coefficient: not rated."""

    person: str
    period: str
    number: int
    version: int
    score: Fraction
    grade: str | None
    coefficient: Fraction | None


class ChangedResult(Struct, frozen=True, kw_only=True):
    """`before` None: nothing was locked then."""

    before: LockedResult | None
    after: LockedResult


def locked_results(
    conn: sa.Connection, month: Month, *, up_to: int | None = None
) -> dict[str, LockedResult]:
    """By person, the newest version of the period that ends with the month; where several end (a
    month and its quarter), the shortest.

    `up_to`: as it was when this was the highest number.
    """
    found = newest_results(conn, score_results.c.period_until == month.after, up_to=up_to)
    found.sort(key=lambda row: (row.period_from, row.number))
    now = merged_into(conn)
    return {now.get(row.person, row.person): as_locked(row) for row in found}


def changed_since(
    conn: sa.Connection, month: Month, result_number: int
) -> dict[str, ChangedResult]:
    """Whose result for the month is another one than when `result_number` was the highest number
    that there was (`highest_number` at the time of the pay run): after an appeal, or locked late.
    """
    before = locked_results(conn, month, up_to=result_number)
    return {
        person: ChangedResult(before=before.get(person), after=after)
        for person, after in locked_results(conn, month).items()
        if after != before.get(person)
    }


def results_of_period(conn: sa.Connection, period: Period, unit: str = "") -> list[ResultRow]:
    """The newest versions; of the people who were in the unit on the last day of the period."""
    wanted = [score_results.c.period == str(period)]
    if unit:
        members = visible_people(Scope(units=(unit,)), period.after - timedelta(days=1))
        wanted.append(only_visible(score_results.c.person, members))
    return newest_results(conn, *wanted)


def highest_number(conn: sa.Connection) -> int:
    """0 before the first result. A pay run keeps it beside its month."""
    return conn.execute(sa.select(sa.func.max(score_results.c.number))).scalar() or 0


def as_locked(row: ResultRow) -> LockedResult:
    return LockedResult(
        person=row.person,
        period=row.period,
        number=row.number,
        version=row.version,
        score=row.score,
        grade=row.grade,
        coefficient=row.coefficient,
    )

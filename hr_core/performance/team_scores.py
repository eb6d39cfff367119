"""Assessments opened and scores locked for many people at once: who cannot be, holds nobody else up."""

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

import sqlalchemy as sa

from hr_core.errors import CoreError, NothingToComputeError, RefusedError
from hr_core.performance.acting import Deed, period_of
from hr_core.performance.counted_work import counted_work
from hr_core.performance.first_score import FirstScores
from hr_core.performance.locking import lock_score
from hr_core.performance.opening_from_goals import open_by_score
from hr_core.performance.periods import Period
from hr_core.performance.results import LockedResult
from hr_core.performance.score_rules import rules_on

Made = TypeVar("Made")


class Failed(NamedTuple):
    person: str
    error: CoreError


class ForMany(NamedTuple, Generic[Made]):
    """`failed`: of whom it was refused, with what is missing; nothing was changed for them."""

    made: list[Made]
    failed: list[Failed]


def open_for_many(
    conn: sa.Connection, people: Iterable[str], period: Period, deed: Deed, rater: str | None = None
) -> ForMany[tuple[str, int]]:
    """By their signed goals; (person, number of the assessment). `rater` None: who signed each
    person's goals as the manager.
    """
    scores = FirstScores(conn, period)

    def open_one(person: str) -> tuple[str, int]:
        return person, open_by_score(conn, scores.of(person), deed, rater=rater)

    return _each(conn, people, open_one)


def lock_many(
    conn: sa.Connection, people: Iterable[str], period: str, scheme: str, deed: Deed
) -> ForMany[LockedResult]:
    """Raises NothingToComputeError before the first import of people."""
    when = period_of(period)
    rules = rules_on(conn, when.first)
    if scheme not in rules.basis:
        raise RefusedError(
            f"there is no scheme of grades {scheme!r}",
            remedy=f"choose one of {', '.join(sorted(rules.basis))}",
        )
    work = counted_work(conn, when, scheme, rules)

    def lock_one(person: str) -> LockedResult:
        return lock_score(conn, person, period, scheme, work(person), deed)

    return _each(conn, people, lock_one)


def _each(conn: sa.Connection, people: Iterable[str], make: Callable[[str], Made]) -> ForMany[Made]:
    found: ForMany[Made] = ForMany([], [])
    for person in people:
        try:
            with conn.begin_nested():
                found.made.append(make(person))
        except (RefusedError, NothingToComputeError) as error:
            found.failed.append(Failed(person, error))
    return found

"""The pieces and rejects by which a person is graded: those that pay may use, and their corrections."""

from collections.abc import Callable, Iterable

import sqlalchemy as sa

from hr_core.pay.run import imported_roster
from hr_core.performance.periods import Period
from hr_core.performance.score_rules import ScoreEdition
from hr_core.quality.month import QualityMonth, Tally, tally
from hr_core.quality.readings import quality_of_month

CountedWork = Callable[[str], Tally | None]
"""By person; None where a score grades, not a rate."""


def counted_work(
    conn: sa.Connection, period: Period, scheme: str, rules: ScoreEdition
) -> CountedWork:
    """Reads each month once, whoever is asked for. Work that only a plan says is this person's is
    left out, as it is in pay.

    Raises NothingToComputeError before the first import of people.
    """
    if rules.basis.get(scheme) != "defect_rate":
        return _graded_by_score
    roster = imported_roster(conn)
    months = [quality_of_month(conn, roster, month) for month in period.months()]

    return lambda person: total_of(payable_work(month, person) for month in months)


def payable_work(month: QualityMonth, person: str) -> Tally:
    """What may be paid by: planned presence alone is nobody's work (docs/quality.md)."""
    counted = tally(month.payable(person))
    corrected = month.corrections.get(person, ())
    return total_of((counted, *(Tally(one.pieces, one.rejects) for one in corrected)))


def total_of(tallies: Iterable[Tally]) -> Tally:
    pieces = rejects = 0
    for one in tallies:
        pieces += one.pieces
        rejects += one.rejects
    return Tally(pieces, rejects)


def _graded_by_score(_person: str) -> None:
    return None

"""The pieces and rejects by which a person is graded: those that pay may use, and their corrections."""

from collections.abc import Callable

import sqlalchemy as sa

from hr_core.pay.run import imported_roster
from hr_core.performance.periods import Period
from hr_core.performance.score_rules import ScoreEdition
from hr_core.quality.month import Tally, tally
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

    def of(person: str) -> Tally:
        pieces = rejects = 0
        for month in months:
            counted = tally(month.payable(person))
            corrected = month.corrections.get(person, ())
            pieces += counted.pieces + sum(one.pieces for one in corrected)
            rejects += counted.rejects + sum(one.rejects for one in corrected)
        return Tally(pieces, rejects)

    return of


def _graded_by_score(_person: str) -> None:
    return None

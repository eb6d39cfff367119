"""The own rank among those with a locked score, without anybody's name or score."""

from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError
from hr_core.performance.acting import period_of
from hr_core.performance.results import results_of_period
from hr_core.store.score_results import newest_result
from hr_core.store.work_plan import keys_of


class OwnRank(Struct, frozen=True, kw_only=True):
    """`rank` 1 is the best; equal scores share a rank. `unit` empty: among everybody."""

    period: str
    unit: str
    rank: int
    of: int
    score: Fraction


def own_rank(conn: sa.Connection, person: str, period: str, unit: str = "") -> OwnRank:
    """Raises NotFoundError without a locked score in the unit."""
    when = period_of(period)
    own = newest_result(conn, keys_of(conn, person), str(when))
    rows = results_of_period(conn, when, unit)
    if own is None or own.number not in {row.number for row in rows}:
        where = f" in {unit}" if unit else ""
        raise NotFoundError(
            f"no score of {person} for {when} is locked{where}",
            remedy="it has a rank when it is locked",
        )
    better = sum(row.score > own.score for row in rows)
    return OwnRank(period=str(when), unit=unit, rank=better + 1, of=len(rows), score=own.score)

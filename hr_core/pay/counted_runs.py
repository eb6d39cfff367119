"""Which run of a month counts: the approved one, else the newest. What comes later rests on it."""

from collections.abc import Iterable

import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.store.results import pay_runs


def counted_runs(
    conn: sa.Connection, months: Iterable[Month], scheme: str | None = None
) -> dict[Month, int]:
    """By month, in order; a month without a run is left out. Of schemes that run beside each other,
    `scheme` counts its own runs only.
    """
    wanted = [str(month) for month in months]
    there = pay_runs.c
    query = sa.select(there.number, there.month).where(there.month.in_(wanted))
    if scheme is not None:
        query = query.where(there.scheme == scheme)
    found = {row.month: row.number for row in conn.execute(query.order_by(there.number))}
    return {Month.parse(month): found[month] for month in sorted(found)}


def months_before(month: Month) -> tuple[Month, ...]:
    """Of the same tax year, which is the calendar's."""
    return tuple(Month(month.year, number) for number in range(1, month.month))

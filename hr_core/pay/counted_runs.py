"""Which run of a month counts: the approved one, by whatever scheme, else the newest. What comes later
rests on it.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.store.attendance_locks import locked_months
from hr_core.store.pay_run_steps import approved_run, approved_runs
from hr_core.store.results import pay_runs


def counted_runs(
    conn: sa.Connection, months: Iterable[Month], scheme: str | None = None
) -> dict[Month, int]:
    """By month, in order; a month without a run is left out. Of schemes that run beside each other
    before one is approved, `scheme` counts its own runs only.
    """
    wanted = [str(month) for month in months]
    there, approved = pay_runs.c, approved_runs.c
    query = (
        sa.select(there.number, there.month)
        .outerjoin_from(pay_runs, approved_runs, approved.run == there.number)
        .where(there.month.in_(wanted))
        .order_by(approved.run.is_not(None), there.number)
    )
    if scheme is not None:
        query = query.where(sa.or_(there.scheme == scheme, approved.run.is_not(None)))
    found = {row.month: row.number for row in conn.execute(query)}
    return {Month.parse(month): found[month] for month in sorted(found)}


def runs_after(conn: sa.Connection, month: Month, scheme: str | None = None) -> dict[Month, int]:
    """The counted runs of later months, in order; of a month that is not locked there is only a trial,
    which counts for nothing.
    """
    later = sa.select(pay_runs.c.month).where(pay_runs.c.month > str(month)).distinct()
    months = [Month.parse(text) for text in conn.execute(later).scalars()]
    locked = [one for one in months if is_locked(conn, one)]
    return counted_runs(conn, locked, scheme)


def is_locked(conn: sa.Connection, month: Month) -> bool:
    """A month whose days stay, or whose run was approved: it is corrected by later slips."""
    return str(month) in locked_months(conn) or approved_run(conn, str(month)) is not None


def months_before(month: Month) -> tuple[Month, ...]:
    """Of the same tax year, which is the calendar's."""
    return tuple(Month(month.year, number) for number in range(1, month.month))


def month_back(month: Month, back: int) -> Month:
    at = month.year * 12 + month.month - 1 - back
    return Month(at // 12, at % 12 + 1)

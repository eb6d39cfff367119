"""What a month that was paid would be by today's program, rules, law and inputs: listed, never stored."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.counted_runs import counted_runs
from hr_core.pay.recompute import Again
from hr_core.pay.retro import Difference
from hr_core.pay.retro_months import month_differences
from hr_core.pay.run import imported_roster, scheme_by_code, stored_scheme
from hr_core.store.pay_run_steps import approved_run
from hr_core.store.results import WithoutSlip, run_by_number


class WouldDiffer(Struct, frozen=True, kw_only=True):
    """`run` is the counted one; `not_computed`: people who could not be paid by today's rules."""

    month: str
    run: int
    differences: tuple[Difference, ...]
    not_computed: tuple[WithoutSlip, ...]


def would_differ(
    conn: sa.Connection, month: Month, now: datetime, scheme: str | None = None
) -> WouldDiffer:
    """Without `scheme`: of the one by which the month's approved run paid, else of the chosen one.
    Raises NotFoundError for a month without a run, and what a run of the month raises.
    """
    roster = imported_roster(conn)
    code = scheme or _scheme_that_paid(conn, month)
    chosen = stored_scheme(conn, roster) if code is None else scheme_by_code(conn, code)
    run = counted_runs(conn, [month], chosen.code).get(month)
    row = None if run is None else run_by_number(conn, run)
    if run is None or row is None:
        raise NotFoundError(
            f"{month} has no run of scheme {chosen.code}", remedy="list them: hr-core pay runs"
        )
    again = Again(
        roster=roster, scheme=chosen, now=now, allow_unverified=row.findings.unverified_law
    )
    found = list(month_differences(conn, month, again))
    return WouldDiffer(
        month=str(month),
        run=run,
        differences=tuple(one for one in found if isinstance(one, Difference)),
        not_computed=tuple(one for one in found if isinstance(one, WithoutSlip)),
    )


def _scheme_that_paid(conn: sa.Connection, month: Month) -> str | None:
    approved = approved_run(conn, str(month))
    row = None if approved is None else run_by_number(conn, approved)
    return None if row is None else row.scheme

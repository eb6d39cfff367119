"""What a month that was paid would be by today's program, rules, law and inputs: listed, never stored."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.counted_runs import counted_runs
from hr_core.pay.known_schemes import scheme_by_code, stored_scheme
from hr_core.pay.recompute import Again
from hr_core.pay.retro import Difference
from hr_core.pay.retro_months import month_differences
from hr_core.pay.run import imported_roster
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
    """Of the approved run without `scheme`, else of the chosen scheme's. Raises NotFoundError for a
    month without such a run, and what a run of the month raises.
    """
    roster = imported_roster(conn)
    chosen = stored_scheme(conn, roster) if scheme is None else scheme_by_code(conn, scheme)
    run = counted_runs(conn, [month], chosen.code).get(month)
    row = None if run is None else run_by_number(conn, run)
    if run is None or row is None:
        raise NotFoundError(
            f"{month} has no run of scheme {chosen.code}", remedy="list them: hr-core pay runs"
        )
    if row.scheme != chosen.code:
        if scheme is not None:
            raise NotFoundError(
                f"{month} is paid by run {run} of scheme {row.scheme}, not by {scheme}",
                remedy=f"say --scheme {row.scheme}, or compare two runs: hr-core pay diff",
            )
        chosen = scheme_by_code(conn, row.scheme)
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

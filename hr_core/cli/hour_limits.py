"""`hr-core limits`: who comes near the legal limits of hours, before the month is over."""

from __future__ import annotations

import sys
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, parse_month, print_json, reading
from hr_core.cli.time_off import hours
from hr_core.errors import NoLawError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import sqlalchemy as sa

    from hr_core.attendance.hours.limits import Projection
    from hr_core.attendance.hours.outlook import LimitsReport, PersonLimits


def limits(
    context: typer.Context,
    *,
    month: Annotated[
        str | None, typer.Option("--month", help="The month, like 2026-10 [default: this one].")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", help="Only this employee number.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Also people who are near no limit.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show who reaches 80, 95 or 100 % of a limit of hours if all goes as planned.

    Exit 1 when a limit is passed, somebody cannot be judged, or hours may be missing.
    """
    from hr_core.attendance.hours.outlook import hour_limits
    from hr_core.attendance.hours.windows import DateSpan
    from hr_core.clock import Month, SystemClock
    from hr_core.people.lookup import person_of_number

    now = SystemClock().now()
    wanted = Month(now.year, now.month) if month is None else parse_month(month)
    asked = DateSpan(wanted.first, wanted.after)
    with reading(context, db) as conn:
        chosen = None if person is None else [person_of_number(conn, person, asked.first)]
        alone = everybody or person is not None
        report = hour_limits(conn, asked, now, chosen, everybody=alone)
    if as_json:
        print_json(_shown(report))
    else:
        _print(report, str(wanted))
    bad = report.over or report.not_judged or report.behind
    return ExitCode.DEGRADED if bad else ExitCode.OK


def warn(conn: sa.Connection, persons: Sequence[str], first: date) -> None:
    """After a change of the plan, on stderr: whom it brings near a limit in the month of its first
    day. It never undoes the change: the plan is a person's decision.
    """
    from hr_core.attendance.hours.outlook import hour_limits
    from hr_core.attendance.hours.windows import DateSpan
    from hr_core.clock import Month, SystemClock

    now = SystemClock().now()
    day = max(first, now.date())
    month = Month(day.year, day.month)
    try:
        report = hour_limits(conn, DateSpan(month.first, month.after), now, persons)
    except NoLawError as exc:
        print(f"limits of hours are not projected: {exc}", file=sys.stderr)
        return
    for one in report.people:
        for line in _lines(one):
            print(f"limits: {one.person} {one.name}: {line}", file=sys.stderr)


def _print(report: LimitsReport, month: str) -> None:
    flagged = sum(bool(one.flagged) for one in report.people)
    print(f"{month}: {flagged} of {report.judged} people near or over a limit ({report.law})")
    for one in report.people:
        print(f"{one.person} {one.name}")
        for reason in one.systems:
            print(f"  {reason}")
        for line in _lines(one):
            print(f"  {line}")
        if one.to_clarify:
            print(f"  {one.to_clarify} days to clarify count as none yet")
    for refused in report.not_judged:
        print(f"{refused.person}: not judged: {refused.why}")
    if report.behind:
        print("punches or changes are not computed yet: hr-core serve or attendance compute does")


def _lines(one: PersonLimits) -> list[str]:
    """Days and weeks of one limit are one line, by the worst of them."""
    by_limit: defaultdict[str, list[Projection]] = defaultdict(list)
    for row in one.flagged:
        by_limit[row.limit].append(row)
    lines = []
    for code, rows in by_limit.items():
        worst = max(rows, key=lambda row: (row.projected_min, row.window))
        last = worst.window.until - timedelta(days=1)
        span = f"{worst.window.first}" + (f" to {last}" if last != worst.window.first else "")
        times = f" ({len(rows)} times; the worst)" if len(rows) > 1 else ""
        lines.append(
            f"{_word(worst):9} {code} {span}{times}: {hours(worst.worked_min)} worked + "
            f"{hours(worst.planned_min)} planned = {hours(worst.projected_min)} of "
            f"{hours(worst.limit_min)}, {worst.percent} %"
        )
    return lines


def _word(row: Projection) -> str:
    if row.over:
        word = "over" if row.level == "usual" else "OVER"
        return f"{word} now" if row.over_already else word
    return f"{row.warned_at} %"


def _shown(report: LimitsReport) -> dict[str, object]:
    from msgspec.structs import asdict

    found = asdict(report)
    found["people"] = [
        asdict(one) | {"flagged": [_figures(row) for row in one.flagged]} for one in report.people
    ]
    return found


def _figures(row: Projection) -> dict[str, object]:
    from msgspec.structs import asdict

    return asdict(row) | {"projected_min": row.projected_min, "percent": row.percent}

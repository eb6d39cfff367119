"""`hr-core attendance compute|show|explain|export|lock|unlock|locks|corrections`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import typer

from hr_core.cli import attendance_export, attendance_locks
from hr_core.cli.attendance_work import STEP_S, people_meant, progress, recomputer_of, up_to_date
from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    open_core,
    parse_month,
    print_json,
)

app = typer.Typer(help="Days from punches.", rich_markup_mode=None)

EmployeeArgument = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]

app.command("export")(attendance_export.export)
app.command("lock")(attendance_locks.lock)
app.command("unlock")(attendance_locks.unlock)
app.command("locks")(attendance_locks.show_locks)
app.command("corrections")(attendance_locks.show_corrections)


@app.command("compute")
def compute(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    month: Annotated[
        str | None, typer.Option("--month", help="Days of this month, like 2026-10.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="Days from this one on, like 2026-10-05.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="The first day that is not meant.")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", help="Only this employee number.")
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Recompute days from the raw punches and store what differs.

    Without a span: whatever is marked since the last time, as hr-core serve does by itself.
    """
    from hr_core.store.attendance_days import status_counts

    span = _span(month, first, until)
    with open_core(context, db) as (engine, empty_log):
        recomputer = recomputer_of(engine, empty_log)
        with progress("punches entered") as told:
            caught = recomputer.catch_up(budget_s=STEP_S, told=told)
        days, changed, queued = caught.days, caught.changed, caught.queued
        statuses: dict[str, int] = {}
        wanted: list[str] = []
        if span is not None:
            wanted = people_meant(engine, person, span[0])
            with progress("people computed", len(wanted)) as told:
                done = recomputer.compute(wanted, *span, told)
            days, changed, queued = days + done.days, changed + done.changed, queued + done.queued
            with engine.connect() as conn:
                statuses = status_counts(conn, *span) if person is None else {}
    answer = {
        "entered": caught.entered, "people": len(wanted), "days": days, "changed": changed,
        "queued": queued, "statuses": statuses,
    }  # fmt: skip
    if as_json:
        print_json(answer)
    else:
        print(
            f"{caught.entered} punches entered, {days} days computed, {changed} changed, "
            f"{queued} queued as corrections of locked months"
        )
        for status, count in sorted(statuses.items()):
            print(f"  {status:12} {count}")
    return ExitCode.DEGRADED if queued or _any_open(statuses) else ExitCode.OK


@app.command("show")
def show(
    context: typer.Context,
    employee: EmployeeArgument,
    month: MonthOption,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show a person's days of a month as they are stored; what is not stored is computed now."""
    from hr_core.attendance.day import Ignored
    from hr_core.clock import SystemClock
    from hr_core.people.lookup import person_in_month
    from hr_core.views import attendance_of

    wanted = parse_month(month)
    with up_to_date(context, db) as conn:
        person = person_in_month(conn, employee, wanted)
        found = attendance_of(conn, person, wanted, SystemClock().now())
    if as_json:
        print_json(found)
    else:
        print(f"{found.number} {found.name}, {found.month}")
        for day in found.days:
            span = f"{(day.arrived or '-')[-8:]:8} {(day.left or '-')[-8:]:8}"
            minutes = (
                f"regular {day.regular_min} overtime {day.overtime_min} late {day.late_min} "
                f"early {day.early_leave_min}"
            )
            mark = "  TO CLARIFY" if day.to_clarify else ""
            waits = f"  waiting for {', '.join(day.waiting_for)}" if day.waiting_for else ""
            outside = sum(one["reason"] == Ignored.OUTSIDE_WINDOW for one in day.ignored)
            lost = f"  {outside} outside the window" if outside else ""
            print(f"  {day.day} {day.kind:17} {day.status:11} {span} {minutes}{mark}{waits}{lost}")
        if found.unassigned:
            print(
                f"{len(found.unassigned)} punches lie outside the window of their day's shift: "
                f"hr-core attendance explain {employee} DAY names them"
            )
    return ExitCode.DEGRADED if found.to_clarify or found.unassigned else ExitCode.OK


@app.command("explain")
def explain(
    context: typer.Context,
    employee: EmployeeArgument,
    day: Annotated[str, typer.Argument(help="Like 2026-10-14.", show_default=False)],
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Explain one day: plan, rules, each minute, every punch used and unused, what is missing."""
    from hr_core.attendance.live.rule_sets import load_engines
    from hr_core.cli.explained_day_output import print_day
    from hr_core.clock import SystemClock
    from hr_core.trace.explain_day import explain_day

    on = _day(day, "DATE")
    with up_to_date(context, db) as conn:
        found = explain_day(conn, load_engines(conn), employee, on, SystemClock().now())
    if as_json:
        print_json(found)
    else:
        print_day(found)
    return ExitCode.DEGRADED if found.missing or found.differs else ExitCode.OK


def _span(month: str | None, first: str | None, until: str | None) -> tuple[date, date] | None:
    """Raises a usage error."""
    if month is not None:
        if first or until:
            raise typer.BadParameter("give a month or --from and --until", param_hint="--month")
        wanted = parse_month(month)
        return wanted.first, wanted.after
    if first is None:
        if until is not None:
            raise typer.BadParameter("says no beginning: add --from", param_hint="--until")
        return None
    begin = _day(first, "--from")
    end = begin + timedelta(days=1) if until is None else _day(until, "--until")
    if end <= begin:
        raise typer.BadParameter("does not lie after --from", param_hint="--until")
    return begin, end


def _day(text: str, hint: str) -> date:
    """Raises a usage error."""
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is not a day like 2026-10-14", param_hint=hint) from exc
    if not 1900 <= day.year <= 9000:  # days are added to it
        raise typer.BadParameter(f"{text} is no day that has days of work", param_hint=hint)
    return day


def _any_open(statuses: dict[str, int]) -> bool:
    from hr_core.attendance.day import OPEN

    return any(statuses.get(status) for status in OPEN)

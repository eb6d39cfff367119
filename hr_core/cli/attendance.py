"""`hr-core attendance compute|show|explain|lock|unlock|locks|corrections`: days from punches."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    open_core,
    parse_month,
    print_json,
    reading,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.attendance.day import DayResult
    from hr_core.attendance.live.recomputing import Recomputer
    from hr_core.store.log_mover import EmptyLog

_STEP_S = 0.25  # a person waits for it

app = typer.Typer(help="Days from punches.", rich_markup_mode=None)

EmployeeArgument = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]
MonthArgument = Annotated[
    str, typer.Argument(metavar="MONTH", help="Like 2026-10.", show_default=False)
]
ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who does it [default: your account].", show_default=False),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")]


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
        recomputer = _recomputer(engine, empty_log)
        with _progress("punches entered") as told:
            caught = recomputer.catch_up(budget_s=_STEP_S, told=told)
        days, changed, queued = caught.days, caught.changed, caught.queued
        statuses: dict[str, int] = {}
        wanted: list[str] = []
        if span is not None:
            wanted = _people(engine, person, span[0])
            with _progress("people computed", len(wanted)) as told:
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
    from hr_core.clock import SystemClock
    from hr_core.people.lookup import person_in_month
    from hr_core.views import attendance_of

    wanted = parse_month(month)
    with _up_to_date(context, db) as conn:
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
            print(f"  {day.day} {day.kind:17} {day.status:11} {span} {minutes}{mark}{waits}")
        for event_id in found.unassigned:
            print(f"  in no shift window: event {event_id}")
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
    with _up_to_date(context, db) as conn:
        found = explain_day(conn, load_engines(conn), employee, on, SystemClock().now())
    if as_json:
        print_json(found)
    else:
        print_day(found)
    return ExitCode.DEGRADED if found.missing or found.differs else ExitCode.OK


@app.command("lock")
def lock(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    month: MonthArgument,
    *,
    reason: ReasonOption = "month close",
    by: ByOption = None,
    with_open_days: Annotated[
        bool, typer.Option("--with-open-days", help="Although days are still to be clarified.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Lock a month: its days are computed once more and stay so; later changes are queued."""
    from hr_core.attendance.live.locking import lock_month
    from hr_core.clock import SystemClock
    from hr_core.store import database

    wanted = parse_month(month)
    with open_core(context, db) as (engine, empty_log):
        recomputer = _recomputer(engine, empty_log)
        with _progress("punches entered") as told:
            recomputer.catch_up(budget_s=_STEP_S, told=told)
        people = _people(engine, None, wanted.first)
        with _progress("people computed", len(people)) as told:
            recomputer.compute(people, wanted.first, wanted.after, told)
        with database.writing(engine) as conn:
            done = lock_month(
                conn, wanted, by=by or operator(), reason=reason, at=SystemClock().now(),
                with_open=with_open_days,
            )  # fmt: skip
    if as_json:
        print_json(done)
    else:
        print(f"{done.month} is locked: {done.days} days")
        for status, count in done.open_days.items():
            print(f"  still open: {count} {status}")
    return ExitCode.DEGRADED if done.open_days else ExitCode.OK


@app.command("unlock")
def unlock(
    context: typer.Context,
    month: MonthArgument,
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Unlock a month; its queued corrections become part of its days."""
    from hr_core.attendance.live.locking import unlock_month
    from hr_core.clock import SystemClock
    from hr_core.store import database

    wanted = parse_month(month)
    with open_core(context, db) as (engine, empty_log):
        with database.writing(engine) as conn:
            applied = unlock_month(
                conn, wanted, by=by or operator(), reason=reason, at=SystemClock().now()
            )
        _recomputer(engine, empty_log).catch_up(budget_s=_STEP_S)
    if as_json:
        print_json({"month": str(wanted), "applied": applied})
    else:
        print(f"{wanted} is unlocked; {applied} queued corrections are part of its days now")


@app.command("locks")
def show_locks(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> None:
    """Show which months are locked, by whom and since when."""
    from hr_core.store.attendance_locks import locks

    with reading(context, db) as conn:
        found = locks(conn)
    if as_json:
        print_json({"locks": found})
        return
    for one in found:
        print(f"{one.month}  {one.locked_at:%Y-%m-%d %H:%M} UTC  {one.locked_by}  {one.reason}")
    if not found:
        print("No month is locked.")


@app.command("corrections")
def show_corrections(
    context: typer.Context,
    *,
    month: Annotated[str | None, typer.Option("--month", help="Only of this month.")] = None,
    settled: Annotated[bool, typer.Option("--settled", help="Those taken or applied too.")] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what would have changed in locked months: person, day, old result, new result, cause."""
    from hr_core.store.attendance_locks import CorrectionState, corrections

    wanted = None if month is None else str(parse_month(month))
    with reading(context, db) as conn:
        found = corrections(conn, month=wanted, state=None if settled else CorrectionState.OPEN)
    if as_json:
        print_json({"corrections": found})
    for one in [] if as_json else found:
        before = "no day" if one.before is None else _sums(one.before)
        print(f"{one.number}  {one.person} {one.day}  {before} -> {_sums(one.after)}")
        print(f"    {one.cause}; {one.state}" + (f" ({one.settled_by})" if one.settled_by else ""))
    if not found and not as_json:
        print("No correction waits.")
    return ExitCode.DEGRADED if any(one.state == "open" for one in found) else ExitCode.OK


def _sums(result: DayResult) -> str:
    return f"{result.status} {result.regular_min}+{result.overtime_min} min"


def _recomputer(engine: sa.Engine, empty_log: EmptyLog) -> Recomputer:
    import time

    from hr_core.attendance.live.recomputing import Recomputer
    from hr_core.clock import SystemClock
    from hr_core.store.checkpoint import HARD_BYTES
    from hr_core.store.database import database_file, initialise

    file = database_file(engine)

    def rest() -> None:
        """Nobody else moves the log while no server runs; a year of days would fill the disk."""
        if file is not None:
            with contextlib.suppress(FileNotFoundError):
                if file.with_name(f"{file.name}-wal").stat().st_size > HARD_BYTES:
                    empty_log()

    initialise(engine)  # tables that came with an update
    return Recomputer(engine, now=SystemClock().now, monotonic=time.monotonic, rest=rest)


@contextlib.contextmanager
def _up_to_date(context: typer.Context, db: str | None) -> Iterator[sa.Connection]:
    """To read from, after what came in meanwhile is computed: no server may run."""
    with open_core(context, db) as (engine, empty_log):
        with _progress("punches entered") as told:
            _recomputer(engine, empty_log).catch_up(budget_s=_STEP_S, told=told)
        with engine.connect() as conn:
            yield conn


def _people(engine: sa.Engine, employee: str | None, on: date) -> list[str]:
    """Raises NotFoundError."""
    import sqlalchemy as sa

    from hr_core.people.lookup import person_of_number
    from hr_core.store.people import people

    with engine.connect() as conn:
        if employee is not None:
            return [person_of_number(conn, employee, on)]
        query = sa.select(people.c.number).order_by(people.c.number)
        return list(conn.execute(query).scalars())


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
        return date.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is not a day like 2026-10-14", param_hint=hint) from exc


def _any_open(statuses: dict[str, int]) -> bool:
    from hr_core.attendance.day import OPEN

    return any(statuses.get(status) for status in OPEN)


@contextlib.contextmanager
def _progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)

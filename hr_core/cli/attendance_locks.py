"""`hr-core attendance lock|unlock|locks|corrections`: closed months, and what they would become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.attendance_work import (
    STEP_S,
    people_meant,
    progress,
    recomputer_of,
    up_to_date,
)
from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    open_core,
    parse_month,
    print_json,
    reading,
)

if TYPE_CHECKING:
    from hr_core.attendance.day import DayResult

MonthArgument = Annotated[
    str, typer.Argument(metavar="MONTH", help="Like 2026-10.", show_default=False)
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")]


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
    """Lock a month, by two people: the first asks, the second gives the same command. Its days are
    computed once more and then stay so; later changes are queued.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.approvals.kinds import Kind
    from hr_core.attendance.live.locking import Locked, ask_lock, lock_subject
    from hr_core.cli.second_person import approved_by_second, print_asked, waits
    from hr_core.clock import SystemClock
    from hr_core.store import database

    wanted, who = parse_month(month), by or operator()
    with open_core(context, db) as (engine, empty_log):
        recomputer = recomputer_of(engine, empty_log)
        with progress("punches entered") as told:
            recomputer.catch_up(budget_s=STEP_S, told=told)
        people = people_meant(engine, None, wanted.first)
        with progress("people computed", len(people)) as told:
            recomputer.compute(people, wanted.first, wanted.after, told)
        with database.writing(engine) as conn:
            at, number = SystemClock().now(), None
            if waits(conn, Kind.MONTH_LOCK, lock_subject(wanted)):
                done = approved_by_second(conn, Kind.MONTH_LOCK, lock_subject(wanted), who, at)
                assert isinstance(done, Locked)  # noqa: S101 - what a lock gives
            else:
                number, done = ask_lock(
                    conn, wanted, at=at, by=actor_named(conn, who), reason=reason,
                    with_open=with_open_days,
                )  # fmt: skip
        if number is not None:
            print_asked(engine, number, again=f"hr-core attendance lock {wanted}", as_json=as_json)
    if number is None and as_json:
        print_json(done)
    elif number is None:
        print(f"{done.month} is locked: {done.days} days")
    if not as_json:
        for status, count in done.open_days.items():
            print(f"  still open: {count} {status}")
    return ExitCode.DEGRADED if done.open_days else ExitCode.OK


def unlock(
    context: typer.Context,
    month: MonthArgument,
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Unlock a month, by two people: the first asks, the second gives the same command. Its queued
    corrections become part of its days.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.approvals.kinds import Kind
    from hr_core.attendance.live.locking import ask_unlock, unlock_subject
    from hr_core.cli.second_person import approved_by_second, print_asked, waits
    from hr_core.clock import SystemClock
    from hr_core.store import database

    wanted, who = parse_month(month), by or operator()
    number: int | None = None
    applied: object = None
    with open_core(context, db) as (engine, empty_log):
        with database.writing(engine) as conn:
            at, subject = SystemClock().now(), unlock_subject(wanted)
            if waits(conn, Kind.MONTH_LOCK, subject):
                applied = approved_by_second(conn, Kind.MONTH_LOCK, subject, who, at, reason)
            else:
                actor = actor_named(conn, who)
                number = ask_unlock(conn, wanted, at=at, by=actor, reason=reason)
        if number is not None:
            again = f"hr-core attendance unlock {wanted} --reason WHY"
            print_asked(engine, number, again=again, as_json=as_json)
            return
        recomputer_of(engine, empty_log).catch_up(budget_s=STEP_S)
    if as_json:
        print_json({"month": str(wanted), "applied": applied})
    else:
        print(f"{wanted} is unlocked; {applied} queued corrections are part of its days now")


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
    with up_to_date(context, db) as conn:
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

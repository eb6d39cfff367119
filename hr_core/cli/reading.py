"""`hr-core attendance show`, `quality rates`, `trace`: look at what is stored, computed now."""

from typing import Annotated

import typer

from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    parse_month,
    print_json,
    reading,
)

attendance = typer.Typer(help="Days from punches.", rich_markup_mode=None)
quality = typer.Typer(help="Defect rates.", rich_markup_mode=None)


@attendance.callback()
def _attendance() -> None: ...


@quality.callback()
def _quality() -> None: ...


@attendance.command("show")
def show(
    context: typer.Context,
    employee: Annotated[str, typer.Argument(help="Employee number.", show_default=False)],
    month: MonthOption,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show a person's days of a month, computed now from the raw punches."""
    from hr_core.clock import SystemClock
    from hr_core.views import attendance_of

    wanted = parse_month(month)
    with reading(context, db) as conn:
        found = attendance_of(conn, employee, wanted, SystemClock().now())
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
            print(f"  {day.day} {day.kind:17} {day.status:11} {span} {minutes}{mark}")
        for event_id in found.unassigned:
            print(f"  in no shift window: event {event_id}")
    return ExitCode.DEGRADED if found.to_clarify or found.unassigned else ExitCode.OK


@quality.command("rates")
def rates(
    context: typer.Context, *, month: MonthOption, db: DbOption = None, as_json: JsonOption = False
) -> int:
    """Show the month's defect rates per person and line, with grade and 95 % interval."""
    from msgspec.structs import asdict

    from hr_core.views import rates_of_month

    wanted = parse_month(month)
    with reading(context, db) as conn:
        found = rates_of_month(conn, wanted)
    if as_json:
        # A Tally is a tuple, which JSON would show as a bare pair of numbers.
        sums = {"unattributed": found.unattributed._asdict(), "total": found.total._asdict()}
        print_json(asdict(found) | sums)
    else:
        for row in (*found.people, *found.lines):
            interval = "-"
            if row.interval_95 is not None:
                low, high = row.interval_95
                interval = f"{low:.2%}-{high:.2%}"
            alert = "  ALERT" if row.alert else ""
            print(
                f"{row.subject}  {row.name}  {row.rejects}/{row.pieces}  {row.percent}  "
                f"95 %: {interval}  grade {row.grade or 'not rated'}  ({row.reason}){alert}"
            )
        print(f"unattributed {found.unattributed.rejects}/{found.unattributed.pieces}")
        for note in found.notes:
            print(f"counter {note['source']}/{note['tag']}: {note['flag']}")
        for counter in found.unknown_counters:
            print(f"no station: {counter['source']}/{counter['tag']}")
    return ExitCode.DEGRADED if found.needs_a_look else ExitCode.OK

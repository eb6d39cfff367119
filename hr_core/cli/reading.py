"""`hr-core attendance show`: look at what is stored, computed now."""

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


@attendance.callback()
def _attendance() -> None: ...


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
    from hr_core.people.lookup import person_in_month
    from hr_core.views import attendance_of

    wanted = parse_month(month)
    with reading(context, db) as conn:
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
            print(f"  {day.day} {day.kind:17} {day.status:11} {span} {minutes}{mark}")
        for event_id in found.unassigned:
            print(f"  in no shift window: event {event_id}")
    return ExitCode.DEGRADED if found.to_clarify or found.unassigned else ExitCode.OK

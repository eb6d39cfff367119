"""`hr-core attendance show`, `trace`: look at what is stored, computed now."""

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


def trace(
    context: typer.Context,
    event_id: Annotated[str, typer.Argument(help="32 hex digits.", show_default=False)],
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one stored event down to the bytes that the device sent."""
    import msgspec

    from hr_core.errors import NotFoundError
    from hr_core.trace.events import is_event_id, raw_event

    if not is_event_id(event_id):
        raise typer.BadParameter("an event id is 32 hex digits", param_hint="EVENT_ID")
    with reading(context, db) as conn:
        event = raw_event(conn, event_id.lower())
    if not event.found:
        raise NotFoundError(
            f"the store holds no event {event_id}",
            remedy="check the id; an event still on its gateway is found by edge-agent trace",
        )
    if as_json:
        print_json(event)
        return
    for key, value in msgspec.to_builtins(event).items():
        print(f"{key:12} {value}")

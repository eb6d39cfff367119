"""`hr-core roster`: what people are to work, in from files, out to the screen and to files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    DbOption,
    JsonOption,
    MonthOption,
    parse_month,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.attendance.plan.model import PlannedDay
    from hr_core.spreadsheet import Cell

app = typer.Typer(help="Rosters, rotations and the plan of days.", rich_markup_mode=None)

PersonArgument = Annotated[
    str, typer.Argument(help="Person (employee number).", show_default=False)
]


@app.callback()
def _roster() -> None: ...


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Roster: .csv, .xlsx or .toml.", show_default=False)],
    *,
    by: Annotated[str | None, typer.Option("--by", help="Who [default: your account].")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load a roster. A file with a fault is refused whole, with the row and the reason."""
    from hr_core.cli.gateways import operator
    from hr_core.cli.hour_limits import warn
    from hr_core.clock import SystemClock
    from hr_core.roster_import import import_roster
    from hr_core.store.work_plan import locks_of, people_of_subjects

    with writing(context, db) as conn:
        done = import_roster(conn, file, by or operator(), SystemClock().now(), locks_of(conn))
    if done.changed:
        with reading(context, db) as conn:
            subjects = [one.subject for one in done.changed]
            warn(conn, people_of_subjects(conn, subjects), min(one.first for one in done.changed))
    if as_json:
        print_json(done)
        return
    print(
        f"{file}: roster v{done.version}; {done.assignments} assignments, {done.rotations} "
        f"rotations, {done.calendars} calendars, {done.places} places, {done.policies} policies"
    )
    for one in done.changed:
        print(f"  {one.subject}: new plan from {one.first}")
    if not done.changed:
        print("  nobody's plan changed")


@app.command("show")
def show(
    context: typer.Context,
    person: PersonArgument,
    month: MonthOption,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a person is to do on each day of a month, and what says so."""
    from hr_core.people.lookup import person_of_number
    from hr_core.store.work_plan import plan_of

    wanted = parse_month(month)
    with reading(context, db) as conn:
        key = person_of_number(conn, person, wanted.first)
        plan = plan_of(conn, key, wanted.first, wanted.after)
    if as_json:
        print_json({"person": key, "month": str(wanted), "days": list(plan.values())})
        return
    print(f"{person}, {wanted}")
    for day in plan.values():
        due = "due" if day.due else "-"
        print(f"  {day.day} {day.kind:17} {due:3} {_shifts(day):20} {'; '.join(day.sources)}")


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to: .csv or .xlsx.", show_default=False)],
    month: MonthOption,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everybody's plan of a month as a table: a line for each person and day."""
    from hr_core.spreadsheet import SUFFIXES, write_rows
    from hr_core.store.work_plan import known_people, plans_of

    if file.suffix.casefold() not in SUFFIXES:
        raise typer.BadParameter("is not .csv or .xlsx", param_hint="file")
    wanted = parse_month(month)
    with reading(context, db) as conn:
        names = known_people(conn)
        plans = plans_of(conn, list(names), wanted.first, wanted.after)
    rows: list[list[Cell]] = [
        [person, names[person], *_cells(day)]
        for person, days in plans.items()
        for day in days.values()
    ]
    write_rows(file, [list(_TITLES), *rows])
    counts = {"file": str(file), "people": len(names), "days": len(rows)}
    if as_json:
        print_json(counts)
    else:
        print(f"{file}: {counts['days']} days of {counts['people']} people")


_TITLES = (
    "person", "name", "day", "kind", "due", "shifts", "hours", "rules", "leave", "overtime",
    "flags", "sources",
)  # fmt: skip


def _cells(day: PlannedDay) -> list[Cell]:
    return [
        date.isoformat(day.day),
        str(day.kind),
        "yes" if day.due else "no",
        _shifts(day),
        " ".join(shift.hours() for shift in day.shifts),
        day.rules,
        " ".join(f"{leave.kind}:{leave.part}" for leave in day.leaves),
        " ".join(str(one.request) for one in day.overtime_approved),
        " ".join(day.flags),
        "; ".join(day.sources),
    ]


def _shifts(day: PlannedDay) -> str:
    """Of a day that is not due: by which shift whoever comes is measured."""
    from hr_core.attendance.plan.model import ShiftChoice

    mark = "|" if day.choice is ShiftChoice.FROM_PUNCH else "+"
    text = mark.join(shift.code for shift in day.shifts)
    return text if day.due else f"({text})"

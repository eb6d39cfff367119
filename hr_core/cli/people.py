"""`hr-core people`: who people are over time, and every change to be undone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli import people_adoption, people_moves
from hr_core.cli.options import (
    ByOption,
    DbOption,
    JsonOption,
    print_json,
    reading,
    today_here,
    writing,
)
from hr_core.cli.people_options import (
    OnOption,
    PersonArgument,
    ReasonOption,
    day_given,
    signed,
    tell_change,
)

if TYPE_CHECKING:
    from hr_core.people.records_view import Record

app = typer.Typer(
    help="People over time: numbers, contracts, merged and split records.", rich_markup_mode=None
)
app.command("renumber")(people_moves.renumber)
app.command("leave")(people_moves.leave)
app.command("rehire")(people_moves.rehire)
app.command("map")(people_moves.map_id)
app.command("merge")(people_moves.merge)
app.command("split")(people_moves.split)
app.command("waiting")(people_adoption.waiting)
app.command("adopt")(people_adoption.adopt)


@app.command("list")
def list_people(
    context: typer.Context, *, on: OnOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """Show everybody with number, contract and units on a day."""
    from hr_core.people.records_view import listed_people

    with reading(context, db) as conn:
        day = day_given(on, "--on") or today_here(conn)
        found = listed_people(conn, day)
    if as_json:
        print_json({"on": day, "people": found})
        return
    for one in found:
        numbers = ", ".join(one.employee_numbers) or "no number"
        kinds = ", ".join((*one.kinds, *one.employers)) or "no contract"
        print(f"{one.person}  {numbers}  {one.name}  {kinds}  {', '.join(one.units)}".rstrip())


@app.command("show")
def show(
    context: typer.Context,
    person: PersonArgument,
    *,
    on: OnOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all of a person: every number, contract, place and id with its days, every change."""
    from hr_core.people.lookup import person_of_number
    from hr_core.people.records_view import record_of

    with reading(context, db) as conn:
        day = day_given(on, "--on") or today_here(conn)
        found = record_of(conn, person_of_number(conn, person, day))
    if as_json:
        print_json(found)
    else:
        _print_record(found)


@app.command("undo")
def undo(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Row of hr-core audit log.", show_default=False)],
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a change back, whole; the last one first. An undo can be undone too."""
    from hr_core.people.changes import undo as undo_change

    with writing(context, db) as conn:
        change = undo_change(conn, number, signed(by, reason))
    tell_change(change, f"change {number} is undone", as_json=as_json)


@app.command("units")
def units(
    context: typer.Context, *, on: OnOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """Show the organisation on a day: sites, departments, teams, posts, who manages them."""
    from hr_core.people.records_view import listed_units

    with reading(context, db) as conn:
        day = day_given(on, "--on") or today_here(conn)
        found = listed_units(conn, day)
    if as_json:
        print_json({"on": day, "units": found})
        return
    for one in found:
        under = f"  under {', '.join(one.parents)}" if one.parents else ""
        managers = f"  managed by {', '.join(one.managers)}" if one.managers else ""
        print(f"{one.code}  {one.kind}  {one.name}{under}  {one.members} people{managers}")


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="New .csv or .xlsx file.", show_default=False)],
    *,
    on: OnOption = None,
    db: DbOption = None,
) -> None:
    """Write everybody with a number on the day as a table that hr-core import reads back."""
    from hr_core.people.sheet import people_table
    from hr_core.spreadsheet import SUFFIXES, write_rows

    if file.suffix.casefold() not in SUFFIXES:
        raise typer.BadParameter("is not .csv or .xlsx", param_hint="file")
    if file.exists():
        raise typer.BadParameter(f"{file} is there already", param_hint="file")
    with reading(context, db) as conn:
        table = people_table(conn, day_given(on, "--on") or today_here(conn))
    write_rows(file, table, mode=0o600)  # everybody's pay is in it
    print(f"{file}: {len(table) - 1} people")


def _print_record(found: Record) -> None:
    merged = f", with {', '.join(found.merged)} merged into it" if found.merged else ""
    print(f"person {found.person.number}  {found.person.name}{merged}")
    for number in found.numbers:
        print(f"  number {number.employee_number}  {number.days.text()}")
    for held in found.employments:
        employer = f" of {held.employer}" if held.employer else ""
        print(f"  contract {held.contract}  {held.kind}{employer}  {held.days.text()}")
    for place in found.memberships:
        print(f"  {place.role} of {place.unit}  {place.days.text()}")
    for user in found.device_users:
        print(f"  device user {user.serial}:{user.user_id}  {user.days.text()}")
    for badge in found.badges:
        print(f"  badge {badge}")
    for change in found.changes:
        print(
            f"  change {change.number}  {change.at:%Y-%m-%d %H:%M} UTC  {change.actor}  "
            f"{change.action}: {change.reason}"
        )

"""`hr-core permits`: approvals of comprehensive (综合工时) and irregular (不定时) hours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    print_json,
    reading,
    today_here,
    writing,
)

app = typer.Typer(
    help="Permits for comprehensive (综合工时) and irregular (不定时) hours.", rich_markup_mode=None
)

_SOON = timedelta(days=60)  # to ask for the next one takes the authorities some weeks


@app.command("list")
def list_permits(
    context: typer.Context,
    *,
    on: Annotated[str | None, typer.Option("--on", help="The day [default: today].")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show all permits and how they stand on a day. Exit 1 when one lapsed or lapses in 60 days."""
    from hr_core.cli.time_off import parse_day
    from hr_core.store.permits import load_permits

    with reading(context, db) as conn:
        day = today_here(conn) if on is None else parse_day(on, "--on")
        permits = load_permits(conn)
    rows = []
    for permit in permits:
        if permit.valid_until <= day:
            state = "lapsed"
        elif day < permit.valid_from:
            state = "not yet valid"
        else:
            state = "lapses soon" if permit.valid_until - day <= _SOON else "valid"
        rows.append((permit, state))
    renewed = {
        post: permit.valid_until
        for permit in sorted(permits, key=lambda one: one.valid_until)
        for post in permit.posts
    }
    open_ = [
        permit
        for permit, state in rows
        if state in {"lapsed", "lapses soon"}
        and any(renewed[post] == permit.valid_until for post in permit.posts)
    ]
    if as_json:
        found = [{"state": state, "permit": permit} for permit, state in rows]
        print_json({"on": day.isoformat(), "permits": found})
    else:
        for permit, state in rows:
            period = f" by the {permit.period}" if permit.period else ""
            print(
                f"{permit.number}  {permit.system}{period}  {permit.valid_from} to "
                f"{permit.valid_until - timedelta(days=1)}  {state}: {', '.join(permit.posts)}"
            )
        if not rows:
            print("no permit was imported: everybody works standard hours")
    return ExitCode.DEGRADED if open_ else ExitCode.OK


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Permits (TOML or CSV).", show_default=False)],
    *,
    by: Annotated[
        str | None, typer.Option("--by", help="Who enters it [default: your account].")
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the permits of a file; one with a known number replaces it. All rows or none."""
    from hr_core.attendance.hours.permit_import import import_permits
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.people.file import read_file

    text = read_file(file)
    with writing(context, db) as conn:
        found = import_permits(
            conn, text, file=file.name, actor=by or operator(), at=SystemClock().now()
        )
    if as_json:
        print_json(found)
    else:
        print(
            f"{file}: {len(found.added)} permits added, {len(found.changed)} changed, "
            f"{found.unchanged} as before"
        )

"""`hr-core performance template import|list|assign`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hr_core.cli.options import ByOption, DbOption, JsonOption, print_json, reading, writing
from hr_core.cli.performance_acting import NoteOption, PeriodOption, goal_deed, parse_period

app = typer.Typer(help="Templates of goals by post (KPI and KCI).", rich_markup_mode=None)


@app.command("import")
def import_template(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A template (TOML).", show_default=False)],
    *,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a template; a changed one is a new version. Nobody's goals change by it."""
    from hr_core.performance.templates import import_template

    with writing(context, db) as conn:
        found = import_template(conn, file, goal_deed(conn, by, note))
    if as_json:
        print_json({"template": found.template.code, "version": found.version})
    else:
        print(f"template {found.name}: {len(found.template.indicator)} indicators")


@app.command("list")
def list_templates(
    context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """Show every version, and who has goals of it."""
    from hr_core.performance.exact_json import plain
    from hr_core.performance.goal_book import GoalBook
    from hr_core.performance.templates import template_versions

    with reading(context, db) as conn:
        versions = template_versions(conn)
        goals = GoalBook.load(conn).goals()
    rows = [
        {
            "name": one.name,
            "template": one.template,
            "people": sorted({goal.owner for goal in goals if goal.template == one.name}),
        }
        for one in versions
    ]
    if as_json:
        print_json({"templates": plain(rows)})
        return
    for one, row in zip(versions, rows, strict=True):
        print(f"{one.name}  {one.template.title}  used by {len(row['people'])}")  # type: ignore[arg-type]


@app.command("assign")
def assign(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    template: Annotated[
        str, typer.Argument(help="Like SALES/2; SALES is its newest.", show_default=False)
    ],
    people: Annotated[list[str], typer.Argument(help="Employee numbers.", show_default=False)],
    *,
    period: PeriodOption,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose a template's goals to people: they sign them as any others."""
    from hr_core.people.lookup import person_of_number
    from hr_core.performance import templates

    wanted = parse_period(period)
    with writing(context, db) as conn:
        keys = [person_of_number(conn, one, wanted.first) for one in people]
        deed = goal_deed(conn, by, note)
        stored = templates.assign(conn, template, keys, str(wanted), deed)
    if as_json:
        print_json({"proposed": [one.number for one in stored]})
        return
    for one in stored:
        print(f"goals {one.number} proposed to {one.goals.owner}, version {one.goals.version}")

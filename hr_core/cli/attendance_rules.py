"""`hr-core attendance rules`: which rule sets there are, what they say, and whether a file can hold."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    has_database,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.attendance.rule_sets.model import RuleSet

app = typer.Typer(help="Rule sets: dated data, each with its source.", rich_markup_mode=None)


@app.callback()
def _rules() -> None: ...


@app.command("list")
def list_(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> int:
    """List the rule sets that ship with the core and those imported, by name and first day."""
    sets = sorted(_known(context, db), key=lambda one: (one.name, one.valid_from))
    if as_json:
        print_json(
            {
                "rule_sets": [
                    {
                        "name": one.name,
                        "version": one.version,
                        "title": one.title,
                        "title_zh": one.title_zh,
                        "engine": one.engine,
                        "valid_from": one.valid_from,
                        "valid_until": one.valid_until,
                        "status": one.status,
                        "source": one.source,
                    }
                    for one in sets
                ]
            }
        )
        return ExitCode.OK
    for one in sets:
        until = one.valid_until or "a later version"
        print(f"{one.name:18} {one.version:26} {one.engine:10} {one.status:10} {one.title}")
        print(f"  from {one.valid_from} until {until}")
        print(f"  source: {one.source}")
    return ExitCode.OK


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A rule file (TOML).", show_default=False)],
    *,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Who does it [default: your account].", show_default=False),
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a rule set of your own; the same file twice is harmless."""
    from hr_core.attendance.rule_sets.imported import import_rule_file
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock

    with writing(context, db) as conn:
        done = import_rule_file(conn, file, at=SystemClock().now(), by=by or operator())
    if as_json:
        print_json({"file": str(file), "version": done.rules.version, "added": done.added})
    else:
        what = "imported" if done.added else "was here already"
        print(f"{file}: {done.rules.version} {what}, from {done.rules.valid_from}")


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the rule set.", show_default=False)],
    *,
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], help="The day [default: today, UTC]."),
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the version that holds on a day: its file, which can be the beginning of your own."""
    from hr_core.attendance.rule_sets.loading import rule_set
    from hr_core.clock import SystemClock

    texts = _known(context, db)
    found = rule_set(name, on.date() if on else SystemClock().now().date(), tuple(texts))
    if as_json:
        print_json(found)
    else:
        print(texts[found], end="")
    return ExitCode.OK


def _known(context: typer.Context, db: str | None) -> dict[RuleSet, str]:
    """Each with the text of its file. Without a database those that ship are all there is."""
    from hr_core.attendance.rule_sets.imported import imported_texts
    from hr_core.attendance.rule_sets.loading import built_in_texts

    if not has_database(context, db):
        return built_in_texts()
    with reading(context, db) as conn:
        return built_in_texts() | imported_texts(conn)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A rule file (TOML).", show_default=False)],
    *,
    as_json: JsonOption = False,
) -> int:
    """Check a file of your own: 0 when it can hold, 3 with each row and reason when it cannot."""
    from hr_core.attendance.rule_sets.errors import RuleFileError
    from hr_core.attendance.rule_sets.loading import built_in, refuse_clashes
    from hr_core.attendance.rule_sets.reading import read_rule_file

    try:
        found = read_rule_file(file)
        refuse_clashes((*(one for one in built_in() if one.version != found.version), found))
    except RuleFileError as error:
        if not as_json:
            raise
        print_json({"file": str(file), "ok": False, "problems": error.problems})
        return ExitCode.USAGE
    if as_json:
        print_json({"file": str(file), "ok": True, "problems": []})
    else:
        print(f"{file} can hold: {found.version}, {found.engine}, from {found.valid_from}")
    return ExitCode.OK

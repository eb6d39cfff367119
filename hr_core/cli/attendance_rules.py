"""`hr-core attendance rules`: which rule sets there are, what they say, and whether a file can hold."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hr_core.cli.options import ExitCode, JsonOption, print_json

app = typer.Typer(help="Rule sets: dated data, each with its source.", rich_markup_mode=None)


@app.callback()
def _rules() -> None: ...


@app.command("list")
def list_(*, as_json: JsonOption = False) -> int:
    """List the rule sets that ship with the core, by name and first day."""
    from hr_core.attendance.rule_sets.loading import built_in

    sets = sorted(built_in(), key=lambda one: (one.name, one.valid_from))
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


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of the rule set.", show_default=False)],
    *,
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], help="The day [default: today, UTC]."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Show the version that holds on a day: its file, which can be the beginning of your own."""
    from hr_core.attendance.rule_sets.loading import rule_set, text_of
    from hr_core.clock import SystemClock

    found = rule_set(name, on.date() if on else SystemClock().now().date())
    if as_json:
        print_json(found)
    else:
        print(text_of(found), end="")
    return ExitCode.OK


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

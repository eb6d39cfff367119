"""`hr-core import FILE` and `hr-core import opening FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typing_extensions import override

from hr_core.cli.gateways import operator
from hr_core.cli.options import ByOption, DbOption, ExitCode, JsonOption, print_json, writing
from hr_core.cli.setup import import_file

if TYPE_CHECKING:
    from hr_core.opening.desk import Proposed

_FILE = "file"


class _FileOrCommand(TyperGroup):
    """What is no command's name is a file: `hr-core import people.toml`."""

    @override
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_FILE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Load people, a terminal's export, or what another system has counted.",
    cls=_FileOrCommand,
    rich_markup_mode=None,
)
app.command(_FILE)(import_file)


@app.command("opening")
def opening(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="Opening balances (TOML, CSV, xlsx).", show_default=False),
    ],
    *,
    source: Annotated[
        str, typer.Option("--source", help="Where the figures are from; a TOML file says it.")
    ] = "",
    first_month: Annotated[
        str, typer.Option("--first-month", help="The first one paid here, like 2026-09.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Propose opening balances: tax year so far, time off, leave, open periods. Another person
    approves them (hr-core approvals approve N); until then nothing holds.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.clock import SystemClock
    from hr_core.law.national import national_law
    from hr_core.opening.desk import propose_opening
    from hr_core.opening.file import read_opening_file
    from hr_core.opening.tax_check import tax_notes
    from hr_core.people.lookup import person_in_month

    with writing(context, db) as conn:
        read = read_opening_file(
            file,
            lambda number, month: person_in_month(conn, number, month),
            source=source,
            first_month=first_month,
        )
        done = propose_opening(
            conn,
            read,
            at=SystemClock().now(),
            by=actor_named(conn, by or operator()),
            reason=reason,
        )
    notes = tax_notes(read, national_law())
    if as_json:
        print_json(
            {
                "approval": done.approval,
                "proposed": done.rows,
                "unchanged": done.unchanged,
                "notes": notes,
            }
        )
    else:
        _print(done, notes)
    return ExitCode.DEGRADED if notes else ExitCode.OK


def _print(done: Proposed, notes: list[str]) -> None:
    for note in notes:
        print(f"look at it: {note}")
    if done.approval is None:
        print(f"{done.unchanged} balances are here already; nothing to approve")
        return
    counted = ", ".join(f"{count} {kind}" for kind, count in done.rows.items())
    print(f"approval {done.approval}: {counted}; {done.unchanged} are here already")
    print(f"  another person approves it: hr-core approvals approve {done.approval} --by NAME")

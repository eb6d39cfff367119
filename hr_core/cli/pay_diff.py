"""`hr-core pay diff`: two runs, or a run and a table from elsewhere, beside each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, print_json, reading

if TYPE_CHECKING:
    from hr_core.pay.diff.model import RunDiff

RunArgument = Annotated[int, typer.Argument(help="Number of the run.", show_default=False)]


def diff(  # noqa: PLR0913 - one command for both kinds of comparison
    context: typer.Context,
    run_a: RunArgument,
    other: Annotated[
        str,
        typer.Argument(
            help="Number of the other run, or a table: .xlsx or .csv.", show_default=False
        ),
    ],
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", help="Write the differences to this .xlsx or .csv.")
    ] = None,
    *,
    across_months: Annotated[
        bool, typer.Option("--across-months", help="Compare runs of different months all the same.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """List person, line, before, after and cause of everything that differs; nothing when nothing does.

    Exit 0: identical. 1: something differs. 2: sums that must agree do not.
    """
    from hr_core.cli.pay_diff_output import diff_object, print_diff
    from hr_core.pay.diff.sheet import diff_rows
    from hr_core.pay.stored_diff import compare_runs
    from hr_core.spreadsheet import write_rows

    with reading(context, db) as conn:
        found = compare_runs(conn, run_a, _run_number(other), across_months=across_months)
    if xlsx is not None:
        write_rows(xlsx, diff_rows(found), mode=0o600)
    if as_json:
        print_json(diff_object(found))
    else:
        print_diff(found)
    return _exit_code(found)


def _run_number(text: str) -> int:
    """Raises a usage error."""
    if not text.isdecimal():
        raise typer.BadParameter(
            f"{text!r} is no number of a run; a table needs --map", param_hint="OTHER"
        )
    return int(text)


def _exit_code(found: "RunDiff") -> int:
    if not found.proof.holds:
        return ExitCode.BROKEN
    return ExitCode.DEGRADED if found.lines or found.only else ExitCode.OK

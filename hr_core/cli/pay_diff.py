"""`hr-core pay diff|note`: two runs, or a run and a table from elsewhere, beside each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    parse_month,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.pay.diff.model import RunDiff
    from hr_core.pay.diff.table_compare import TableDiff

RunArgument = Annotated[int, typer.Argument(help="Number of the run.", show_default=False)]
OtherArgument = Annotated[
    str,
    typer.Argument(help="Number of the other run, or a table: .xlsx or .csv.", show_default=False),
]
MapOption = Annotated[
    Path | None,
    typer.Option("--map", help="How the table is read: columns to lines (docs/pay-diff.md)."),
]


def diff(  # noqa: PLR0913 - one command for both kinds of comparison
    context: typer.Context,
    run_a: RunArgument,
    other: OtherArgument,
    table_map: MapOption = None,
    *,
    make_map: Annotated[
        Path | None,
        typer.Option("--make-map", help="Write a first map of the table here, and stop."),
    ] = None,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", help="Write the differences to this .xlsx or .csv.")
    ] = None,
    across_months: Annotated[
        bool, typer.Option("--across-months", help="Compare runs of different months all the same.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """List person, line, before, after and cause of everything that differs; nothing when nothing does.

    Exit 0: identical. 1: something differs, or a row was refused. 2: sums that must agree do not.
    """
    if make_map is not None:
        return _make_map(context, db, (run_a, Path(other)), make_map)
    if table_map is not None:
        with_table = (run_a, Path(other), table_map)
        return _diff_table(context, db, with_table, xlsx=xlsx, as_json=as_json)
    from hr_core.cli.pay_diff_output import diff_object, print_diff
    from hr_core.pay.diff.sheet import diff_rows
    from hr_core.pay.stored_diff import compare_runs
    from hr_core.pay.stored_table_diff import notes_beside_runs
    from hr_core.spreadsheet import write_rows

    second = _run_number(other)
    with reading(context, db) as conn:
        found = compare_runs(conn, run_a, second, across_months=across_months)
        notes = notes_beside_runs(conn, run_a, second)
    if xlsx is not None:
        write_rows(xlsx, diff_rows(found, notes), mode=0o600)
    if as_json:
        print_json(diff_object(found, notes))
    else:
        print_diff(found, notes)
    return _exit_code(found)


def note(  # noqa: PLR0913 - the parts of a note
    context: typer.Context,
    run_a: RunArgument,
    other: OtherArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why the difference is as it should be.")],
    person: Annotated[
        str, typer.Option("--person", help="Employee number, or * for everybody.")
    ] = "*",
    line: Annotated[str, typer.Option("--line", help="The line, or * for every one.")] = "*",
    until: Annotated[
        str, typer.Option("--until", help="The last month that this explains too, like 2027-03.")
    ] = "",
    table_map: MapOption = None,
    by: ByOption = None,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep beside a difference why it is one. The next month is offered it."""
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.pay.diff.table_map import read_map
    from hr_core.pay.stored_table_diff import keep_note, new_note

    against = str(_run_number(other)) if table_map is None else f"table {read_map(table_map).name}"
    last = str(parse_month(until)) if until else ""
    with writing(context, db) as conn:
        made = new_note(conn, (run_a, against), (person, line), reason=reason, until=last)
        number = keep_note(conn, made, by=by or operator(), at=SystemClock().now())
    if as_json:
        print_json({"number": number, "note": made})
    else:
        print(f"note {number}: {made.pair} {made.made_for}, {person} {line}: {made.reason}")


def _make_map(context: typer.Context, db: str | None, table: tuple[int, Path], to: Path) -> int:
    from hr_core.pay.stored_table_diff import write_first_map

    with reading(context, db) as conn:
        write_first_map(conn, table[0], table[1], to)
    print(f"{to}: read each line of it, correct it, then compare with --map {to}")
    return ExitCode.OK


def _diff_table(
    context: typer.Context,
    db: str | None,
    table: tuple[int, Path, Path],
    *,
    xlsx: Path | None,
    as_json: bool,
) -> int:
    from hr_core.cli.table_diff_output import print_table_diff, table_object
    from hr_core.pay.diff.table_compare import table_rows
    from hr_core.pay.diff.table_map import read_map
    from hr_core.pay.stored_table_diff import compare_with_table
    from hr_core.spreadsheet import write_rows

    run, path, map_path = table
    how = read_map(map_path)
    with reading(context, db) as conn:
        found, notes = compare_with_table(conn, run, path, how)
    if xlsx is not None:
        beside = [notes.of(line.person, line.line) for line in found.lines]
        texts = ["" if one is None else one.text for one in beside]
        write_rows(xlsx, table_rows(found, texts), mode=0o600)
    if as_json:
        print_json(table_object(found, notes))
    else:
        print_table_diff(found, notes)
    return _table_exit_code(found)


def _run_number(text: str) -> int:
    """Raises a usage error."""
    if not (text.isascii() and text.isdecimal()):
        raise typer.BadParameter(
            f"{text!r} is no number of a run; a table needs --map", param_hint="OTHER"
        )
    return int(text)


def _exit_code(found: "RunDiff") -> int:
    if not found.proof.holds:
        return ExitCode.BROKEN
    return ExitCode.DEGRADED if found.lines or found.only else ExitCode.OK


def _table_exit_code(found: "TableDiff") -> int:
    if not found.proof_holds:
        return ExitCode.BROKEN
    return ExitCode.OK if found.agrees else ExitCode.DEGRADED

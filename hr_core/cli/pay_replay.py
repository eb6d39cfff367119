"""`hr-core pay replay`: every line of a run, computed again from its stored trace alone."""

from typing import Annotated

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, print_json, reading


def replay(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Number of the run.", show_default=False)],
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Compute every line of a run again from its stored trace, and its sums from its lines.

    Nothing else is read: no punch, no rule, no law. Exit 2 when a line or a sum does not hold.
    """
    from hr_core.cli.attendance_work import progress
    from hr_core.money import format_fen
    from hr_core.trace.replayed_run import line_count, replay_run

    with (
        reading(context, db) as conn,
        progress("lines replayed", line_count(conn, number)) as told,
    ):
        found = replay_run(conn, number, told)
    if as_json:
        print_json(
            {
                "run": found.run,
                "month": found.month,
                "people": found.people,
                "lines": found.lines,
                "total_fen": found.total_fen,
                "holds": found.holds,
                "mismatches": found.mismatches,
            }
        )
    else:
        word = "every one to its fen" if found.holds else f"{len(found.mismatches)} DO NOT HOLD"
        print(
            f"run {found.run}, {found.month}: {found.lines} lines of {found.people} people replayed "
            f"from their traces, {word}; net {format_fen(found.total_fen)}"
        )
        for one in found.mismatches:
            about = " ".join(part for part in (one.number, one.line) if part) or "the run"
            print(f"  {about}: {one.what}")
    return ExitCode.OK if found.holds else ExitCode.BROKEN

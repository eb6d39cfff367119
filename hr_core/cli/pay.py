"""`hr-core pay run|runs|slips|explain`."""

from pathlib import Path
from typing import Annotated

import typer

from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    parse_month,
    print_json,
    reading,
    writing,
)

app = typer.Typer(help="Compute and explain pay.", rich_markup_mode=None)

RunArgument = Annotated[int, typer.Argument(help="Number of the run.", show_default=False)]


@app.command("run")
def run(
    context: typer.Context,
    month: MonthOption,
    people: Annotated[
        Path | None, typer.Option("--people", help="Import this people file first.")
    ] = None,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Recompute a month from raw events and store it as a new, numbered, immutable run."""
    from hr_core.cli.pay_output import print_run, run_object
    from hr_core.clock import SystemClock
    from hr_core.imports import import_people
    from hr_core.pay.run import compute_run
    from hr_core.store.results import add_run

    wanted = parse_month(month)
    if people is not None:
        with writing(context, db) as conn:
            import_people(conn, people)
    with reading(context, db) as conn:
        computed = compute_run(conn, wanted, SystemClock().now())
    with writing(context, db) as conn:
        number = add_run(conn, computed)
    if as_json:
        print_json(run_object(number, computed))
    else:
        print_run(number, computed)
    return ExitCode.DEGRADED if computed.needs_a_look else ExitCode.OK


@app.command("runs")
def runs(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> None:
    """List the stored runs, newest first."""
    from hr_core.money import format_fen
    from hr_core.views import list_runs

    with reading(context, db) as conn:
        found = list_runs(conn)
    if as_json:
        print_json({"runs": found})
        return
    for one in found:
        total = format_fen(one.total_fen)
        print(f"run {one.number}  {one.month}  {one.scheme_version}  {one.created_at}  {total}")


@app.command("slips")
def slips(
    context: typer.Context, number: RunArgument, *, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List the payslips of one run."""
    from hr_core.money import format_fen
    from hr_core.views import slips_of_run

    with reading(context, db) as conn:
        found = slips_of_run(conn, number)
    if as_json:
        print_json({"run": number, "payslips": found})
        return
    for one in found:
        open_days = f"  {len(one.to_clarify)} days to clarify" if one.to_clarify else ""
        print(f"{one.number}  {one.name}  {format_fen(one.total_fen)}{open_days}")


@app.command("explain")
def explain(
    context: typer.Context,
    number: RunArgument,
    employee: Annotated[str, typer.Argument(help="Employee number.", show_default=False)],
    line: Annotated[str | None, typer.Argument(help="Only this line, like base.")] = None,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Walk a payslip down: line, rule, inputs, days or readings, raw bytes from the device."""
    from hr_core.trace.explain import explain as explain_slip

    with reading(context, db) as conn:
        explanation = explain_slip(conn, number, employee, line)
    if as_json:
        print_json(explanation)
    else:
        from hr_core.cli.explain_output import print_explanation

        print_explanation(explanation)
    return ExitCode.DEGRADED if explanation.missing_events else ExitCode.OK

"""`hr-core pay run|runs|slips|explain`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hr_core.cli import (
    court_orders,
    leaving,
    pay_corrections,
    pay_diff,
    pay_life,
    pay_papers,
    pay_replay,
    pieces,
)
from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    open_core,
    parse_month,
    print_json,
    reading,
    writing,
)
from hr_core.cli.pay_agreements import agreements, entries
from hr_core.cli.pay_objections import objections, reply

if TYPE_CHECKING:
    from hr_core.clock import Month
    from hr_core.store.results import NewRun

app = typer.Typer(help="Compute and explain pay.", rich_markup_mode=None)
_COMMANDS: dict[str, Callable[..., Any]] = {
    "slip": pay_papers.slip,
    "journal": pay_papers.journal,
    "export": pay_papers.export,
    "diff": pay_diff.diff,
    "note": pay_diff.note,
    "replay": pay_replay.replay,
    "submit": pay_life.submit,
    "approve": pay_life.approve,
    "paid": pay_life.paid,
    "reverse": pay_corrections.reverse,
    "reversals": pay_corrections.reversals,
    "recoveries": pay_corrections.recoveries,
    "would-differ": pay_corrections.would_differ,
    "objections": objections,
    "reply": reply,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
for name, group in {
    "agreements": agreements,
    "entries": entries,
    "leaving": leaving.app,
    "orders": court_orders.app,
    "prices": pieces.prices,
    "pieces": pieces.pieces,
}.items():
    app.add_typer(group, name=name)

RunArgument = Annotated[int, typer.Argument(help="Number of the run.", show_default=False)]


@app.command("run")
def run(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    month: Annotated[
        list[str], typer.Option("--month", help="A month, like 2026-10; may be given repeatedly.")
    ],
    scheme: Annotated[
        list[str] | None,
        typer.Option(
            "--scheme", help="Pay scheme [default: the chosen one]; each gives a run of its own."
        ),
    ] = None,
    people: Annotated[
        Path | None, typer.Option("--people", help="Import this people file first.")
    ] = None,
    *,
    allow_unverified_law: Annotated[
        bool,
        typer.Option(
            "--allow-unverified-law", help="Pay also by law that nobody checked; slips say so."
        ),
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Pay months by their computed days and store each as a new, numbered, immutable run.

    Several months are computed one after the other; one that cannot be computed is reported and
    does not stop the rest. Several schemes are computed on the same inputs. Whoever cannot be paid is
    listed with what is missing; the others are paid.
    """
    from hr_core.cli.pay_output import print_refused, print_run, refused_object, run_object
    from hr_core.errors import CoreError
    from hr_core.imports import import_people

    wanted = [parse_month(text) for text in month]
    schemes = tuple(scheme or ())
    if people is not None:
        with writing(context, db) as conn:
            import_people(conn, people)
    alone = len(wanted) == 1 and len(schemes) <= 1
    runs, refused = [], []
    for one in wanted:
        try:
            done = _compute_and_store(context, db, one, schemes, allow_unverified_law)
        except CoreError as error:
            if len(wanted) == 1:
                raise
            refused.append(refused_object(one, error))
            if not as_json:
                print_refused(one, error)
            continue
        for number, computed in done:
            runs.append(run_object(number, computed))
            if not as_json:
                print_run(number, computed)
    if as_json:
        print_json(runs[0] if alone else {"runs": runs, "not_computed": refused})
    needs_a_look = refused or any(one["needs_a_look"] for one in runs)
    return ExitCode.DEGRADED if needs_a_look else ExitCode.OK


def _compute_and_store(
    context: typer.Context,
    db: str | None,
    month: "Month",
    schemes: tuple[str, ...],
    allow_unverified: bool,  # noqa: FBT001 - what a run is made from
) -> "list[tuple[int, NewRun]]":
    from hr_core.cli.attendance_work import STEP_S, progress, recomputer_of
    from hr_core.clock import SystemClock
    from hr_core.pay.month_days import touch_days_to_pay
    from hr_core.pay.run import compute_runs
    from hr_core.store import database
    from hr_core.store.pay_run_steps import approved_run
    from hr_core.store.results import add_run

    with open_core(context, db) as (engine, empty_log):
        recomputer = recomputer_of(engine, empty_log)
        with progress("punches entered") as told:
            recomputer.catch_up(budget_s=STEP_S, told=told)
        with database.writing(engine) as conn:
            lacking = touch_days_to_pay(conn, month, SystemClock().now())
        if lacking:
            recomputer.catch_up(budget_s=STEP_S)
        with engine.connect() as conn:
            computed = compute_runs(
                conn, month, SystemClock().now(), schemes, allow_unverified=allow_unverified
            )
        with database.writing(engine) as conn:
            stored = [(add_run(conn, one), one) for one in computed]
            counts = approved_run(conn, str(month))
    if counts is not None:
        print(
            f"{month} has the approved run {counts}, which stays as it is; this is a trial",
            file=sys.stderr,
        )
    return stored


@app.command("runs")
def runs(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> None:
    """List the stored runs, newest first, and how far each of them came."""
    import msgspec

    from hr_core.money import format_fen
    from hr_core.pay.run_life import RunState, states
    from hr_core.views import list_runs

    with reading(context, db) as conn:
        found = list_runs(conn)
        reached = states(conn)
    if as_json:
        with_state = [
            msgspec.to_builtins(one) | {"state": reached.get(one.number, RunState.COMPUTED)}
            for one in found
        ]
        print_json({"runs": with_state})
        return
    for one in found:
        total = format_fen(one.total_fen)
        state = reached.get(one.number, RunState.COMPUTED)
        print(
            f"run {one.number}  {one.month}  {one.scheme_version}  "
            f"{one.created_at:%Y-%m-%d %H:%M} UTC  {total}  {state}"
        )
    if not found:
        print("No month was computed yet: hr-core pay run --month MONTH")


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
    from hr_core.people.lookup import person_of_slip
    from hr_core.store.results import run_by_number
    from hr_core.trace.explain import explain as explain_slip

    with reading(context, db) as conn:
        run = run_by_number(conn, number)
        person = employee if run is None else person_of_slip(conn, run, employee)
        explanation = explain_slip(conn, number, person, line)
    if as_json:
        print_json(explanation)
    else:
        from hr_core.cli.explain_output import print_explanation

        print_explanation(explanation)
    return ExitCode.DEGRADED if explanation.missing_events else ExitCode.OK

"""`hr-core performance consequences run|list|goal|done`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    parse_day,
    print_json,
    reading,
    writing,
)
from hr_core.cli.score_options import PeriodOption, deed_now

if TYPE_CHECKING:
    from hr_core.store.consequences import ConsequenceRow

app = typer.Typer(
    help="What grades lead to: each once; money waits for a second person.", rich_markup_mode=None
)

NumberArgument = Annotated[int, typer.Argument(help="The consequence.", show_default=False)]


@app.callback()
def _consequences() -> None: ...


@app.command("run")
def run(
    context: typer.Context,
    *,
    period: PeriodOption,
    pay_month: Annotated[
        str,
        typer.Option("--pay-month", help="Whose pay takes a bonus [default: the period's last]."),
    ] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make what a period's grades lead to; a second run makes nothing. Exit 1 when one cannot be."""
    from hr_core.performance.follow_up import follow_up

    with writing(context, db) as conn:
        found = follow_up(conn, period, deed_now(conn, by), pay_month)
    if as_json:
        print_json(found)
    else:
        for row in found.made:
            print(_line(row, "proposed" if row.approval else "open"))
        for row in found.withdrawn:
            print(_line(row, f"withdrawn: {row.note}"))
        for one in found.not_made:
            print(f"{one.person}  NOT MADE: {one.what}\n  remedy: {one.remedy}")
        print(f"{len(found.made)} made, {found.kept} stood, {len(found.withdrawn)} withdrawn")
    return ExitCode.DEGRADED if found.not_made else ExitCode.OK


@app.command("list")
def list_(
    context: typer.Context,
    *,
    period: Annotated[str, typer.Option("--period", help="Of one period alone.")] = "",
    still_open: Annotated[bool, typer.Option("--open", help="Those that wait for people.")] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List consequences and how they stand."""
    from hr_core.performance.follow_up import statuses
    from hr_core.store.consequences import consequences, consequences_where, goals_of_plan

    wanted = [consequences.c.period == period] if period else []
    with reading(context, db) as conn:
        found = statuses(conn, consequences_where(conn, *wanted))
        found = [one for one in found if not still_open or one.state in {"open", "proposed"}]
        goals = {one.row.number: goals_of_plan(conn, one.row.number) for one in found}
    if as_json:
        print_json(
            {
                "consequences": [
                    {"state": o.state, "row": o.row, "goals": goals[o.row.number]} for o in found
                ]
            }
        )
        return
    for one in found:
        print(_line(one.row, one.state))
        for goal in goals[one.row.number]:
            print(f"    until {goal.due}: {goal.text}")
    if not found:
        print("Nothing is here.")


@app.command("goal")
def goal(
    context: typer.Context,
    number: NumberArgument,
    text: Annotated[str, typer.Argument(help="The goal.", show_default=False)],
    *,
    due: Annotated[str, typer.Option("--due", help="Until when, like 2026-12-31.")],
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Add a goal with its date to an improvement plan."""
    from hr_core.performance.follow_up import add_goal
    from hr_core.store.consequences import PlanGoal

    day = parse_day(due, "--due")
    with writing(context, db) as conn:
        add_goal(conn, number, PlanGoal(text=text, due=day), deed_now(conn, by))
    print(f"consequence {number}: added, until {day}")


@app.command("done")
def done(
    context: typer.Context,
    number: NumberArgument,
    *,
    note: Annotated[str, typer.Option("--note", help="What was done.")],
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """End a task that people did. Money is decided with hr-core approvals."""
    from hr_core.performance.follow_up import end_task

    with writing(context, db) as conn:
        end_task(conn, number, note, deed_now(conn, by))
    print(f"consequence {number} is done")


def _line(row: ConsequenceRow, state: str) -> str:
    detail = ", ".join(f"{name} {value}" for name, value in row.detail.items())
    desk = f" as approval {row.approval}" if row.approval else ""
    return f"{row.number}  {row.person}  {row.period}  {row.kind}  {detail or '-'}  {state}{desk}"

"""`hr-core pay reverse|reversals|recoveries|would-differ`: months that were paid and turn out otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
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
    from hr_core.pay.debts import Owed
    from hr_core.pay.retro import Difference
    from hr_core.pay.reversal import NewVersion
    from hr_core.pay.taking_plan import PlannedPart

MonthArgument = Annotated[str, typer.Argument(help="Like 2026-10.", show_default=False)]


def reverse(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    run: Annotated[int, typer.Argument(help="Number of the run.", show_default=False)],
    employee: Annotated[
        str | None, typer.Argument(help="Employee number [default: the whole run].")
    ] = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="What was wrong. Kept for ever.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose to take a paid payslip back, line by line, and to put a new version in its place.

    Without an employee the whole run, whose month is then free for another one. Another person
    approves it: hr-core approvals approve N.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.clock import SystemClock
    from hr_core.pay.reversal import propose_reversal
    from hr_core.pay.run_life import ask_reversal
    from hr_core.people.lookup import person_of_slip
    from hr_core.store.results import run_by_number

    made = None
    with writing(context, db) as conn:
        row = run_by_number(conn, run)
        now, actor = SystemClock().now(), actor_named(conn, by or operator())
        if employee is None:
            number = ask_reversal(conn, run, at=now, by=actor, reason=reason)
        else:
            person = employee if row is None else person_of_slip(conn, row, employee)
            number, made = propose_reversal(conn, run, person, at=now, by=actor, reason=reason)
    if made is None:
        if as_json:
            print_json({"approval": number})
        else:
            print(f"approval {number}: reversal of run {run}; another person approves it:")
            print(f"  hr-core approvals approve {number} --by NAME")
    elif as_json:
        print_json({"approval": number, "difference_fen": made.difference_fen, "version": made})
    else:
        _print_version(number, made)


def reversals(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> None:
    """List the payslips that were reversed, with both sums."""
    from hr_core.money import format_fen
    from hr_core.store.pay_reversals import reversals as read

    with reading(context, db) as conn:
        found = read(conn)
    if as_json:
        print_json({"reversals": found})
        return
    for one in found:
        print(
            f"{one.number}  run {one.run} of {one.month}  {one.person}  version {one.version}  "
            f"{format_fen(one.before_fen)} -> {format_fen(one.after_fen)}  {one.entered_by} and "
            f"{one.approved_by}: {one.reason}"
        )
    if not found:
        print("no payslip was reversed")


def recoveries(
    context: typer.Context,
    *,
    month: Annotated[
        str | None, typer.Option("--month", help="Up to and with it [default: this one].")
    ] = None,
    employee: Annotated[str | None, typer.Option("--employee", help="Only this one.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Month by month, by the last slip; needs --employee.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what people owe beside their wage and what they are owed: taken, left, what waits."""
    from hr_core.clock import Month, SystemClock
    from hr_core.pay.debts import debts, owed_back
    from hr_core.pay.taking_plan import plan as plan_of
    from hr_core.people.lookup import person_in_month

    if plan and employee is None:
        raise typer.BadParameter("is of one person: name --employee", param_hint="--plan")
    today = SystemClock().now()
    on = parse_month(month) if month else Month(today.year, today.month)
    with reading(context, db) as conn:
        person = None if employee is None else person_in_month(conn, employee, on)
        owed = debts(conn, on, person=person)
        back = [one for one in owed_back(conn, on) if person in (None, one.person)]
        parts = plan_of(conn, person, on) if plan and person else ()
    if as_json:
        print_json(
            {
                "month": str(on),
                "owed": [_owed_object(one) for one in owed],
                "owed_back": [
                    {"person": one.person, "code": one.code, "left_fen": one.left_fen}
                    for one in back
                ],
                "plan": parts,
            }
        )
    else:
        _print_owed(owed, [(one.person, one.code, one.left_fen) for one in back], parts)


def would_differ(
    context: typer.Context,
    month: MonthArgument,
    *,
    scheme: Annotated[
        str | None, typer.Option("--scheme", help="[default: the one that paid]")
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Compute a paid month anew in memory and list what would be otherwise, with the cause.

    Nothing is stored. Exit 1 when something differs.
    """
    from hr_core.clock import SystemClock
    from hr_core.pay.would_differ import would_differ as compare

    on = parse_month(month)
    with reading(context, db) as conn:
        found = compare(conn, on, SystemClock().now(), scheme)
    if as_json:
        print_json(
            {
                "month": found.month,
                "run": found.run,
                "differences": [_difference_object(one) for one in found.differences],
                "not_computed": found.not_computed,
            }
        )
    else:
        print(f"run {found.run} of {found.month}: {len(found.differences)} lines would differ")
        for one in found.differences:
            print(f"  {_difference_text(one)}")
        for person in found.not_computed:
            print(f"  {person.number}: {person.why}")
    return ExitCode.DEGRADED if found.differences or found.not_computed else ExitCode.OK


def _print_version(number: int, made: NewVersion) -> None:
    from hr_core.money import format_fen

    print(
        f"approval {number}: payslip of {made.person} for {made.month}, version {made.version}: "
        f"{format_fen(made.before_fen)} -> {format_fen(made.after_fen)}"
    )
    for line in made.lines:
        print(f"  {line.code}  {format_fen(line.amount_fen)}  {line.note}")
    what = "is paid with the next slip" if made.difference_fen > 0 else "comes back in parts"
    print(f"  {format_fen(abs(made.difference_fen))} {what}, once another person approved it:")
    print(f"  hr-core approvals approve {number} --by NAME")


def _owed_object(one: Owed) -> dict[str, object]:
    return {
        "person": one.person,
        "code": one.code,
        "told": one.told,
        "owed_fen": one.owed_fen,
        "taken_fen": one.taken.fen,
        "left_fen": one.left_fen,
        "parts": [{"month": part[0], "slip": part[1], "fen": part[2]} for part in one.taken.parts],
        "ended": one.ended,
    }


def _print_owed(
    owed: list[Owed], back: list[tuple[str, str, int]], parts: tuple[PlannedPart, ...]
) -> None:
    from hr_core.money import format_fen

    for one in owed:
        ended = f"  ended {one.ended}" if one.ended else ""
        print(
            f"{one.person}  {one.code}  {one.told}  owed {format_fen(one.owed_fen)}, taken "
            f"{format_fen(one.taken.fen)}, left {format_fen(one.left_fen)}{ended}"
        )
        for month, slip, fen in one.taken.parts:
            print(f"    {month}  {slip}  {format_fen(fen)}")
    for person, code, fen in back:
        print(f"{person}  {code}  is owed {format_fen(fen)}")
    for part in parts:
        print(
            f"  plan {part.month}  {part.code}  {format_fen(part.taken_fen)}, then "
            f"{format_fen(part.left_fen)} left"
        )
    if not owed and not back:
        print("nobody owes anything beside the wage, and nobody is owed anything")


def _difference_object(one: Difference) -> dict[str, object]:
    return {
        "person": one.person,
        "line": one.code,
        "paid_fen": one.paid.fen,
        "now_fen": one.now_fen,
        "difference_fen": one.fen,
        "causes": one.causes,
        "becomes_a_line": one.is_paid,
        "paid_by": one.paid.slips,
    }


def _difference_text(one: Difference) -> str:
    from hr_core.money import format_fen

    then = "becomes a line of the next run" if one.is_paid else "is only listed"
    return (
        f"{one.person}  {one.code}  {format_fen(one.paid.fen)} -> {format_fen(one.now_fen)}  "
        f"{', '.join(one.causes)}; {then}"
    )

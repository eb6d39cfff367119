"""`hr-core pay leaving add|list`: how an employment ended, for the last slip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    JsonOption,
    MonthOption,
    parse_day,
    parse_month,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.pay.leaving import SignedLeaving

app = typer.Typer(help="What a leaver's last slip rests on.", rich_markup_mode=None)

EmployeeArgument = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]


@app.command("add")
def add(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    employee: EmployeeArgument,
    *,
    last_day: Annotated[str, typer.Option("--last-day", help="Of the contract, like 2026-10-20.")],
    how: Annotated[
        str,
        typer.Option(
            "--exit",
            help="mutual, mutual_by_employee, resignation, employer_at_fault, for_cause, with_notice, "
            "layoff, expired, expired_renewal_declined, retirement, closed or unlawful.",
        ),
    ],
    service_from: Annotated[
        str, typer.Option("--service-from", help="First day of the service that counts.")
    ],
    leave_days: Annotated[
        str, typer.Option("--leave-days", help='Annual leave of a whole year, like "10"; 0 = none.')
    ],
    leave_taken: Annotated[
        str | None,
        typer.Option(
            "--leave-taken", help="Taken this year. Without it: from stored days and openings."
        ),
    ] = None,
    months_before: Annotated[
        int, typer.Option("--months-before", help="Served elsewhere before, and counting too.")
    ] = 0,
    notice_pay: Annotated[
        bool, typer.Option("--notice-pay", help="A month's wage in place of notice (n+1).")
    ] = False,
    average_wage: Annotated[
        str | None,
        typer.Option(
            "--average-wage",
            help="Yuan, of the last twelve months. Without it: from the slips here.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="What was agreed or told, and where.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter how somebody left; another person approves it. The last slip then has unused leave and
    severance.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.clock import Month, SystemClock
    from hr_core.pay.leaving import Leaving
    from hr_core.pay.leaving_desk import propose_leaving
    from hr_core.people.lookup import person_in_month
    from hr_core.store.pay_run_steps import approved_run

    last = parse_day(last_day, "--last-day")
    month = Month(last.year, last.month)
    with writing(context, db) as conn:
        new = Leaving(
            person=person_in_month(conn, employee, month),
            last_day=last,
            exit=how.strip().lower(),
            service_from=parse_day(service_from, "--service-from"),
            leave_half_days=_half_days(leave_days, "--leave-days"),
            leave_taken_half_days=None
            if leave_taken is None
            else _half_days(leave_taken, "--leave-taken"),
            months_before=months_before,
            notice_pay=notice_pay,
            average_wage_fen=None if average_wage is None else _fen(average_wage),
            reason=reason.strip(),
        )
        actor = actor_named(conn, by or operator())
        number = propose_leaving(conn, new, at=SystemClock().now(), by=actor)
        paid = approved_run(conn, str(month))
    if as_json:
        print_json({"approval": number, "person": new.person, "paid_by_run": paid})
        return
    print(f"waits for another person: hr-core approvals approve {number} --by NAME")
    if paid is not None:
        print(
            f"  {month} is paid by the approved run {paid}, which stays: the last slip is put anew by "
            f"hr-core pay reverse {paid} {employee}"
        )


@app.command("list")
def list_(
    context: typer.Context, *, month: MonthOption, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """The approved leavings of a month."""
    from hr_core.pay.leaving_desk import leavings

    with reading(context, db) as conn:
        found = leavings(conn, parse_month(month))
    if as_json:
        print_json({"month": month, "leavings": list(found.values())})
        return
    for one in found.values():
        print(_line(one))
    if not found:
        print(f"nobody's leaving in {month} is approved")


def _line(one: SignedLeaving) -> str:
    from fractions import Fraction

    from hr_core.money import format_fen
    from hr_core.pay.leaving import days_text

    leaving = one.leaving
    parts = [
        f"service from {leaving.service_from}",
        f"{days_text(Fraction(leaving.leave_half_days, 2))} days of leave a year",
    ]
    if leaving.leave_taken_half_days is not None:
        parts.append(f"{days_text(Fraction(leaving.leave_taken_half_days, 2))} taken")
    if leaving.months_before:
        parts.append(f"{leaving.months_before} months before")
    if leaving.notice_pay:
        parts.append("a month in place of notice")
    if leaving.average_wage_fen is not None:
        parts.append(f"average wage {format_fen(leaving.average_wage_fen)}")
    return f"{leaving.last_day}  {leaving.person}  {leaving.exit}  {', '.join(parts)}  ({one.told})"


def _half_days(text: str, option: str) -> int:
    from hr_core.money import parse_exact

    try:
        halves = parse_exact(text) * 2
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint=option) from exc
    if halves < 0 or halves.denominator != 1:
        raise typer.BadParameter(f"{text} is no number of half days", param_hint=option)
    return halves.numerator


def _fen(text: str) -> int:
    from hr_core.money import parse_yuan

    try:
        return parse_yuan(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--average-wage") from exc

"""`hr-core pay orders add|end|list`: what courts ask of the employer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    JsonOption,
    parse_day,
    parse_month,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.store.court_orders import StoredOrder

app = typer.Typer(help="Court orders on people's pay.", rich_markup_mode=None)

EmployeeArgument = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]
YuanOption = Annotated[str | None, typer.Option(help='Yuan, like "1500.00".')]


@app.command("add")
def add(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    employee: EmployeeArgument,
    *,
    kind: Annotated[
        str, typer.Option("--kind", help="maintenance, wages, injury, tax, debt or fine.")
    ],
    court: Annotated[str, typer.Option("--court", help="As the letter names it.")],
    reference: Annotated[str, typer.Option("--reference", help="Number of the case.")],
    received: Annotated[str, typer.Option("--received", help="Day on which the letter came.")],
    first_month: Annotated[str, typer.Option("--from", help="The first month, like 2026-10.")],
    total: YuanOption = None,
    instalment: YuanOption = None,
    percent: Annotated[
        str | None, typer.Option("--percent", help='Of the net pay, like "25".')
    ] = None,
    protect: YuanOption = None,
    rank: Annotated[
        int | None, typer.Option("--rank", min=0, help="As the courts told it; the lowest first.")
    ] = None,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a court's order; another person compares it with the letter and approves it.

    --total with or without --instalment or --percent of a month; or one of the two without a total.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.clock import SystemClock
    from hr_core.pay.claims import ClaimKind
    from hr_core.pay.order_desk import propose_order
    from hr_core.people.lookup import person_in_month
    from hr_core.store.court_orders import CourtOrder

    if kind not in set(ClaimKind):
        raise typer.BadParameter(f"{kind!r} is none of the kinds", param_hint="--kind")
    on = parse_month(first_month)
    with writing(context, db) as conn:
        order = CourtOrder(
            person=person_in_month(conn, employee, on),
            kind=ClaimKind(kind),
            court=court.strip(),
            reference=reference.strip(),
            received=parse_day(received, "--received"),
            first_month=str(on),
            total_fen=_fen(total, "--total"),
            instalment_fen=_fen(instalment, "--instalment"),
            net_percent=_percent(percent),
            protected_fen=_fen(protect, "--protect"),
            rank=rank,
        )
        actor = actor_named(conn, by or operator())
        number = propose_order(conn, order, at=SystemClock().now(), by=actor)
    _tell(number, as_json=as_json)


@app.command("end")
def end(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Number of the order.", show_default=False)],
    *,
    last_month: Annotated[str, typer.Option("--last-month", help="The last one that pays it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it ends. Kept for ever.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an order before it is paid whole: the court lifted it, a child came of age."""
    from hr_core.approvals.actors import actor_named
    from hr_core.clock import SystemClock
    from hr_core.pay.order_desk import propose_end

    with writing(context, db) as conn:
        actor = actor_named(conn, by or operator())
        approval = propose_end(
            conn, number, last_month, at=SystemClock().now(), by=actor, reason=reason
        )
    _tell(approval, as_json=as_json)


@app.command("list")
def list_(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> None:
    """Show the orders. What was taken and what waits: hr-core pay recoveries."""
    from hr_core.store.court_orders import orders

    with reading(context, db) as conn:
        found = orders(conn)
    if as_json:
        print_json({"orders": found})
        return
    for one in found:
        print(_line(one))
    if not found:
        print("there is no court order")


def _line(one: StoredOrder) -> str:
    from hr_core.money import format_fen

    order = one.order
    parts = [f"{format_fen(order.total_fen)} in all"] if order.total_fen is not None else []
    if order.instalment_fen is not None:
        parts.append(f"{format_fen(order.instalment_fen)} a month")
    if order.net_percent is not None:
        parts.append(f"{order.net_percent / 100:g} % of the net pay")
    if order.protected_fen is not None:
        parts.append(f"{format_fen(order.protected_fen)} stay")
    ended = f"  ended after {one.last_month}: {one.why_ended}" if one.last_month else ""
    return (
        f"{one.number}  {order.person}  {order.kind}  {one.told}  from {order.first_month}  "
        f"{', '.join(parts)}  {one.entered_by} and {one.approved_by}{ended}"
    )


def _tell(approval: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"approval": approval})
    else:
        print(f"approval {approval}: another person approves it")
        print(f"  hr-core approvals approve {approval} --by NAME")


def _fen(text: str | None, option: str) -> int | None:
    from hr_core.money import parse_yuan

    try:
        return None if text is None else parse_yuan(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint=option) from exc


def _percent(text: str | None) -> int | None:
    from hr_core.money import parse_exact

    if text is None:
        return None
    try:
        hundredths = parse_exact(text) * 100
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--percent") from exc
    if hundredths.denominator != 1:
        raise typer.BadParameter("has more than two decimals", param_hint="--percent")
    return hundredths.numerator

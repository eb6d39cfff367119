"""`hr-core quality alerts`, `quality alerts ack|close`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    core,
    parse_day,
    print_json,
    reading,
    today_here,
    writing,
)

if TYPE_CHECKING:
    from hr_core.quality.alert_view import AlertsView, AlertView, SwapView

app = typer.Typer(
    help="Alerts of a day: computed from what is stored, kept with what became of them.",
    rich_markup_mode=None,
)

AlertArgument = Annotated[
    str, typer.Argument(help="The alert, as quality alerts shows it.", show_default=False)
]


@app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context,
    *,
    day: Annotated[
        str | None,
        typer.Option("--day", help="Shifts that began then, 2026-11-21 [default: today]."),
    ] = None,
    still_open: Annotated[
        bool, typer.Option("--open", help="Instead: every alert that still waits for its cause.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Compute the alerts of a day, store what is new, and show them. Exit 1 when one waits."""
    if context.invoked_subcommand is not None:
        return ExitCode.OK
    found = _open_alerts(context, db) if still_open else _alerts_of_day(context, db, day)
    if as_json:
        print_json(found)
    else:
        _print_alerts(found)
    return ExitCode.DEGRADED if found.needs_a_look else ExitCode.OK


def _open_alerts(context: typer.Context, db: str | None) -> AlertsView:
    from zoneinfo import ZoneInfo

    from hr_core.pay.run import imported_roster
    from hr_core.quality.alert_rules import load_alert_rules
    from hr_core.quality.alert_view import open_alerts_view
    from hr_core.store.alerts import stored_alerts
    from hr_core.store.box_swaps import open_swaps

    with reading(context, db) as conn:
        return open_alerts_view(
            stored_alerts(conn),
            open_swaps(conn),
            load_alert_rules().on(today_here(conn)),
            ZoneInfo(imported_roster(conn).zone),
        )


def _alerts_of_day(context: typer.Context, db: str | None, day: str | None) -> AlertsView:
    from zoneinfo import ZoneInfo

    from hr_core.clock import SystemClock
    from hr_core.pay.run import imported_roster
    from hr_core.quality.alert_desk import alerts_stored
    from hr_core.quality.alert_rules import load_alert_rules
    from hr_core.quality.alert_view import alerts_view

    now = SystemClock().now()
    with core(context, db) as engine:
        with engine.connect() as conn:
            roster = imported_roster(conn)
        wanted = now.astimezone(ZoneInfo(roster.zone)).date() if day is None else parse_day(day)
        found = alerts_stored(engine, roster, wanted, now)
    return alerts_view(wanted, found, load_alert_rules().on(wanted), ZoneInfo(roster.zone))


def _print_alerts(found: AlertsView) -> None:
    for alert in found.alerts:
        print(_alert_line(alert))
        for hidden in alert.hides:
            print(f"    keeps back {hidden}")
        for step in alert.escalations:
            print(f"    {step.at} went to {step.role} {step.owner or '(nobody is named)'}")
        for note in alert.notes:
            print(f"    {note}")
    for one in found.standing:
        suspect = f"  DATA SUSPECT: {one.suspect}" if one.suspect else ""
        print(
            f"{one.status}  {one.kind} {one.subject}  {one.shift}  {one.rejects}/{one.pieces}  "
            f"{one.percent}{suspect}"
        )
    for swap in found.swaps:
        _print_swap(swap)
    if not (found.alerts or found.swaps):
        print("no alert")


def _print_swap(swap: SwapView) -> None:
    counter = f"{swap.source}/{swap.tag}"
    if swap.status == "closed":
        print(f"{swap.alert}  CLOSED  {counter}  by {swap.closed_by or 'itself'}: {swap.closing}")
        return
    print(
        f"{swap.alert}  OPEN  another box seems to count {counter} since {swap.first_at} "
        f"({swap.last_value} before, {swap.first_value} then); pieces in between are unknown"
    )
    at_gateway, at_core = swap.commands
    print(f"    enter it: {at_gateway}\n    or here:  {at_core}")


def _alert_line(alert: AlertView) -> str:
    told = f"  kept back by {alert.hidden_by}" if alert.hidden_by else ""
    done = f"  cause {alert.cause}: {alert.note}" if alert.cause else ""
    return (
        f"{alert.alert}  {alert.status.upper()}  {alert.rejects}/{alert.pieces}  {alert.percent} "
        f"over {alert.limit_percent} %  raised {alert.raised_at}  {alert.role} "
        f"{alert.owner or '(nobody is named)'}{told}{done}"
    )


@app.command("ack")
def acknowledge(
    context: typer.Context,
    alert: AlertArgument,
    *,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an alert: it goes to nobody else any more, and stays open."""
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.quality.alert_desk import acknowledge_alert
    from hr_core.quality.alert_view import alert_view

    now = int(SystemClock().now().timestamp())
    with writing(context, db) as conn:
        taken = alert_view(acknowledge_alert(conn, alert, now, by or operator()))
    print_json(taken) if as_json else print(_alert_line(taken))


@app.command("close")
def close(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    alert: AlertArgument,
    *,
    cause: Annotated[str, typer.Option("--cause", help="Code of the cause (alerts.toml).")],
    note: Annotated[str, typer.Option("--note", help="What was found and done.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close an alert with its cause and a note."""
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.quality.alert_desk import close_alert
    from hr_core.quality.alert_life import Closing
    from hr_core.quality.alert_view import alert_view

    now = int(SystemClock().now().timestamp())
    with writing(context, db) as conn:
        done = alert_view(close_alert(conn, alert, Closing(now, by or operator(), cause, note)))
    print_json(done) if as_json else print(_alert_line(done))

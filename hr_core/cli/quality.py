"""`hr-core quality rates|explain|publish|correct|chart|yields|alerts`, `quality alerts ack|close`."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli import quality_charts
from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    core,
    parse_month,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.quality.alert_view import AlertsView, AlertView, SwapView
    from hr_core.quality.explained import ExplainedRate
    from hr_core.quality.rates_view import RatesView, RateView

app = typer.Typer(help="Defect rates, their grades and alerts.", rich_markup_mode=None)
alerts_app = typer.Typer(
    help="Alerts of a day: computed from what is stored, kept with what became of them.",
    rich_markup_mode=None,
)
app.add_typer(alerts_app, name="alerts")
app.command("chart")(quality_charts.chart)
app.command("yields")(quality_charts.yields)

AlertArgument = Annotated[
    str, typer.Argument(help="The alert, as quality alerts shows it.", show_default=False)
]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who [default: your account].", show_default=False)
]


@app.callback()
def _quality() -> None: ...


@app.command("rates")
def rates(
    context: typer.Context, *, month: MonthOption, db: DbOption = None, as_json: JsonOption = False
) -> int:
    """Show the month's defect rates per person, team and line, with grade and 95 % interval."""
    from msgspec.structs import asdict

    from hr_core.quality.rates_view import rates_of_month

    wanted = parse_month(month)
    with reading(context, db) as conn:
        found = rates_of_month(conn, wanted)
    if as_json:
        # A Tally is a tuple, which JSON would show as a bare pair of numbers.
        sums = {name: getattr(found, name)._asdict() for name in _SUMS}
        print_json(asdict(found) | sums)
    else:
        _print_rates(found)
    return ExitCode.DEGRADED if found.needs_a_look else ExitCode.OK


_SUMS = ("unattributed", "total", "upstream")


def _print_rates(found: RatesView) -> None:
    for row in (*found.people, *found.teams, *found.lines):
        print(_rate_line(row))
    print(f"unattributed {found.unattributed.rejects}/{found.unattributed.pieces}")
    if any(found.upstream):
        print(f"upstream of the line's count {found.upstream.rejects}/{found.upstream.pieces}")
    for note in found.notes:
        print(f"counter {note['source']}/{note['tag']}: {note['flag']}")
    for counter in found.unknown_counters:
        print(f"no station: {counter['source']}/{counter['tag']}")


def _rate_line(row: RateView) -> str:
    interval = "-"
    if row.interval_95 is not None:
        low, high = row.interval_95
        interval = f"{low:.2%}-{high:.2%}"
    marks = [
        ("  ALERT", row.alert),
        ("  contested", row.contested),
        (f"  coverage {row.coverage}", row.coverage != "1/1"),
    ]
    return (
        f"{row.subject}  {row.name}  {row.rejects}/{row.pieces}  {row.percent}  "
        f"95 %: {interval}  grade {row.grade or 'not rated'}  ({row.reason})"
        + "".join(text for text, shown in marks if shown)
    )


@app.command("explain")
def explain(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(help="Employee number, line, team:A+B or unattributed.", show_default=False),
    ],
    *,
    month: MonthOption,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a rate comes from: its grade in integers, and the readings behind each count."""
    from hr_core.quality.explained import explain_rate

    wanted = parse_month(month)
    with reading(context, db) as conn:
        found = explain_rate(conn, subject, wanted)
    if as_json:
        print_json(found)
    else:
        _print_explained(found)


def _print_explained(found: ExplainedRate) -> None:
    print(f"{found.subject}, {found.month}, {found.grade_version}")
    if found.rate is not None:
        print(_rate_line(found.rate))
        mix = ", ".join(f"{name} {pieces}" for name, pieces in found.rate.evidence.items())
        print(f"evidence of the pieces: {mix or '-'}")
    for one in found.comparisons:
        verdict = "yes" if one["holds"] else "no"
        print(f"grade {one['grade']}: {one['left']} {one['relation']} {one['right']}: {verdict}")
    for row in () if found.rate is None else found.rate.corrections:
        print(
            f"  correction {row.number}: {row.pieces:+d} pieces, {row.rejects:+d} rejects of "
            f"{row.concerns}, by {row.author}, approved by {row.approver}: {row.reason}"
        )
    for figure in found.revisions:
        print(f"revision {figure.revision} ({figure.state}): {figure.rejects}/{figure.pieces}")
    for work in found.work:
        flags = f" [{', '.join(work.flags)}]" if work.flags else ""
        paid = "" if work.payable else ", not payable"
        print(
            f"  {work.amount} {work.metric} on {work.source}/{work.tag}: {work.first_value} to "
            f"{work.last_value}, {work.readings} readings, {work.evidence}{paid}{flags}"
        )
        print(f"    events {work.first_event} to {work.last_event}")


@app.command("publish")
def publish(
    context: typer.Context, *, month: MonthOption, db: DbOption = None, as_json: JsonOption = False
) -> int:
    """Keep the month's figures as a revision. Exit 1 when a paid month would be another now."""
    from hr_core.clock import SystemClock
    from hr_core.quality.publishing import publish_month

    wanted = parse_month(month)
    with writing(context, db) as conn:
        done = publish_month(conn, wanted, SystemClock().now())
    if as_json:
        print_json({"month": month} | done._asdict())
    else:
        print(f"{month} is {done.state}: {done.revisions} new revisions")
        for subject in done.refused:
            print(f"  {subject}: the paid figure stays; correct it with hr-core quality correct")
    return ExitCode.DEGRADED if done.refused else ExitCode.OK


@app.command("correct")
def correct(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(help="Employee number, team:A+B or unattributed.", show_default=False)
    ],
    *,
    line: Annotated[str, typer.Option("--line", help="Code of the line.")],
    month: MonthOption,
    pieces: Annotated[int, typer.Option("--pieces", help="Signed difference.")] = 0,
    rejects: Annotated[int, typer.Option("--rejects", help="Signed difference.")] = 0,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    approver: Annotated[str, typer.Option("--approver", help="Who agreed; not the author.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a signed correction of a month's counts; after its pay run it counts in this month."""
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.quality.corrections import Correction
    from hr_core.quality.publishing import enter_correction

    now = SystemClock().now()
    row = Correction(
        identity="",
        subject=subject,
        line=line,
        concerns=str(parse_month(month)),
        pieces=pieces,
        rejects=rejects,
        author=by or operator(),
        approver=approver,
        reason=reason,
        recorded_at=int(now.timestamp()),
    )
    with writing(context, db) as conn:
        done = enter_correction(conn, row, now)
    number = done.correction.identity
    if as_json:
        print_json({"number": number, "counts_in": done.window, "refers_to": done.refers_to})
    else:
        closed = f", because {done.refers_to} is paid" if done.refers_to else ""
        print(f"correction {number} counts in {done.window}{closed}")


@alerts_app.callback(invoke_without_command=True)
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

    from hr_core.clock import SystemClock
    from hr_core.pay.run import imported_roster
    from hr_core.quality.alert_rules import load_alert_rules
    from hr_core.quality.alert_view import open_alerts_view
    from hr_core.store.alerts import stored_alerts
    from hr_core.store.box_swaps import open_swaps

    with reading(context, db) as conn:
        return open_alerts_view(
            stored_alerts(conn),
            open_swaps(conn),
            load_alert_rules().on(SystemClock().now().date()),
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


@alerts_app.command("ack")
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


@alerts_app.command("close")
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


def parse_day(text: str) -> date:
    """Raises a usage error."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a date of the wall clock
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is not a day like 2026-11-21", param_hint="--day"
        ) from exc

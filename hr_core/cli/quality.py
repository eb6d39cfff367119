"""`hr-core quality rates|explain|publish|correct|chart|yields|alerts`, `quality alerts ack|close`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli import quality_alerts, quality_charts
from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    parse_month,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.quality.explained import ExplainedRate
    from hr_core.quality.rates_view import RatesView, RateView

app = typer.Typer(help="Defect rates, their grades and alerts.", rich_markup_mode=None)
app.add_typer(quality_alerts.app, name="alerts")
app.command("chart")(quality_charts.chart)
app.command("yields")(quality_charts.yields)


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
    if not (any(found.total) or any(found.upstream)):
        print(f"no counts of {found.month}: no piece and no reject came from a line")
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

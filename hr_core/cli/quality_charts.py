"""`hr-core quality chart`, `quality yields`: what the readings say of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    parse_day,
    parse_month,
    print_json,
    reading,
)

if TYPE_CHECKING:
    from fractions import Fraction

    from hr_core.people.model import Roster
    from hr_core.quality.chart_view import ChartKind, LineChart
    from hr_core.quality.counted_span import Window
    from hr_core.quality.yields_view import LineYield, Share

DayOption = Annotated[
    str | None,
    typer.Option("--day", help="A day, 2026-11-21, by its hours [default: today]."),
]
WholeMonthOption = Annotated[
    str | None, typer.Option("--month", help="Instead: a month, 2026-11, by its days.")
]


def chart(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    line: Annotated[str, typer.Argument(help="Code of the line.", show_default=False)],
    *,
    kind: Annotated[str, typer.Option("--kind", help="p, laney, u, c, cusum or ewma.")] = "p",
    day: DayOption = None,
    month: WholeMonthOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show a line's control chart: did the process change? Exit 1 when a point is out.

    p, laney (limits widened by what varies beyond chance), u and c (rejects as defects), cusum and
    ewma (slow drifts, of each rate in its own standard deviations). The centre is the points' own.
    """
    from hr_core.pay.run import imported_roster
    from hr_core.quality.chart_view import line_chart

    wanted = _kind(kind)
    with reading(context, db) as conn:
        roster = imported_roster(conn)
        found = line_chart(conn, roster, line, wanted, _window(roster, day, month))
    print_json(found) if as_json else _print_chart(found)
    return ExitCode.DEGRADED if found.signals else ExitCode.OK


def yields(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    day: DayOption = None,
    month: WholeMonthOption = None,
    line: Annotated[str | None, typer.Option("--line", help="Only this line.")] = None,
    planned_min: Annotated[
        int | None, typer.Option("--planned-min", min=1, help="Planned minutes of the line.")
    ] = None,
    run_min: Annotated[
        int | None, typer.Option("--run-min", min=0, help="Minutes that it really ran.")
    ] = None,
    ideal_cycle_s: Annotated[
        str | None, typer.Option("--ideal-cycle-s", help="Seconds a piece takes at best: 1.5.")
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show first-pass yield per station, rolled yield and OEE per line, and what they lack.

    OEE needs what no counter tells: --planned-min, --run-min and --ideal-cycle-s of one --line.
    """
    from hr_core.pay.run import imported_roster
    from hr_core.quality.yields_view import OeeGiven, yields_of

    cycle = None if ideal_cycle_s is None else _seconds(ideal_cycle_s)
    given = OeeGiven(planned_min=planned_min, run_min=run_min, ideal_cycle_s=cycle)
    if given != OeeGiven() and line is None:
        raise typer.BadParameter("say of which line the times are", param_hint="--line")
    with reading(context, db) as conn:
        roster = imported_roster(conn)
        found = yields_of(conn, roster, _window(roster, day, month), line, given)
    if as_json:
        print_json(found)
        return
    for one in found.lines:
        _print_yields(one)


def _window(roster: Roster, day: str | None, month: str | None) -> Window:
    """Raises a usage error."""
    from zoneinfo import ZoneInfo

    from hr_core.clock import SystemClock
    from hr_core.quality.counted_span import day_window, month_window

    zone = ZoneInfo(roster.zone)
    if month is not None:
        if day is not None:
            raise typer.BadParameter("give --day or --month, not both", param_hint="--month")
        return month_window(parse_month(month), zone)
    today = SystemClock().now().astimezone(zone).date()
    return day_window(today if day is None else parse_day(day), zone)


def _kind(text: str) -> ChartKind:
    from hr_core.quality.chart_view import ChartKind

    for known in get_args(ChartKind):
        if text == known:
            kind: ChartKind = known
            return kind
    known_kinds = ", ".join(get_args(ChartKind))
    raise typer.BadParameter(f"{text!r} is none of {known_kinds}", param_hint="--kind")


def _seconds(text: str) -> Fraction:
    from fractions import Fraction

    try:
        seconds = Fraction(text)
    except (ValueError, ZeroDivisionError):
        seconds = Fraction(0)
    if seconds <= 0:
        raise typer.BadParameter(
            f"{text!r} is not a number of seconds above 0", param_hint="--ideal-cycle-s"
        )
    return seconds


def _print_chart(found: LineChart) -> None:
    told = "".join(f", {name} {value}" for name, value in found.settings.items())
    print(f"{found.kind} chart of {found.line}, {found.window}: centre {found.centre}{told}")
    for point in found.points:
        mark = "  OUT" if point.signal else ""
        print(
            f"  {point.since}  {point.rejects}/{point.pieces}  {point.rate}  {point.value:.5f}  "
            f"({point.lower:.5f} to {point.upper:.5f}){mark}"
        )
    for since in found.left_out:
        print(f"  {since}  left out: more rejects than pieces, or none")


def _print_yields(one: LineYield) -> None:
    print(f"{one.line}: first-pass {_text(one.first_pass)}, rolled {_text(one.rolled)}")
    for station in one.stations:
        before = "" if station.of_line else ", before the one that counts for the line"
        good = station.pieces - station.rejects
        print(
            f"  {station.station}: {good} of {station.pieces} good at once, "
            f"{_text(station.first_pass)}{before}"
        )
    oee = one.oee
    print(
        f"  OEE {_text(oee.oee)} = availability {_text(oee.availability)} x performance "
        f"{_text(oee.performance)} x quality {_text(oee.quality)}"
    )
    for what in one.missing:
        print(f"  not known: {what}")


def _text(share: Share) -> str:
    return share.percent or "not known"

"""`hr-core performance talks log|overdue|book|cancel|list|summary`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    parse_day,
    print_json,
    reading,
    today_here,
    writing,
)
from hr_core.cli.score_options import PersonArgument, deed_now

if TYPE_CHECKING:
    from datetime import datetime

app = typer.Typer(
    help="Talks with the superior: logs, overdue ones, booked slots.", rich_markup_mode=None
)

HostOption = Annotated[str, typer.Option("--with", help="The other one's employee number.")]
KindOption = Annotated[
    str, typer.Option("--kind", help="one_to_one, quality or appraisal, as the rules name them.")
]


@app.callback()
def _talks() -> None: ...


@app.command("log")
def log(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    text: Annotated[str, typer.Argument(help="What was said and agreed.", show_default=False)],
    *,
    host: HostOption,
    day: Annotated[str, typer.Option("--day", help="When, like 2026-11-03.")],
    kind: KindOption = "one_to_one",
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Log a talk, as one of the two. It is kept as it was written."""
    from hr_core.people.lookup import person_of_number
    from hr_core.performance.talks import log_talk
    from hr_core.store.talks import Talk

    on = parse_day(day)
    with writing(context, db) as conn:
        two = person_of_number(conn, person, on), person_of_number(conn, host, on)
        number = log_talk(conn, Talk(0, kind, *two, on, text), deed_now(conn, by))
    print(f"talk {number} of {on} is kept")


@app.command("overdue")
def overdue(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    people: Annotated[
        list[str] | None,
        typer.Argument(help="Employee numbers [default: all in --unit].", show_default=False),
    ] = None,
    *,
    since: Annotated[str, typer.Option("--since", help="From which day on, like 2026-09-01.")],
    unit: Annotated[str, typer.Option("--unit", help="A unit's people.")] = "",
    kind: KindOption = "one_to_one",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """List months or weeks that are over without a talk. Exit 1 when there is one."""
    from hr_core.people.lookup import person_of_number
    from hr_core.performance.talks import overdue as late
    from hr_core.performance.talks import people_of_unit

    if not people and not unit:
        raise typer.BadParameter("name people or a unit", param_hint="--unit")
    with reading(context, db) as conn:
        today = today_here(conn)
        wanted = [person_of_number(conn, one, today) for one in people or ()]
        wanted += people_of_unit(conn, unit, today) if unit else []
        found = late(conn, wanted, kind, parse_day(since, "--since"), today)
    if as_json:
        print_json({"overdue": found})
    else:
        for one in found:
            print(f"{one.person}  {one.kind}  none from {one.since} until {one.until}")
        print(f"{len(found)} overdue")
    return ExitCode.DEGRADED if found else ExitCode.OK


@app.command("book")
def book(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    host: HostOption,
    start: Annotated[
        str, typer.Option("--start", help="With its offset, like 2026-11-20T14:00+08:00.")
    ],
    minutes: Annotated[int, typer.Option("--minutes", min=5, max=480)] = 60,
    place: Annotated[str, typer.Option("--place")] = "",
    kind: KindOption = "appraisal",
    ical: Annotated[
        Path | None, typer.Option("--ical", help="Write the invitation to this file.")
    ] = None,
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Book a slot; refused when one of the two has another talk then."""
    from datetime import timedelta

    from hr_core.people.lookup import person_of_number
    from hr_core.people.today import today_at
    from hr_core.performance.talks import book as take
    from hr_core.performance.talks import existing_booking
    from hr_core.performance.talks import ical as calendar
    from hr_core.store.talks import Booking

    begins = _instant(start)
    with writing(context, db) as conn:
        deed, on = deed_now(conn, by), today_at(conn, begins)
        new = Booking(
            number=0,
            kind=kind,
            person=person_of_number(conn, person, on),
            host=person_of_number(conn, host, on),
            starts_at=begins,
            ends_at=begins + timedelta(minutes=minutes),
            place=place,
            booked_at=deed.at,
        )
        number = take(conn, new, deed)
        text = calendar(existing_booking(conn, number), {})
    if ical is not None:
        ical.write_text(text, encoding="utf-8", newline="")
    print(f"booking {number}, {begins:%Y-%m-%d %H:%M} UTC")


@app.command("cancel")
def cancel(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The booking.", show_default=False)],
    *,
    ical: Annotated[
        Path | None, typer.Option("--ical", help="Write the cancellation to this file.")
    ] = None,
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Cancel a booked slot, as one of the two."""
    from hr_core.performance.talks import cancel as give_up
    from hr_core.performance.talks import ical as calendar

    with writing(context, db) as conn:
        gone = give_up(conn, number, deed_now(conn, by))
    if ical is not None:
        ical.write_text(calendar(gone, {}), encoding="utf-8", newline="")
    print(f"booking {number} is cancelled")


@app.command("list")
def list_(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> None:
    """List booked slots that are not over."""
    from hr_core.clock import SystemClock
    from hr_core.store.talks import bookings_where, talk_bookings

    now = SystemClock().now()
    with reading(context, db) as conn:
        there = talk_bookings.c
        found = bookings_where(conn, there.ends_at > now, there.cancelled_at.is_(None))
    if as_json:
        print_json({"bookings": found})
        return
    for one in found:
        print(
            f"{one.number}  {one.starts_at:%Y-%m-%d %H:%M} UTC  {one.kind}  {one.host} with "
            f"{one.person}  {one.place}"
        )
    if not found:
        print("No slot is booked.")


@app.command("summary")
def summary(
    context: typer.Context,
    *,
    unit: Annotated[str, typer.Option("--unit", help="The team, or a unit above it.")],
    month: MonthOption,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a team's meeting is about: its goals, how many lag, scores, talks. Nobody's name."""
    from hr_core.cli.options import parse_month
    from hr_core.performance.exact_json import plain
    from hr_core.performance.team_summary import lines_of, team_summary

    wanted = parse_month(month)
    with reading(context, db) as conn:
        found = team_summary(conn, unit, wanted, today_here(conn))
    if as_json:
        print_json(plain(found))
        return
    for line in lines_of(found):
        print(line)


def _instant(text: str) -> datetime:
    """Raises a usage error, also without an offset: a slot must not move with a reader's zone."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is no time", param_hint="--start") from exc
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} lacks its offset, like +08:00", param_hint="--start")
    return moment.astimezone(UTC)

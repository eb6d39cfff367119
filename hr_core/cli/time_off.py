"""`hr-core timeoff`: compensatory time (调休), lot by lot."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    core,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from hr_core.attendance.lots.booking import Act
    from hr_core.attendance.lots.ledger import Entry, LotState
    from hr_core.store.time_off import RuleFileKind

app = typer.Typer(help="Compensatory time off (调休) as a ledger of lots.", rich_markup_mode=None)

Person = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who enters it [default: your account].")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]
MinutesOption = Annotated[int, typer.Option("--minutes", min=1, help="Whole minutes.")]


@app.command("lots")
def lots(
    context: typer.Context,
    person: Person,
    *,
    on: Annotated[
        str | None, typer.Option("--on", help="As booked up to this day, like 2026-10-31.")
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Explain the balance lot by lot. Exit 1 while a shortfall or unpaid expired time is open."""
    from hr_core.attendance.lots.booking import lots_of
    from hr_core.attendance.lots.ledger import balance

    until = None if on is None else parse_day(on, "--on")
    with reading(context, db) as conn:
        key = _key(conn, person, _act(None, ""))
        states = lots_of(conn, key, until)
    total = balance(states)
    if as_json:
        rows = [_row(state) for state in states]
        print_json({"person": person, "balance": total, "lots": rows})
    else:
        print(f"{person}: {hours(total.left_min)} of {hours(total.earned_min)} earned are left")
        for state in states:
            _print_lot(state)
    return ExitCode.DEGRADED if total.owed_min or total.expired_min else ExitCode.OK


@app.command("earn")
def earn(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Person,
    day: Annotated[str, typer.Argument(help="The day of the overtime.", show_default=False)],
    *,
    by: ByOption = None,
    reason: ReasonOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a day's counted overtime into time off; again, after the day changed, sets it right."""
    import time

    from hr_core.attendance.hours.day_overtime import overtime_of_day
    from hr_core.attendance.live.recomputing import Recomputer
    from hr_core.attendance.lots.booking import Overtime, book_overtime, counting_rules
    from hr_core.people.lookup import person_of_number
    from hr_core.store import database

    act, on = _act(by, reason), parse_day(day, "DAY")
    with core(context, db) as engine:
        # What came in while no hr-core serve runs must be in the day too.
        Recomputer(engine, now=lambda: act.at, monotonic=time.monotonic).catch_up()
        with database.writing(engine) as conn:
            key = person_of_number(conn, person, on)
            found = overtime_of_day(conn, key, on, counting_rules(conn), act.at)
            overtime = Overtime(
                day=on,
                kind=found.kind,
                minutes=found.minutes,
                spans=found.counted.intervals,
                events=found.events,
            )
            added = book_overtime(conn, key, overtime, act)
    if not as_json:
        for difference in found.counted.differences:
            print(f"  {difference.text}")
    _print_entries(person, added, as_json=as_json)


@app.command("use")
def use(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Person,
    *,
    day: Annotated[str, typer.Option("--day", help="The day of the leave.")],
    minutes: MinutesOption,
    leave: Annotated[str, typer.Option("--leave", help="The leave's own number or name.")],
    by: ByOption = None,
    reason: ReasonOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take leave from the lots that can be taken on its day."""
    from hr_core.attendance.lots.booking import take

    act, on = _act(by, reason), parse_day(day, "--day")
    with writing(context, db) as conn:
        added = take(conn, _key(conn, person, act), leave, on, minutes, act)
    _print_entries(person, added, as_json=as_json)


@app.command("return")
def give_back(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Person,
    *,
    leave: Annotated[str, typer.Option("--leave", help="The leave that was not taken.")],
    by: ByOption = None,
    reason: ReasonOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the time of leave that was not taken back to its lots."""
    from hr_core.attendance.lots.booking import give_back

    act = _act(by, reason)
    with writing(context, db) as conn:
        added = give_back(conn, _key(conn, person, act), leave, act)
    _print_entries(person, added, as_json=as_json)


@app.command("pay-out")
def pay_out(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Person,
    *,
    minutes: Annotated[
        int | None, typer.Option("--minutes", min=1, help="Whole minutes [default: all].")
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Allow a rate from an unverified law row.")
    ] = False,
    by: ByOption = None,
    reason: ReasonOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Book time as paid at the rate of the law of its overtime: expired first, then the oldest."""
    from hr_core.attendance.lots.booking import pay_out

    act = _act(by, reason)
    with writing(context, db) as conn:
        added = pay_out(conn, _key(conn, person, act), minutes, act, unverified=unverified)
    _print_entries(person, added, as_json=as_json)


@app.command("expire")
def expire(
    context: typer.Context,
    person: Annotated[
        str | None, typer.Argument(help="Employee number [default: everybody].", show_default=False)
    ] = None,
    *,
    by: ByOption = None,
    reason: ReasonOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Book as expired what can no longer be taken today. By law it is then due to be paid."""
    from hr_core.attendance.lots.booking import expire, people_with_lots

    act = _act(by, reason)
    with writing(context, db) as conn:
        people = people_with_lots(conn) if person is None else [_key(conn, person, act)]
        added = {one: expire(conn, one, act) for one in people}
    if as_json:
        print_json({"people": {one: rows for one, rows in added.items() if rows}})
        return
    for one, rows in added.items():
        if rows or person is not None:
            _print_entries(one, rows, as_json=False)


@app.command("settle")
def settle(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Person,
    lot: Annotated[str, typer.Argument(help="The lot with the shortfall.", show_default=False)],
    *,
    how: Annotated[str, typer.Option("--how", help="How it was made good.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter that a shortfall was made good outside the ledger."""
    from hr_core.attendance.lots.booking import settle

    if not how.strip():
        raise typer.BadParameter("say how it was made good", param_hint="--how")
    act = _act(by, how.strip())
    with writing(context, db) as conn:
        added = settle(conn, _key(conn, person, act), lot, act)
    _print_entries(person, added, as_json=as_json)


@app.command("rules")
def rules(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    time_off: Annotated[
        Path | None, typer.Option("--time-off", help="Import rules of time off (TOML).")
    ] = None,
    overtime: Annotated[
        Path | None, typer.Option("--overtime", help="Import rules of counted overtime (TOML).")
    ] = None,
    by: ByOption = None,
    reason: ReasonOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the rules in force; import the plant's own."""
    from hr_core.attendance.lots.booking import counting_rules, import_rules, time_off_rules
    from hr_core.pay.run import imported_roster
    from hr_core.people.file import read_file
    from hr_core.store.time_off import RuleFile

    act = _act(by, reason)
    files: dict[RuleFileKind, Path | None] = {
        "time_off": time_off,
        "overtime_counting": overtime,
    }
    texts = {kind: RuleFile(path.name, read_file(path)) for kind, path in files.items() if path}
    if texts:
        with writing(context, db) as conn:
            zone = imported_roster(conn).zone
            for kind, file in texts.items():
                import_rules(conn, kind, file, zone, act)
    with reading(context, db) as conn:
        time_off_editions = time_off_rules(conn).edition
        counting_editions = counting_rules(conn).edition
    if as_json:
        print_json({"time_off": time_off_editions, "overtime_counting": counting_editions})
        return
    for edition in time_off_editions:
        kinds = ", ".join(row.kind for row in edition.earns) or "none"
        print(f"time off  {edition.version} from {edition.since}: {kinds}; {edition.order}")
    for counting in counting_editions:
        modes = ", ".join(f"{rule.kind} {rule.mode}" for rule in counting.rule)
        print(f"overtime  {counting.version} from {counting.since}: {modes}")


def parse_day(text: str, hint: str) -> date:
    """Raises a usage error."""
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is not a day like 2026-10-31", param_hint=hint) from exc


def hours(minutes: int) -> str:
    sign = "-" if minutes < 0 else ""
    return f"{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02d}"


def _act(by: str | None, reason: str) -> Act:
    from hr_core.attendance.lots.booking import Act
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock

    return Act(actor=by or operator(), at=SystemClock().now(), reason=reason)


def _key(conn: sa.Connection, number: str, act: Act) -> str:
    """The person whose number it is today. Raises NotFoundError."""
    from hr_core.people.lookup import person_of_number
    from hr_core.people.today import today_at

    return person_of_number(conn, number, today_at(conn, act.at))


def _row(state: LotState) -> dict[str, object]:
    from msgspec.structs import asdict

    sums = {
        "used_min": state.used_min,
        "paid_min": state.paid_min,
        "left_min": state.left_min,
        "owed_min": state.owed_min,
    }
    return asdict(state) | sums


def _print_lot(state: LotState) -> None:
    origin = state.origin
    until = f", to take until {origin.last_day}" if origin.last_day else ""
    print(
        f"  {state.lot}: {hours(state.earned_min)} earned on {origin.day} ({origin.kind}){until}; "
        f"{hours(state.left_min)} left"
    )
    print(f"    by {origin.rule}; {origin.law}")
    if origin.events:
        print(f"    from events {' '.join(origin.events)}")
    for use_ in state.uses:
        print(f"    {hours(use_.minutes)} used by leave {use_.leave} of {use_.day}")
    for payment in state.payments:
        print(
            f"    {hours(payment.minutes)} paid out on {payment.day} at {payment.rate_percent} % "
            f"({payment.note})"
        )
    if state.expired_min:
        print(f"    {hours(state.expired_min)} EXPIRED AND NOT PAID: hr-core timeoff pay-out")
    if state.shortfall_min:
        note = "OPEN" if state.owed_min else "settled"
        print(f"    {hours(state.shortfall_min)} SHORTFALL ({note}): taken, and not earned")
    for entry in state.history:
        if entry.kind in {"adjusted", "shortfall", "returned", "settled"}:
            print(f"    #{entry.number} {entry.booked} {entry.kind} {entry.minutes} {entry.note}")


def _print_entries(person: str, added: Sequence[Entry], *, as_json: bool) -> None:
    if as_json:
        print_json({"person": person, "entries": added})
        return
    for entry in added:
        note = f" ({entry.note})" if entry.note else ""
        rate = f" at {entry.rate_percent} %" if entry.rate_percent else ""
        print(f"{person} {entry.lot}: {entry.kind} {hours(entry.minutes)}{rate}{note}")
    if not added:
        print(f"{person}: nothing to book")

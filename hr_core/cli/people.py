"""`hr-core people`: who people are over time, whose punches wait, and every change to be undone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.people.adoption import Asked
    from hr_core.people.changes import Signature
    from hr_core.people.moves import Contract
    from hr_core.people.records_view import Record

app = typer.Typer(
    help="People over time: numbers, contracts, merged and split records.", rich_markup_mode=None
)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")]
PersonArgument = Annotated[
    str, typer.Argument(help="Employee number, or key:KEY.", show_default=False)
]
FromOption = Annotated[str, typer.Option("--from", help="First day, like 2026-06-01.")]
OnOption = Annotated[
    str | None, typer.Option("--on", help="The day looked at [default: today].", show_default=False)
]


@app.command("list")
def list_people(
    context: typer.Context, *, on: OnOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """Show everybody with number, contract and units on a day."""
    from hr_core.people.records_view import listed_people

    day = _day(on, "--on") or _today()
    with reading(context, db) as conn:
        found = listed_people(conn, day)
    if as_json:
        print_json({"on": day, "people": found})
        return
    for one in found:
        numbers = ", ".join(one.employee_numbers) or "no number"
        kinds = ", ".join((*one.kinds, *one.employers)) or "no contract"
        print(f"{one.person}  {numbers}  {one.name}  {kinds}  {', '.join(one.units)}".rstrip())


@app.command("show")
def show(
    context: typer.Context,
    person: PersonArgument,
    *,
    on: OnOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all of a person: every number, contract, place and id with its days, every change."""
    from hr_core.people.lookup import person_of_number
    from hr_core.people.records_view import record_of

    with reading(context, db) as conn:
        found = record_of(conn, person_of_number(conn, person, _day(on, "--on") or _today()))
    if as_json:
        print_json(found)
    else:
        _print_record(found)


@app.command("renumber")
def renumber(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    number: Annotated[str, typer.Argument(help="The new employee number.", show_default=False)],
    first: FromOption,
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a person another employee number from a day on; days and slips keep their person."""
    from hr_core.people import moves
    from hr_core.people.lookup import person_of_number

    day = _required_day(first, "--from")
    with writing(context, db) as conn:
        key = person_of_number(conn, person, day)
        change = moves.renumber(conn, key, number, day, _sign(by, reason))
    _say(change, f"person {key} has number {number} from {day} on", as_json=as_json)


@app.command("leave")
def leave(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    until: Annotated[str, typer.Option("--until", help="First day that no longer counts.")],
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a person's contracts, numbers, ids on devices and places; all are free from then on."""
    from hr_core.people import moves
    from hr_core.people.lookup import person_of_number

    day = _required_day(until, "--until")
    with writing(context, db) as conn:
        key = person_of_number(conn, person, date.fromordinal(day.toordinal() - 1))
        change = moves.leave(conn, key, day, _sign(by, reason))
    _say(change, f"person {key} left: {day} no longer counts", as_json=as_json)


@app.command("rehire")
def rehire(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="The last employee number.", show_default=False)],
    first: FromOption,
    *,
    reason: ReasonOption,
    number: Annotated[str | None, typer.Option("--number", help="A new employee number.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="employee or external.")] = "employee",
    employer: Annotated[str, typer.Option("--employer", help="Another employer, agency.")] = "",
    contract: Annotated[str | None, typer.Option("--contract", help="Its id.")] = None,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a person a contract from a day on: after leaving, or beside another contract."""
    from hr_core.people import moves
    from hr_core.people.lookup import person_who_had

    day = _required_day(first, "--from")
    with writing(context, db) as conn:
        key = person_who_had(conn, person, day)
        change = moves.rehire(
            conn,
            key,
            day,
            _sign(by, reason),
            number=number,
            contract=_contract(kind, employer, contract),
        )
    _say(change, f"person {key} has a contract from {day} on", as_json=as_json)


@app.command("map")
def map_id(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    device_user: Annotated[
        str, typer.Argument(help='SERIAL:USER_ID, or "*:USER_ID".', show_default=False)
    ],
    first: FromOption,
    *,
    reason: ReasonOption,
    until: Annotated[str | None, typer.Option("--until", help="First day not any more.")] = None,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an id on a device is a person who is known, from a day on."""
    from hr_core.people import moves
    from hr_core.people.lookup import person_of_number
    from hr_core.people.model import Days

    day = _required_day(first, "--from")
    with writing(context, db) as conn:
        key = person_of_number(conn, person, day)
        days = Days(day, _day(until, "--until"))
        change = moves.map_device_user(
            conn, key, _device_user(device_user), days, _sign(by, reason)
        )
    _say(change, f"{device_user} is person {key} {days.text()}", as_json=as_json)


@app.command("merge")
def merge(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    keep: PersonArgument,
    gone: Annotated[str, typer.Argument(help="The record that becomes part of it.")],
    *,
    reason: ReasonOption,
    on: OnOption = None,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one record of two that are one human. Old days and slips keep the key they have."""
    from hr_core.people.lookup import person_of_number
    from hr_core.people.one_or_two import merge as merge_records

    day = _day(on, "--on") or _today()
    with writing(context, db) as conn:
        keys = [person_of_number(conn, one, day) for one in (keep, gone)]
        change = merge_records(conn, keys[0], keys[1], _sign(by, reason))
    _say(change, f"person {keys[1]} is part of person {keys[0]} now", as_json=as_json)


@app.command("split")
def split(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    name: Annotated[str, typer.Option("--name", help="Name of the second human.")],
    base: Annotated[str | None, typer.Option("--base", help='Base pay, "5200.00".')] = None,
    employer: Annotated[str, typer.Option("--employer", help="Who pays, if not we.")] = "",
    number: Annotated[str | None, typer.Option("--number", help="[default: made]")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day of the ids.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="First day not any more.")] = None,
    device_user: Annotated[
        list[str] | None, typer.Option("--device-user", help="SERIAL:USER_ID; repeat it.")
    ] = None,
    badge: Annotated[list[str] | None, typer.Option("--badge", help="A badge; repeat it.")] = None,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make two records of one that is two humans: ids and badges go to the second, by days."""
    from hr_core.people.lookup import person_of_number
    from hr_core.people.model import Days
    from hr_core.people.one_or_two import NewRecord, Share
    from hr_core.people.one_or_two import split as split_record

    days = Days(_day(first, "--from"), _day(until, "--until"))
    ids = tuple((*_device_user(one), days) for one in device_user or ())
    new = NewRecord(
        name=name,
        base_fen=_base(base, employer),
        first=days.first,
        number=number,
        contract=_contract("external" if employer else "employee", employer, None),
    )
    with writing(context, db) as conn:
        key = person_of_number(conn, person, days.first or _today())
        share = Share(device_users=ids, badges=tuple(badge or ()))
        done = split_record(conn, key, new, share, _sign(by, reason))
    if as_json:
        print_json(done)
    else:
        print(f"person {done.person} with number {done.number} was split from person {key}")
        print(f"  to undo: hr-core people undo {done.change} --reason WHY")


@app.command("undo")
def undo(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Row of hr-core audit log.", show_default=False)],
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a change back, whole; the last one first. An undo can be undone too."""
    from hr_core.people.changes import undo as undo_change

    with writing(context, db) as conn:
        change = undo_change(conn, number, _sign(by, reason))
    _say(change, f"change {number} is undone", as_json=as_json)


@app.command("units")
def units(
    context: typer.Context, *, on: OnOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """Show the organisation on a day: sites, departments, teams, posts, who manages them."""
    from hr_core.people.records_view import listed_units

    day = _day(on, "--on") or _today()
    with reading(context, db) as conn:
        found = listed_units(conn, day)
    if as_json:
        print_json({"on": day, "units": found})
        return
    for one in found:
        under = f"  under {', '.join(one.parents)}" if one.parents else ""
        managers = f"  managed by {', '.join(one.managers)}" if one.managers else ""
        print(f"{one.code}  {one.kind}  {one.name}{under}  {one.members} people{managers}")


@app.command("waiting")
def waiting(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Show ids on devices that nobody is, with their punches. Exit 1 when there are some."""
    from hr_core.people.waiting import waiting_users

    with reading(context, db) as conn:
        found = waiting_users(conn)
    if as_json:
        print_json({"waiting": found})
    else:
        for one in found:
            was = f"; on other days person {', '.join(one.was)}" if one.was else ""
            asked = "" if one.asked is None else f"; adoption {one.asked} waits to be confirmed"
            print(
                f"{one.serial}:{one.user_id}  {one.punches} punches, "
                f"{one.first:%Y-%m-%d %H:%M} to {one.last:%Y-%m-%d %H:%M}{was}{asked}"
            )
        if not found:
            print("every punch has its person")
    return ExitCode.DEGRADED if found else ExitCode.OK


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="New .csv or .xlsx file.", show_default=False)],
    *,
    on: OnOption = None,
    db: DbOption = None,
) -> None:
    """Write everybody with a number on the day as a table that hr-core import reads back."""
    from hr_core.people.sheet import people_table
    from hr_core.spreadsheet import SUFFIXES, write_rows

    if file.suffix.casefold() not in SUFFIXES:
        raise typer.BadParameter("is not .csv or .xlsx", param_hint="file")
    if file.exists():
        raise typer.BadParameter(f"{file} is there already", param_hint="file")
    with reading(context, db) as conn:
        table = people_table(conn, _day(on, "--on") or _today())
    write_rows(file, table, mode=0o600)  # everybody's pay is in it
    print(f"{file}: {len(table) - 1} people")


@app.command("adopt")
def adopt(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    device_user: Annotated[
        str | None, typer.Argument(help="SERIAL:USER_ID of the waiting list.", show_default=False)
    ] = None,
    *,
    confirm: Annotated[int | None, typer.Option("--confirm", help="Confirm this one.")] = None,
    refuse: Annotated[int | None, typer.Option("--refuse", help="Refuse this one.")] = None,
    name: Annotated[str, typer.Option("--name")] = "",
    id_digits: Annotated[str, typer.Option("--id-digits", help="Last digits of the id.")] = "",
    team: Annotated[str | None, typer.Option("--team", help="Code of the unit.")] = None,
    base: Annotated[str | None, typer.Option("--base", help='A month, "5200.00".')] = None,
    hourly: Annotated[str | None, typer.Option("--hourly", help='An hour, "25.00".')] = None,
    first: Annotated[str | None, typer.Option("--from", help="[default: the first punch]")] = None,
    employer: Annotated[str, typer.Option("--employer", help="Employer or agency.")] = "",
    shift: Annotated[str | None, typer.Option("--shift", help="[default: the only one]")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a person of a waiting id: one account asks with the facts, another one confirms."""
    from hr_core.people import adoption

    given = [one for one in (device_user, confirm, refuse) if one is not None]
    if len(given) != 1:
        raise typer.BadParameter("give one: SERIAL:USER_ID, --confirm N or --refuse N")
    sign = _sign(by, reason)
    if confirm is not None:
        with writing(context, db) as conn:
            done = adoption.confirm(conn, confirm, sign)
        text = f"person {done.person} has number {done.number} from {done.first} on"
        _say(done.change, text, as_json=as_json, value=done)
    elif refuse is not None:
        with writing(context, db) as conn:
            change = adoption.refuse(conn, refuse, sign)
        _say(change, f"adoption {refuse} is refused; its punches wait", as_json=as_json)
    else:
        serial, user_id = _device_user(device_user or "")
        facts = adoption.Facts(
            serial=serial,
            user_id=user_id,
            name=name,
            id_digits=id_digits,
            team=team,
            base_fen=_fen(base, "--base"),
            hourly_fen=_fen(hourly, "--hourly"),
            first=_day(first, "--from"),
            employer=employer,
            shift=shift,
        )
        with writing(context, db) as conn:
            asked = adoption.ask(conn, facts, sign)
        _print_asked(asked, as_json=as_json)


def _print_asked(asked: Asked, *, as_json: bool) -> None:
    if as_json:
        print_json(asked)
        return
    print(
        f"adoption {asked.adoption}: {asked.facts.name} from {asked.facts.first} on, "
        f"{asked.punches} punches wait"
    )
    if asked.similar:
        print(f"  people of the same name: {', '.join(asked.similar)}; is it one of them?")
        print("  then: hr-core people map")
    print(f"  another account confirms: hr-core people adopt --confirm {asked.adoption} --by NAME")


def _print_record(found: Record) -> None:
    merged = f", with {', '.join(found.merged)} merged into it" if found.merged else ""
    print(f"person {found.person.number}  {found.person.name}{merged}")
    for number in found.numbers:
        print(f"  number {number.employee_number}  {number.days.text()}")
    for held in found.employments:
        employer = f" of {held.employer}" if held.employer else ""
        print(f"  contract {held.contract}  {held.kind}{employer}  {held.days.text()}")
    for place in found.memberships:
        print(f"  {place.role} of {place.unit}  {place.days.text()}")
    for user in found.device_users:
        print(f"  device user {user.serial}:{user.user_id}  {user.days.text()}")
    for badge in found.badges:
        print(f"  badge {badge}")
    for change in found.changes:
        print(
            f"  change {change.number}  {change.at:%Y-%m-%d %H:%M} UTC  {change.actor}  "
            f"{change.action}: {change.reason}"
        )


def _say(change: int, text: str, *, as_json: bool, value: object = None) -> None:
    if as_json:
        print_json({"change": change} if value is None else value)
    else:
        print(f"{text}\n  to undo: hr-core people undo {change} --reason WHY")


def _sign(by: str | None, reason: str) -> Signature:
    from hr_core.clock import SystemClock
    from hr_core.people.changes import Signature

    return Signature(at=SystemClock().now(), by=by or operator(), reason=" ".join(reason.split()))


def _contract(kind: str, employer: str, contract: str | None) -> Contract:
    from hr_core.people.moves import Contract
    from hr_core.people.records import Kind

    if kind not in set(Kind):
        raise typer.BadParameter("is employee or external", param_hint="--kind")
    return Contract(kind=Kind(kind), employer=employer, contract=contract)


def _device_user(text: str) -> tuple[str, str]:
    serial, colon, user_id = text.rpartition(":")
    if not (colon and serial and user_id):
        raise typer.BadParameter(f"{text!r} is not SERIAL:USER_ID", param_hint="device user")
    return serial, user_id


def _base(text: str | None, employer: str) -> int:
    """Never a default: it ends as money."""
    if text is None and not employer:
        raise typer.BadParameter("give --base, or --employer who pays", param_hint="--base")
    return _fen(text, "--base") or 0


def _fen(text: str | None, option: str) -> int | None:
    from hr_core.money import parse_yuan

    try:
        fen = None if text is None else parse_yuan(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint=option) from exc
    if fen is not None and fen < 0:
        raise typer.BadParameter("is less than nothing", param_hint=option)
    return fen


def _required_day(text: str, option: str) -> date:
    day = _day(text, option)
    assert day is not None  # noqa: S101 - given a text, a day or an error comes back
    return day


def _day(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is not a day like 2026-06-01", param_hint=option
        ) from exc


def _today() -> date:
    from hr_core.clock import SystemClock

    return SystemClock().now().astimezone().date()

"""`hr-core people renumber|leave|rehire|map|merge|split`: what changes about a person from a day on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    JsonOption,
    print_json,
    today_here,
    writing,
)
from hr_core.cli.people_options import (
    FromOption,
    OnOption,
    PersonArgument,
    ReasonOption,
    day_given,
    device_user_given,
    fen_given,
    required_day,
    signed,
    tell_change,
)

if TYPE_CHECKING:
    from hr_core.people.moves import Contract


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

    day = required_day(first, "--from")
    with writing(context, db) as conn:
        key = person_of_number(conn, person, day)
        change = moves.renumber(conn, key, number, day, signed(by, reason))
    tell_change(change, f"person {key} has number {number} from {day} on", as_json=as_json)


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

    day = required_day(until, "--until")
    with writing(context, db) as conn:
        key = person_of_number(conn, person, date.fromordinal(day.toordinal() - 1))
        change = moves.leave(conn, key, day, signed(by, reason))
    tell_change(change, f"person {key} left: {day} no longer counts", as_json=as_json)


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

    day = required_day(first, "--from")
    with writing(context, db) as conn:
        key = person_who_had(conn, person, day)
        change = moves.rehire(
            conn,
            key,
            day,
            signed(by, reason),
            number=number,
            contract=_contract(kind, employer, contract),
        )
    tell_change(change, f"person {key} has a contract from {day} on", as_json=as_json)


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

    day = required_day(first, "--from")
    with writing(context, db) as conn:
        key = person_of_number(conn, person, day)
        days = Days(day, day_given(until, "--until"))
        change = moves.map_device_user(
            conn, key, device_user_given(device_user), days, signed(by, reason)
        )
    tell_change(change, f"{device_user} is person {key} {days.text()}", as_json=as_json)


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

    with writing(context, db) as conn:
        day = day_given(on, "--on") or today_here(conn)
        keys = [person_of_number(conn, one, day) for one in (keep, gone)]
        change = merge_records(conn, keys[0], keys[1], signed(by, reason))
    tell_change(change, f"person {keys[1]} is part of person {keys[0]} now", as_json=as_json)


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

    days = Days(day_given(first, "--from"), day_given(until, "--until"))
    ids = tuple((*device_user_given(one), days) for one in device_user or ())
    new = NewRecord(
        name=name,
        base_fen=_base(base, employer),
        first=days.first,
        number=number,
        contract=_contract("external" if employer else "employee", employer, None),
    )
    with writing(context, db) as conn:
        key = person_of_number(conn, person, days.first or today_here(conn))
        share = Share(device_users=ids, badges=tuple(badge or ()))
        done = split_record(conn, key, new, share, signed(by, reason))
    if as_json:
        print_json(done)
    else:
        print(f"person {done.person} with number {done.number} was split from person {key}")
        print(f"  to undo: hr-core people undo {done.change} --reason WHY")


def _contract(kind: str, employer: str, contract: str | None) -> Contract:
    from hr_core.people.moves import Contract
    from hr_core.people.records import Kind

    if kind not in set(Kind):
        raise typer.BadParameter("is employee or external", param_hint="--kind")
    return Contract(kind=Kind(kind), employer=employer, contract=contract)


def _base(text: str | None, employer: str) -> int:
    """Never a default: it ends as money."""
    if text is None and not employer:
        raise typer.BadParameter("give --base, or --employer who pays", param_hint="--base")
    return fen_given(text, "--base") or 0

"""`hr-core people waiting|adopt`: whose punches wait, and from a device user to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    print_json,
    reading,
    writing,
)
from hr_core.cli.people_options import (
    day_given,
    device_user_given,
    fen_given,
    signed,
    tell_change,
)

if TYPE_CHECKING:
    from hr_core.people.adoption import Asked


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
    sign = signed(by, reason)
    if confirm is not None:
        with writing(context, db) as conn:
            done = adoption.confirm(conn, confirm, sign)
        text = f"person {done.person} has number {done.number} from {done.first} on"
        tell_change(done.change, text, as_json=as_json, value=done)
    elif refuse is not None:
        with writing(context, db) as conn:
            change = adoption.refuse(conn, refuse, sign)
        tell_change(change, f"adoption {refuse} is refused; its punches wait", as_json=as_json)
    else:
        serial, user_id = device_user_given(device_user or "")
        facts = adoption.Facts(
            serial=serial,
            user_id=user_id,
            name=name,
            id_digits=id_digits,
            team=team,
            base_fen=fen_given(base, "--base"),
            hourly_fen=fen_given(hourly, "--hourly"),
            first=day_given(first, "--from"),
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

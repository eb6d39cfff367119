"""`hr-core erase`: the raw records of one person go, and the chains still stand."""

import sys
from typing import Annotated

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, open_core, print_json


def erase(
    context: typer.Context,
    *,
    user: Annotated[str, typer.Option("--user", help="User id, as the terminals know it.")],
    reason: Annotated[str, typer.Option("--reason", help="On whose order. Kept for ever.")],
    device: Annotated[
        str | None, typer.Option("--device", help="Only what this serial sent.")
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Erase the raw records of one person, for good. Their digests stay: audit verify stands.

    Erase at the gateways first (edge-agent spool erase), or they may send them again.
    """
    from hr_core.clock import SystemClock
    from hr_core.errors import NotFoundError
    from hr_core.store.database import writing
    from hr_core.store.erasures import erase_user

    text = " ".join(reason.split())
    if not any(letter.isalnum() for letter in text):
        raise typer.BadParameter("says nothing: it is kept for ever", param_hint="--reason")
    with open_core(context, db) as (engine, empty_log):
        with writing(engine) as conn:
            erased = erase_user(conn, user, device, at=SystemClock().now(), reason=text)
        if not erased:
            where = "" if device is None else f" from device {device}"
            raise NotFoundError(
                f"no record of user {user}{where} is here",
                remedy="the id is a text, leading zeros count; serials: hr-core devices",
            )
        emptied = empty_log()  # what was overwritten stands there until it is moved
    if as_json:
        print_json({"user": user, "device": device, "erased": erased})
    else:
        print(f"{erased} records are erased; their digests stay, so hr-core audit verify stands.")
        print("Days and payslips computed from them stay: they have their own time of keeping.")
    if not emptied:
        print(
            "Their bytes still stand in the database's log, which another program reads: they go "
            "by themselves when it has ended, and hr-core serve runs.",
            file=sys.stderr,
        )
    return ExitCode.OK

"""`hr-core pay objections|reply`: what workers object to on their payslips, and the reply."""

from typing import Annotated

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, print_json, reading, writing
from hr_core.pay.objection_verdict import Verdict


def objections(
    context: typer.Context,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that have their reply.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """List what workers object to, newest first; 1 when something waits for a reply."""
    from hr_core.store.slip_answers import objections as stored

    with reading(context, db) as conn:
        found = stored(conn, only_open=not everything)
    if as_json:
        print_json({"objections": found})
    else:
        for one in found:
            about = one.line or "the whole payslip"
            print(f"{one.number}  run {one.run}  {one.person}  {about}: {one.reason}")
            if one.reply is not None:
                print(f"    {one.verdict} by {one.replied_by}: {one.reply}")
        if not found:
            print("no objection waits for a reply")
    return ExitCode.DEGRADED if any(one.open for one in found) else ExitCode.OK


def reply(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Of the objection.", show_default=False)],
    verdict: Annotated[Verdict, typer.Argument(help="What was found.", show_default=False)],
    *,
    text: Annotated[str, typer.Option("--text", help="What was looked at and what follows.")],
    by: Annotated[str | None, typer.Option("--by", help="Who replies.")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reply to an objection; never to one's own."""
    from hr_core.approvals.actors import actor_named
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.pay.slip_answers import reply as store_reply
    from hr_core.people.changes import Signature

    now = SystemClock().now()
    with writing(context, db) as conn:
        actor = actor_named(conn, by or operator())
        signed = Signature(at=now, by=actor.name, also=actor.names)
        made = store_reply(conn, number, verdict, text, signed)
    if as_json:
        print_json(made)
    else:
        print(f"objection {number}: {verdict.value}")

"""`hr-core pay submit|approve|paid`: a run on its way to the money, by two people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    core,
    print_json,
)
from hr_core.cli.second_person import approved_by_second, print_asked, waits

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.approvals.desk import Approval
    from hr_core.approvals.kinds import Kind

RunArgument = Annotated[int, typer.Argument(help="Number of the run.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Kept for ever.")]


def submit(
    context: typer.Context,
    number: RunArgument,
    *,
    reason: ReasonOption = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Submit a run for approval; from then on nothing of it changes. Exit 1 when people of it were
    refused or have open days.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.approvals.desk import approval
    from hr_core.clock import SystemClock
    from hr_core.pay.run_life import submit as submit_it
    from hr_core.store.database import writing

    with core(context, db) as engine:
        with writing(engine) as conn:
            actor = actor_named(conn, by or operator())
            waiting = submit_it(conn, number, at=SystemClock().now(), by=actor, reason=reason)
            asked = approval(conn, waiting)
        if not as_json:
            _print_looked_at(asked)
        print_asked(engine, waiting, again=f"hr-core pay approve {number}", as_json=as_json)
    return _code(asked)


def approve(
    context: typer.Context,
    number: RunArgument,
    *,
    reason: ReasonOption = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Approve what another person submitted: it is the run of its month from now on."""
    from hr_core.approvals.kinds import Kind
    from hr_core.clock import SystemClock
    from hr_core.errors import RefusedError
    from hr_core.pay.run_life import state_of, subject_of
    from hr_core.store.database import writing

    subject = subject_of(Kind.RUN, number)
    with core(context, db) as engine, writing(engine) as conn:
        if not waits(conn, Kind.RUN, subject):
            raise RefusedError(
                f"run {number} does not wait for approval: it is {state_of(conn, number)}",
                remedy=f"submit it first: hr-core pay submit {number}",
            )
        at = SystemClock().now()
        approved_by_second(conn, Kind.RUN, subject, by or operator(), at, reason)
        done = _last(conn, Kind.RUN, subject)
    _tell(done, "approved: it is the run of this month, and nothing of it changes", as_json)
    return _code(done)


def paid(
    context: typer.Context,
    number: RunArgument,
    *,
    reason: ReasonOption = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that an approved run was paid, by two people: the first asks, the second gives the same
    command.
    """
    from hr_core.approvals.actors import actor_named
    from hr_core.approvals.kinds import Kind
    from hr_core.clock import SystemClock
    from hr_core.pay.run_life import ask_payment, subject_of
    from hr_core.store.database import writing

    subject, who, at = subject_of(Kind.PAYMENT, number), by or operator(), SystemClock().now()
    with core(context, db) as engine:
        with writing(engine) as conn:
            asked = None
            if waits(conn, Kind.PAYMENT, subject):
                approved_by_second(conn, Kind.PAYMENT, subject, who, at, reason)
            else:
                actor = actor_named(conn, who)
                asked = ask_payment(conn, number, at=at, by=actor, reason=reason)
            done = _last(conn, Kind.PAYMENT, subject)
        if asked is not None:
            print_asked(engine, asked, again=f"hr-core pay paid {number}", as_json=as_json)
            return
    _tell(done, "paid", as_json)


def _last(conn: sa.Connection, kind: Kind, subject: str) -> Approval:
    from hr_core.approvals.desk import approvals_in

    return approvals_in(conn, None, kind, subject)[-1]


def _tell(done: Approval, what: str, as_json: bool) -> None:  # noqa: FBT001 - of this file
    asked = done.content
    if as_json:
        state = "paid" if done.kind == "payment" else "approved"
        fields = {name: asked[name] for name in asked if name != "digest"}
        print_json(
            fields
            | {"state": state, "approval": done.number, "submitted_by": done.proposed_by,
               "approved_by": done.decided_by, "done": True}
        )  # fmt: skip
        return
    print(f"run {asked['run']} of {asked['month']} is {what}")
    print(f"  entered by {done.proposed_by}, approved by {done.decided_by}")
    _print_looked_at(done)


def _print_looked_at(one: Approval) -> None:
    from hr_core.money import format_fen

    asked = one.content
    print(
        f"  {asked['people']} payslips, {format_fen(asked['total_fen'])}, "
        f"scheme {asked['scheme_version']}"
    )
    if asked["days_to_clarify"]:
        print(f"  {asked['days_to_clarify']} days are still to be clarified")
    for refused in asked["refused"]:
        print(f"  NOT PAID by this run: person {refused['number']}: {refused['what']}")
        print(f"    {refused['remedy']}")


def _code(one: Approval) -> int:
    degraded = one.content["refused"] or one.content["days_to_clarify"]
    return ExitCode.DEGRADED if degraded else ExitCode.OK

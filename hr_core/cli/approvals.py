"""`hr-core approvals`: what waits for a second person, and deciding it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import ByOption, DbOption, JsonOption, print_json, reading, writing

if TYPE_CHECKING:
    from hr_core.approvals.desk import Approval

app = typer.Typer(
    help="Four eyes: what was entered and waits for another person.", rich_markup_mode=None
)

NumberArgument = Annotated[int, typer.Argument(help="The approval's number.", show_default=False)]


@app.callback()
def _approvals() -> None: ...


@app.command("list")
def list_(
    context: typer.Context,
    *,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only of this kind, like law, run or pay_entry.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that were decided too.")] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what waits for a second person, oldest first: who, which month, how much, what changes."""
    from msgspec import to_builtins

    from hr_core.approvals.desk import ApprovalState, approvals_in
    from hr_core.approvals.kinds import Kind
    from hr_core.cli.approvals_output import LIST_AMOUNT, list_rows, print_aligned, told_about

    try:
        wanted = None if kind is None else Kind(kind)
    except ValueError as exc:
        known = ", ".join(Kind)
        raise typer.BadParameter(f"{kind!r} is none of {known}", param_hint="--kind") from exc
    with reading(context, db) as conn:
        found = approvals_in(conn, None if every else ApprovalState.PROPOSED, wanted)
        told = [] if as_json and not found else told_about(conn, found)
    if as_json:
        listed = [
            _object(one, content=False) | {"about": to_builtins(about)}
            for one, about in zip(found, told, strict=True)
        ]
        print_json({"approvals": listed})
        return
    if found:
        print_aligned(list_rows(found, told), right=LIST_AMOUNT)
    else:
        print("Nothing is here." if every else "Nothing waits for a second person.")


@app.command("show")
def show(
    context: typer.Context, number: NumberArgument, *, db: DbOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Show what was entered, by whom, what it changes, and who can approve it."""
    from hr_core.approvals.actors import actor_named, who_can
    from hr_core.approvals.desk import ApprovalState, approval
    from hr_core.cli.approvals_output import shown_lines

    with reading(context, db) as conn:
        found = approval(conn, number)
        lines = [] if as_json else list(shown_lines(conn, found))
        can = ""
        if found.state is ApprovalState.PROPOSED:
            can = who_can(conn, found.kind, actor_named(conn, found.proposed_by))
    if as_json:
        print_json(_object(found, content=True) | {"who_can": can})
        return
    print(_line(found))
    print(f"  sha256 {found.digest}")
    for line in lines:
        print(f"  {line}".rstrip())
    print(f"  everything as it was entered: hr-core approvals show {number} --json")
    if can:
        print(f"  can be approved by: {can}")


@app.command("approve")
def approve(
    context: typer.Context,
    number: NumberArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="What speaks for it.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve what another person entered; it takes effect at once."""
    from hr_core.approvals.actors import approver_named
    from hr_core.approvals.desk import approval
    from hr_core.approvals.desk import approve as record
    from hr_core.approvals.effects import take_effect
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock

    with writing(context, db) as conn:
        actor = approver_named(conn, by or operator(), approval(conn, number).kind)
        done = record(conn, number, at=SystemClock().now(), by=actor, reason=reason)
        take_effect(conn, done)
    _tell(done, as_json=as_json)


@app.command("refuse")
def refuse(
    context: typer.Context,
    number: NumberArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse what another person entered, or take back what you entered."""
    from hr_core.approvals.actors import refuser_named
    from hr_core.approvals.desk import refuse as record
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock

    with writing(context, db) as conn:
        actor = refuser_named(conn, by or operator(), number)
        done = record(conn, number, at=SystemClock().now(), by=actor, reason=reason)
    _tell(done, as_json=as_json)


def _tell(done: Approval, *, as_json: bool) -> None:
    if as_json:
        print_json(_object(done, content=False))
    else:
        print(_line(done))


def _object(one: Approval, *, content: bool) -> dict[str, object]:
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    if not content:
        del fields["content"]
    return fields


def _line(one: Approval) -> str:
    decided = f" by {one.decided_by}" if one.decided_by else ""
    why = one.decision or one.reason
    return (
        f"{one.number}  {one.kind}  {one.subject}  entered {one.proposed_at:%Y-%m-%d %H:%M} UTC by "
        f"{one.proposed_by}  {one.state}{decided}" + (f": {why}" if why else "")
    )

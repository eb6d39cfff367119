"""`hr-core pay agreements import|list|show` and `hr-core pay entries add|list`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    JsonOption,
    MonthOption,
    parse_month,
    print_json,
    reading,
    today_here,
    writing,
)

if TYPE_CHECKING:
    from datetime import date

    from hr_core.pay.agreement import DatedAgreement
    from hr_core.pay.entry import EntryKind

agreements = typer.Typer(help="What people are paid by agreement.", rich_markup_mode=None)
entries = typer.Typer(help="Single sums of a month: bonuses, advances.", rich_markup_mode=None)

EmployeeArgument = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]


@agreements.command("import")
def import_agreements(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="TOML, CSV or xlsx.", show_default=False)],
    *,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose the agreements of a file; they pay nobody until another person approves them."""
    from hr_core.approvals.actors import actor_named
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.law.imported import all_rows
    from hr_core.pay.agreement_desk import propose_agreements
    from hr_core.pay.agreement_file import read_agreements

    rows = read_agreements(file)
    with writing(context, db) as conn:
        known = {"", *(one.city for one in all_rows(conn))}
        lawless = sorted({row.terms.city for row in rows} - known)
        done = propose_agreements(
            conn, rows, file.name, at=SystemClock().now(), by=actor_named(conn, by or operator())
        )
    if as_json:
        print_json(done)
    elif done.approval is None:
        print(f"{file.name}: all {done.unchanged} agreements hold already")
    else:
        print(
            f"{file.name}: {done.new} agreements wait for another person "
            f"({done.unchanged} hold already): hr-core approvals approve {done.approval} --by NAME"
        )
    if not as_json:
        for city in lawless:
            print(f"  no law of {city} is here, and nobody is paid by it: hr-core law status")


@agreements.command("list")
def list_agreements(
    context: typer.Context,
    *,
    month: MonthOption,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """The agreements that hold in a month, approved ones only."""
    from hr_core.money import format_fen
    from hr_core.pay.agreement import of_month
    from hr_core.store.pay_agreements import agreements_until

    wanted = parse_month(month)
    with reading(context, db) as conn:
        held = agreements_until(conn, max(wanted.days()))
    found = [one for _, dated in sorted(held.items()) for one in of_month(dated, wanted)]
    if as_json:
        print_json({"month": str(wanted), "agreements": [_agreement(one) for one in found]})
        return
    for one in found:
        floats = f", {one.terms.floating_percent} % float" * (one.terms.floating_percent != "0")
        print(
            f"{one.number}  {one.person}  from {one.valid_from}  {one.terms.city}  "
            f"{format_fen(one.terms.base_fen)}{floats}  "
            f"(entered by {one.entered_by}, approved by {one.approved_by})"
        )
    if not found:
        print(f"No agreement holds in {wanted}: hr-core pay agreements import FILE")


@agreements.command("show")
def show_agreements(
    context: typer.Context,
    employee: EmployeeArgument,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """All agreements of a person, the first one first."""
    import msgspec

    from hr_core.people.lookup import person_of_number
    from hr_core.store.pay_agreements import agreements_until

    with reading(context, db) as conn:
        person = person_of_number(conn, employee, today_here(conn))
        found = agreements_until(conn, _last_day(), [person]).get(person, ())
    told = [_agreement(one) for one in found]
    if as_json:
        print_json({"person": person, "agreements": told})
        return
    for one in told:
        print(msgspec.json.format(msgspec.json.encode(one), indent=2).decode())
    if not told:
        print(f"{person} has no agreement: hr-core pay agreements import FILE")


@entries.command("add")
def add_entry(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    employee: EmployeeArgument,
    kind: Annotated[str, typer.Argument(help="Like instant_bonus.", show_default=False)],
    yuan: Annotated[str, typer.Argument(help="Above zero, like 500.00.", show_default=False)],
    *,
    month: MonthOption,
    name: Annotated[str, typer.Option("--name", help="What the slip calls it.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="What it is for.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose a single sum; it is not paid until another person approves it."""
    from hr_core.approvals.actors import actor_named
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.pay.proposals import EntryProposal, paid_by, propose_entry
    from hr_core.people.lookup import person_in_month

    wanted, kind_ = parse_month(month), _kind(kind)
    with writing(context, db) as conn:
        person = person_in_month(conn, employee, wanted)
        new = EntryProposal(
            person=person,
            month=str(wanted),
            kind=kind_,
            name=name or kind_.value,
            amount_fen=_fen(yuan),
            reason=reason,
        )
        actor = actor_named(conn, by or operator())
        number = propose_entry(conn, new, at=SystemClock().now(), by=actor)
        paid = paid_by(conn, kind_, str(wanted))
    if as_json:
        told = {"approval": number, "person": person, "month": str(wanted), "paid_by_run": paid}
        print_json(told)
        return
    print(f"waits for another person: hr-core approvals approve {number} --by NAME")
    if paid is not None:
        print(
            f"  {wanted} is paid by the approved run {paid}, which stays: it comes with the next run; "
            f"see hr-core pay would-differ {wanted}"
        )


@entries.command("list")
def list_entries(
    context: typer.Context, *, month: MonthOption, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """The sums of a month: approved ones, and those that wait for another person."""
    from hr_core.approvals.desk import open_approvals
    from hr_core.approvals.kinds import Kind
    from hr_core.money import format_fen
    from hr_core.store.pay_entries import entries_of_month

    wanted = parse_month(month)
    with reading(context, db) as conn:
        found = [one for rows in entries_of_month(conn, str(wanted)).values() for one in rows]
        waiting = [
            one
            for one in open_approvals(conn, Kind.PAY_ENTRY)
            if one.content.get("month") == str(wanted)
        ]
    if as_json:
        waits = [{"approval": one.number, **one.content} for one in waiting]
        print_json({"month": str(wanted), "entries": found, "waiting": waits})
        return
    for one in found:
        print(
            f"{one.number}  {one.person}  {one.kind}  {one.name}  {format_fen(one.amount_fen)}  "
            f"(entered by {one.entered_by}, approved by {one.approved_by})"
        )
    for wait in waiting:
        print(f"waits as approval {wait.number}: {wait.subject}, entered by {wait.proposed_by}")
    if not found and not waiting:
        print(f"Nothing was entered for {wanted}.")


def _agreement(one: "DatedAgreement") -> dict[str, Any]:
    import msgspec

    from hr_core.pay.agreement_desk import without_account

    told: dict[str, Any] = msgspec.to_builtins(one)
    return told | {"terms": msgspec.to_builtins(without_account(one.terms))}


def _kind(text: str) -> "EntryKind":
    from hr_core.pay.entry import EntryKind

    try:
        return EntryKind(text)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is none of {', '.join(EntryKind)}", param_hint="KIND"
        ) from exc


def _fen(text: str) -> int:
    from hr_core.money import MAX_FEN, parse_yuan

    try:
        fen = parse_yuan(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="YUAN") from exc
    if not 0 < fen <= MAX_FEN:
        raise typer.BadParameter(
            f"{text} is not above zero: the kind tells whether it is paid or taken off",
            param_hint="YUAN",
        )
    return fen


def _last_day() -> "date":
    from datetime import date

    return date.max

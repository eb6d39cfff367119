"""`hr-core pay prices` and `hr-core pay pieces`: piece prices, and pieces that people counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    parse_month,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.pay.piece.person_pieces import PersonPieces
    from hr_core.pay.piece.prices import PriceRow, PriceTable

prices = typer.Typer(help="Piece prices: dated tables, approved by a second person.",
                     rich_markup_mode=None)  # fmt: skip
pieces = typer.Typer(help="Pieces by tally sheet and by counter.", rich_markup_mode=None)


@prices.command("import")
def import_prices(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="TOML, xlsx or CSV.", show_default=False)],
    *,
    source: Annotated[
        str, typer.Option("--source", help="Of a sheet: who decided the prices, written where.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the proposal.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose a price table. It pays once another person approved it (hr-core approvals approve N)."""
    from hr_core.approvals.actors import actor_named
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.pay.piece.price_desk import propose_table
    from hr_core.pay.piece.table_sheet import read_table

    table = read_table(file, source)
    with writing(context, db) as conn:
        done = propose_table(
            conn,
            table,
            file=str(file),
            at=SystemClock().now(),
            by=actor_named(conn, by or operator()),
            reason=reason,
        )
    if as_json:
        print_json({"file": str(file), "approval": done.number, "added": done.added})
    elif done.added:
        print(f"{file}: proposed as {done.number}; another person approves it:")
        print(f"  hr-core approvals approve {done.number} --by NAME")
    else:
        print(f"{file}: was here already, as {done.number}")


@prices.command("list")
def list_prices(
    context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """Show every price table, proposed and decided, oldest first."""
    from hr_core.approvals.desk import approvals_in
    from hr_core.approvals.kinds import Kind

    with reading(context, db) as conn:
        found = approvals_in(conn, None, Kind.PIECE_PRICE)
    rows = [
        {
            "approval": one.number,
            "name": one.content["name"],
            "state": one.state,
            "proposed_by": one.proposed_by,
            "decided_by": one.decided_by,
            "decided_at": one.decided_at,
            "prices": len(one.content["price"]),
            "source": one.content["source"],
        }
        for one in found
    ]
    if as_json:
        print_json({"tables": rows})
        return
    for row in rows:
        decided = f" by {row['decided_by']}" if row["decided_by"] else ""
        print(
            f"{row['approval']}  {row['state']}{decided}  {row['name']}  {row['prices']} prices, "
            f"entered by {row['proposed_by']}: {row['source']}"
        )
    if not rows:
        print("No price table is here: hr-core pay prices import FILE")


@prices.command("show")
def show_prices(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The table's approval.", show_default=False)],
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the rows of one table: prices, what stations make, groups."""
    from hr_core.approvals.desk import approval
    from hr_core.approvals.kinds import Kind
    from hr_core.errors import NotFoundError
    from hr_core.pay.piece.price_desk import table_of_approval

    with reading(context, db) as conn:
        found = approval(conn, number)
    if found.kind is not Kind.PIECE_PRICE:
        raise NotFoundError(
            f"approval {number} is a {found.kind}, no price table",
            remedy="list the tables: hr-core pay prices list",
        )
    if as_json:
        print_json({"approval": number, "state": found.state, "table": found.content})
        return
    table = table_of_approval(found)
    print(f"{table.version}  {found.state}  {table.name}: {table.source}")
    for text in _table_lines(table):
        print(f"  {text}")


@pieces.command("import")
def import_pieces(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Tally sheet, CSV or xlsx.", show_default=False)],
    *,
    replace: Annotated[
        str, typer.Option("--replace", help="Why rows that are here with other figures give way.")
    ] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import pieces that people counted; rows that are here already change nothing."""
    import msgspec

    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.pay.piece.tally_sheet import import_tally

    with writing(context, db) as conn:
        done = import_tally(
            conn, file, by=by or operator(), at=SystemClock().now(), replace=replace
        )
    if as_json:
        print_json(msgspec.to_builtins(done))
    else:
        print(
            f"{file}: {done.rows} rows: {done.added} added, {done.same} were here already, "
            f"{done.replaced} replaced"
        )
        for paid in done.paid_months:
            print(
                f"  {paid} has an approved run, which stays: wages that these rows change come with the "
                f"next run, and so does scrap, within its cap; see hr-core pay would-differ {paid}"
            )


@pieces.command("show")
def show_pieces(
    context: typer.Context, month: MonthOption, *, db: DbOption = None, as_json: JsonOption = False
) -> int:
    """Show what everybody who is paid by the piece made in a month, and what to look at first."""
    from hr_core.clock import SystemClock
    from hr_core.pay.agreement import of_month
    from hr_core.pay.month_days import days_to_pay
    from hr_core.pay.piece.month_pieces import pieces_of_month
    from hr_core.pay.run import imported_roster
    from hr_core.store.pay_agreements import agreements_until
    from hr_core.store.person_records import employments_by_person

    wanted = parse_month(month)
    with reading(context, db) as conn:
        roster = imported_roster(conn)
        now, contracts = SystemClock().now(), employments_by_person(conn)
        last = max(wanted.days())
        found = pieces_of_month(
            conn,
            roster,
            wanted,
            days_to_pay(conn, roster, wanted, now, contracts),
            {one: of_month(held, wanted) for one, held in agreements_until(conn, last).items()},
        )
    people = [_shown(person, one) for person, one in found.of_person.items()]
    if as_json:
        objects = [one._asdict() for one in people]
        print_json({"month": str(wanted), "people": objects, "notes": found.notes})
    else:
        for one in people:
            refused = f"  refused: {one.refused}" if one.refused else ""
            print(f"{one.person}  {one.pieces} pieces, {one.amount}{refused}")
            for text in one.lines:
                print(f"  {text}")
        for note in found.notes:
            print(f"look at: {note}")
        if not people:
            print(
                f"nobody is paid by the piece in {wanted}: it needs by_piece = true in the pay "
                "agreement (hr-core pay agreements import)"
            )
    return ExitCode.DEGRADED if found.notes or any(one.refused for one in people) else ExitCode.OK


class _Shown(NamedTuple):
    person: str
    pieces: int
    amount: str
    lines: list[str]
    refused: str


def _shown(person: str, one: PersonPieces) -> _Shown:
    from hr_core.errors import CoreError
    from hr_core.money import format_fen
    from hr_core.pay.piece.person_pieces import lines_of

    refused, lines = "", list[str]()
    amount = 0
    try:
        for line in lines_of(one):
            amount += line.amount_fen
            lines.append(f"{line.code}  {format_fen(line.amount_fen)}  {line.note}")
    except CoreError as error:
        refused = f"{error}; {error.remedy}"
    made = sum(part.pieces for part in one.made if part.what == "made")
    return _Shown(person, made, format_fen(amount), lines, refused)


def _table_lines(table: PriceTable) -> list[str]:
    found = [_price_line(row) for row in table.prices]
    for made in table.assignments:
        place = f"station {made.station}" if made.station else f"line {made.line}"
        until = f" until {made.until}" if made.until else ""
        found.append(
            f"{place}: {made.goods.text} from {made.since}{until}, rejects {made.rejects.value}"
        )
    for group in table.groups:
        for member in group.members:
            until = f" until {member.until}" if member.until else ""
            found.append(
                f"group {group.code}: {member.person} x {float(member.coefficient):g} from "
                f"{member.since}{until}"
            )
    return found


def _price_line(row: PriceRow) -> str:
    from hr_core.pay.piece.amounts import yuan_text as yuan

    until = f" until {row.until}" if row.until else ""
    text = f"{row.goods.text} from {row.since}{until}: {yuan(row.bands[0].price)}"
    word = "above the quota of" if row.quota else "over"
    text += "".join(f", {word} {band.over}: {yuan(band.price)}" for band in row.bands[1:])
    if len(row.bands) > 1:
        text += f" a {row.per.value}" + (", all at the band reached" if row.pays == "all" else "")
    for name in ("rework", "own_rework", "scrap"):
        price = getattr(row, name)
        text += "" if price is None else f"; {name} {yuan(price)}"
    return text

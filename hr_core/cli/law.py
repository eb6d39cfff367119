"""`hr-core law`: which pay law the core knows, how far to trust it, and importing more."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    has_database,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.law.imported import ProposedLaw
    from hr_core.law.rows import LawRow

app = typer.Typer(help="Pay law: dated rows, each with its source.", rich_markup_mode=None)

OnOption = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="The day [default: today, UTC]."),
]


@app.callback()
def _law() -> None: ...


@app.command("status")
def status(
    context: typer.Context, *, on: OnOption = None, db: DbOption = None, as_json: JsonOption = False
) -> int:
    """List the cities by the status and age of their law, the least trusted first."""
    import msgspec

    from hr_core.law.checking import law_status

    day = _day(on)
    cities = law_status(_rows(context, db), day)
    counted: dict[str, int] = {}
    for one in cities:
        name = str(one.status or "none")
        counted[name] = counted.get(name, 0) + 1
    if as_json:
        print_json({"on": day, "cities": msgspec.to_builtins(cities), "by_status": counted})
        return ExitCode.OK
    for one in cities:
        items = ", ".join(sorted(one.items)) or "nothing holds on this day"
        print(f"{one.city}\t{one.status or 'none'}\t{one.age_days} days\t{items}")
    print(", ".join(f"{name} {count}" for name, count in counted.items()))
    return ExitCode.OK


@app.command("check")
def check(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(help="A law file [default: all that the core knows].", show_default=False),
    ] = None,
    *,
    on: OnOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Find gaps, overlaps, ended rows, missing sources and rates; 1 when there are any."""
    import msgspec

    from hr_core.law.checking import check_law
    from hr_core.law.imported import read_law_file

    rows = read_law_file(file).rows if file else _rows(context, db)
    found = check_law(rows, _day(on))
    if as_json:
        print_json({"rows": len(rows), "findings": msgspec.to_builtins(found)})
    else:
        for one in found:
            print(f"{one.fault}\t{one.city}\t{one.item}\t{one.what}")
        print(f"{len(rows)} rows, {len(found)} findings")
    return ExitCode.DEGRADED if found else ExitCode.OK


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="Law rows (TOML) or a known JSON collection.", show_default=False)
    ],
    *,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Bring law rows with the status they deserve; they pay once another person has approved them.
    Exit 1 when a row of the file was not usable.
    """
    from hr_core.approvals.actors import actor_named, who_can
    from hr_core.approvals.kinds import Kind
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.law.imported import propose_law_file

    with writing(context, db) as conn:
        actor = actor_named(conn, by or operator())
        done = propose_law_file(conn, file, at=SystemClock().now(), by=actor)
        can = who_can(conn, Kind.LAW, actor)
    counted: dict[str, int] = {}
    for row in done.rows:
        counted[str(row.status)] = counted.get(str(row.status), 0) + 1
    if as_json:
        print_json(
            {
                "file": str(file),
                "added": done.new,
                "approval": done.approval,
                "who_can": can if done.approval else "",
                "cities": len({row.city for row in done.rows}),
                "rows": len(done.rows),
                "by_status": counted,
                "skipped": [one._asdict() for one in done.skipped],
            }
        )
    else:
        _tell(file, done, counted, can)
    return ExitCode.DEGRADED if done.skipped else ExitCode.OK


def _tell(file: Path, done: ProposedLaw, counted: dict[str, int], can: str) -> None:
    what = "was here already"
    if done.approval is not None:
        what = "proposed" if done.new else "waits already"
    rows = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
    print(f"{file}: {what}: {len({row.city for row in done.rows})} cities, {rows}")
    for one in done.skipped:
        print(f"  not usable: {one.city}: {one.why}")
    if done.approval is not None:
        print(
            f"  pays nobody until another person approves it: hr-core approvals approve "
            f"{done.approval} --by NAME (can: {can})"
        )


def _rows(context: typer.Context, db: str | None) -> tuple[LawRow, ...]:
    """Without a database those that ship are all there is."""
    from hr_core.law.imported import all_rows
    from hr_core.law.loading import built_in_rows

    if not has_database(context, db):
        return built_in_rows()
    with reading(context, db) as conn:
        return all_rows(conn)


def _day(on: datetime | None) -> date:
    from hr_core.clock import SystemClock

    return on.date() if on else SystemClock().now().date()

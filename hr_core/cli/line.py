"""`hr-core line import`, `line replace`: what people enter about stations and boxes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hr_core.cli.options import DbOption, JsonOption, print_json, writing

app = typer.Typer(help="Stations of a line, and boxes that were replaced.", rich_markup_mode=None)


@app.callback()
def _line() -> None: ...


@app.command("import")
def import_line_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Line file (TOML).", show_default=False)],
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load readers, teams, rosters and owners of alerts; the whole file is in force from now on."""
    from hr_core.clock import SystemClock
    from hr_core.pay.run import imported_roster
    from hr_core.people.file import read_file
    from hr_core.quality.line_settings import check_settings, parse_settings
    from hr_core.store.line_entries import add_line_file

    text = read_file(file)
    settings = parse_settings(text, file=str(file))
    with writing(context, db) as conn:
        check_settings(settings, imported_roster(conn), file=str(file))
        add_line_file(conn, file.name, text, SystemClock().now())
    counts = {
        "file": str(file),
        "stations": len(settings.station),
        "roster": len(settings.roster),
        "owners": len(settings.owner),
    }
    if as_json:
        print_json(counts)
    else:
        print(
            f"{file}: {counts['stations']} stations, {counts['roster']} planned presences, "
            f"{counts['owners']} owners of alerts"
        )


@app.command("replace")
def replace(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The box.", show_default=False)],
    tag: Annotated[str, typer.Argument(help="The counter on it.", show_default=False)],
    *,
    at: Annotated[str, typer.Option("--at", help="Since when, with its zone: …T08:30:00+08:00.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it was replaced.")],
    by: Annotated[str | None, typer.Option("--by", help="Who [default: your account].")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter that another box counts here: a new series, never a delta between the two."""
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.quality.counters import Replacement
    from hr_core.store.line_entries import add_replacement

    author = by or operator()
    moment = _instant(at)
    if not reason.strip():
        raise typer.BadParameter("say why the box was replaced", param_hint="--reason")
    entry = Replacement(at=int(moment.timestamp()), author=author, reason=reason.strip())
    with writing(context, db) as conn:
        added = add_replacement(conn, (source, tag), entry, SystemClock().now())
    shown = {"source": source, "tag": tag, "at": moment.isoformat(), "added": added}
    if as_json:
        print_json(shown)
    else:
        print(f"{source}/{tag}: another box since {moment.isoformat()}" + _known(added=added))


def _known(*, added: bool) -> str:
    return "" if added else " (entered before)"


def _instant(text: str) -> datetime:
    """Raises a usage error: without a zone a swap could lie eight hours off."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is not a time", param_hint="--at") from exc
    if moment.tzinfo is None:
        raise typer.BadParameter(
            f"{text!r} has no zone; write 2026-11-21T08:30:00+08:00", param_hint="--at"
        )
    return moment.astimezone(UTC).replace(microsecond=0)

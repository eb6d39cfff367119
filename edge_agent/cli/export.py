"""`edge-agent export list|test|forget`: the ways into other systems, beside the core."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from edge_agent.config.exports import AnyExport
    from edge_agent.config.models import SiteConfig
    from protocols.uplink import Observation
    from sync.exporters.contract import ExportBatch

app = typer.Typer(help="Other systems that get the punches beside the core.", no_args_is_help=True)

_SHOWN_RECORDS = 5
_COLUMNS = {
    "EXPORT": "name",
    "KIND": "kind",
    "WAITING": "backlog",
    "POSITION": "position",
    "REFUSED": "dead_letters",
    "PASSED OVER": "given_up",
    "LAST SUCCESS": "last_success_at",
}
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the [[export]].")]


@app.command("list")
def list_exports(*, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Show every export: what waits, how far it is, its last error."""
    from edge_agent.config.places import read_places, require_config
    from edge_agent.spool.reading import read_ledger
    from edge_agent.status.agent import read_agent
    from edge_agent.status.columns import aligned
    from edge_agent.status.exports import export_problems, export_rows

    places = read_places(require_config(config_file))
    agent = read_agent(places, datetime.now(UTC))
    ledger = read_ledger(places.spool) if places.spool.exists() else {}
    rows = export_rows(places.exports, ledger, agent.snapshot if agent.running else {})
    problems = list(export_problems(rows))
    if as_json:
        print(json.dumps({"exports": rows}, ensure_ascii=False))
    elif not rows:
        print("No [[export]] in the site file. docs/exporters.md says how to write one.")
    else:
        cells = [[row[key] for key in _COLUMNS.values()] for row in rows]
        print("\n".join(aligned(list(_COLUMNS), cells)))
        for where, what, remedy in problems:
            print(f"{where}: {what}\n    {remedy}")
    return ExitCode.DEGRADED if problems else ExitCode.OK


@app.command("test")
def try_out(
    name: NameArgument,
    *,
    config_file: ConfigOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask nobody; only show what would be sent.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Check address, credentials and rights, and show what would be sent. Leaves nothing there."""
    import asyncio

    site, config = _configured(name, config_file)
    said, lines = asyncio.run(_test(site, config, dry_run=dry_run))
    if as_json:
        print(json.dumps({"export": name, "check": said, "next": lines}, ensure_ascii=False))
        return ExitCode.OK
    print(f"{name}: {said}" if said else f"{name}: not asked (--dry-run)")
    print(f"First of what waits, up to {_SHOWN_RECORDS} records:" if lines else "Nothing waits.")
    for line in lines:
        print(f"  {line}")
    return ExitCode.OK


@app.command("forget")
def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An export taken out of the file.")],
    *,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """End a sink that has no [[export]] any more: it holds no records back from now on."""
    from edge_agent.config.places import read_places, require_config
    from edge_agent.spool.sinks import forget as forget_sink
    from edge_agent.status.agent import read_agent
    from edge_agent.status.exports import CORE

    path = require_config(config_file)
    places = read_places(path)
    if name == CORE:
        raise _usage("core is the sink of [uplink], no export", "Name an export", "export list")
    if name in dict(places.exports):
        remedy = f"Take its [[export]] out of {path}, restart the agent, then forget it"
        raise _usage(f"{name} is still in the site file", remedy, "export list")
    agent = read_agent(places, datetime.now(UTC))
    if agent.running and any(one["name"] == name for one in agent.snapshot.get("exports", [])):
        remedy = "systemctl restart edge-agent, then forget it"
        raise _usage(f"the running agent still feeds {name}", remedy, "status")
    gone = forget_sink(places.spool, name)
    if gone is None:
        raise _usage(f"the spool knows no export {name}", "Name one of the list", "export list")
    if as_json:
        facts = {"export": name, "waiting": gone.waiting, "dead_letters": gone.dead_letters}
        print(json.dumps(facts))
    else:
        print(
            f"{name} is forgotten: {gone.waiting} records that it had not taken and "
            f"{gone.dead_letters} dead letters hold nothing back any more. The records stay."
        )
    return ExitCode.OK


def _configured(name: str, config_file: Path | None) -> "tuple[SiteConfig, AnyExport]":
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config
    from edge_agent.config.suggestion import did_you_mean

    site = load_config(require_config(config_file))
    config = site.export(name)
    if config is None:
        names = [export.name for export in site.exports]
        remedy = f"Exports: {', '.join(names)}" if names else "The site file has no [[export]]"
        raise _usage(
            f'there is no export "{name}"{did_you_mean(name, names)}', remedy, "export list"
        )
    return site, config


async def _test(
    site: "SiteConfig", config: "AnyExport", *, dry_run: bool
) -> tuple[str | None, Sequence[str]]:
    from edge_agent.exporting import make_exporter
    from edge_agent.system_clock import SystemClock

    exporter = make_exporter(config, clock=SystemClock())
    try:
        said = None if dry_run else await exporter.check()
        batch = _next(site, config)
        return said, exporter.preview(batch) if batch.observations else ()
    finally:
        await exporter.aclose()


def _next(site: "SiteConfig", config: "AnyExport") -> "ExportBatch":
    """The first records that wait and that the export takes; the spool is only read."""
    from edge_agent.exporting import selection_of
    from edge_agent.spool import inspection, sinks
    from edge_agent.spool.reading import open_ledger
    from sync.exporters.contract import ExportBatch

    waiting: tuple[Observation, ...] = ()
    names: dict[str, str] = {}
    if site.spool_path.exists():
        with closing(open_ledger(site.spool_path)) as connection:
            # A new one that starts now begins behind what is here.
            if config.start == "all" or sinks.is_known(connection, config.name):
                waiting = inspection.peek_at(connection, config.name, config.batch_records)
            names = sinks.names_of_devices(connection)
    selection = selection_of(config)
    chosen = [one for one in waiting if selection.takes(one, names)][:_SHOWN_RECORDS]
    return ExportBatch(
        sink=config.name,
        gateway=site.gateway.name,
        site=site.site.name,
        number=0,
        first_arrival=0,
        last_arrival=0,
        observations=tuple(chosen),
        device_names=names,
    )


def _usage(what: str, remedy: str, command: str) -> UsageError:
    return UsageError(what, where="export", remedy=remedy, try_command=f"edge-agent {command}")

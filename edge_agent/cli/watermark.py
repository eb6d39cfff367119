"""`edge-agent watermark`: up to when everything that a device recorded is at the core."""

import json
from datetime import datetime
from typing import Annotated

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.config.places import read_places, require_config
from edge_agent.errors import ExitCode
from edge_agent.status.columns import aligned


def watermark(
    *,
    config_file: ConfigOption = None,
    sink: Annotated[str, typer.Option("--sink", help="Of which receiver.")] = "core",
    as_json: JsonOption = False,
) -> int:
    """Show per device: on it, fetched, stored, acknowledged, and complete until when."""
    from edge_agent.spool.acts import looking
    from edge_agent.spool.publishing import watermarks_of
    from edge_agent.spool.reading import read_ledger

    path = read_places(require_config(config_file)).spool
    ledger = {device["serial"]: device for device in read_ledger(path)["devices"]}
    with looking(path) as connection:
        marks = watermarks_of(connection, sink)
    rows = [
        {
            "device": ledger[mark.serial]["name"],
            "serial": mark.serial,
            "on_device": mark.on_device,
            "fetched": mark.fetched,
            "stored": mark.stored,
            "acked": ledger[mark.serial]["acked_by"].get(sink, 0),
            "complete_until": _iso(mark.complete_until),
            "held_by": mark.held_by,
        }
        for mark in marks
    ]
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return ExitCode.OK
    if not rows:
        print("no device with punches or counts was read yet")
        return ExitCode.OK
    titles = [key.upper().replace("_", " ") for key in rows[0]]
    print("\n".join(aligned(titles, [list(row.values()) for row in rows])))
    return ExitCode.OK


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

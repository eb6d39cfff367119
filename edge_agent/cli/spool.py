"""`edge-agent spool`: what the gateway keeps, seen beside the running agent."""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from edge_agent.cli.erase import erase
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.config.places import read_places, require_config
from edge_agent.errors import ExitCode, UsageError
from edge_agent.status.columns import aligned

if TYPE_CHECKING:
    from edge_agent.spool.export import Exported

app = typer.Typer(
    help="Look into the spool, check it, export it, give space back.", no_args_is_help=True
)
app.command("erase")(erase)

SinkOption = Annotated[str, typer.Option("--sink", help="Of which receiver.")]
_MIB = 1024 * 1024
_CSV_COLUMNS = (
    "event_id", "kind", "device", "serial", "user_id", "device_time", "state", "verify", "source",
    "tag", "metric", "value", "source_time", "code", "lane", "arrival", "received_at", "zone",
    "clock_offset_ms", "gateway_flags", "sinks", "raw",
)  # fmt: skip


def _spool_of(config_file: Path | None) -> Path:
    return read_places(require_config(config_file)).spool


@app.command("stats")
def stats(*, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Count what is kept: rows by device, backlog by receiver and lane, age, size."""
    from edge_agent.spool.reading import read_ledger

    path = _spool_of(config_file)
    ledger = read_ledger(path)
    if as_json:
        print(json.dumps({"spool": str(path), **ledger}, ensure_ascii=False))
        return ExitCode.OK
    print(f"{path}: {ledger['file_bytes'] / _MIB:,.1f} MiB, schema {ledger['schema']}, oldest row "
          f"{ledger['oldest_received_at'] or '-'}\n")  # fmt: skip
    counters = ("name", "serial", "received", "stored", "known", "quarantined", "acked", "deleted",
                "thinned")  # fmt: skip
    rows = [[device[key] for key in counters] for device in ledger["devices"]]
    print("\n".join(aligned([key.upper() for key in counters], rows)))
    waiting = [
        [sink, lane, count]
        for sink, lanes in ledger["backlog"].items()
        for lane, count in lanes.items()
    ]
    print("\n" + "\n".join(aligned(["SINK", "LANE", "WAITING"], waiting)))
    return ExitCode.OK


@app.command("peek")
def peek(
    *,
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=5_000)] = 20,
    as_json: JsonOption = False,
) -> int:
    """Show the first rows that a receiver has not settled, in order of arrival."""
    from contextlib import closing

    from edge_agent.cli.device_rows import row_of
    from edge_agent.spool.inspection import peek_at
    from edge_agent.spool.reading import open_ledger

    with closing(open_ledger(_spool_of(config_file))) as connection:
        connection.execute("BEGIN")
        waiting = peek_at(connection, sink, limit)
    rows = [
        {"event_id": one.event_id, **row_of(one.record), "received_at": one.received_at.isoformat()}
        for one in waiting
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return ExitCode.OK
    shown = [
        [row["event_id"][:12], row["kind"], row.get("serial", row.get("source")),
         row.get("user_id", row.get("tag", row.get("code"))),
         row.get("device_time", row.get("source_time")), row["received_at"][:19]]
        for row in rows
    ]  # fmt: skip
    print("\n".join(aligned(["EVENT", "KIND", "DEVICE", "WHO/WHAT", "TIME", "RECEIVED"], shown)))
    return ExitCode.OK


@app.command("verify")
def verify(*, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Unfold every page and compare the counters. Names each damaged page."""
    from edge_agent.spool.verification import verify as verify_spool

    path = _spool_of(config_file)
    with _progress("pages verified") as progress:
        found = verify_spool(path, progress)
    if as_json:
        faults = [{"where": fault.where, "what": fault.what} for fault in found.faults]
        print(json.dumps({"spool": str(path), "pages": found.pages, "rows": found.rows,
                          "faults": faults}, ensure_ascii=False))  # fmt: skip
    else:
        for fault in found.faults:
            print(f"{fault.where}: {fault.what}")
        verdict = f"{len(found.faults)} faults" if found.faults else "all as it was written"
        print(f"{found.pages} pages, {found.rows} rows: {verdict}")
    return ExitCode.BROKEN if found.faults else ExitCode.OK


@app.command("export")
def export(  # noqa: PLR0913 - each is an option
    *,
    config_file: ConfigOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File (default: standard output).")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON lines.")] = False,
    since: Annotated[
        datetime | None, typer.Option("--since", help="Of the rows' own time, from.")
    ] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Up to, not included.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="Name or serial.")] = None,
    sink: Annotated[str | None, typer.Option("--sink", help="Whose state counts.")] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="waiting, in_flight, kept, dead or settled."),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="With the devices' own bytes.")] = False,
) -> int:
    """Write rows with what the gateway knows of them, as JSON lines or CSV."""
    from edge_agent.spool.export import SINK_STATES, Wanted
    from edge_agent.spool.export import export as export_rows

    if state is not None and state not in SINK_STATES:
        raise UsageError(
            f"there is no state {state}",
            where="--state",
            remedy=f"One of {', '.join(SINK_STATES)}",
            try_command="edge-agent spool export --help",
        )
    wanted = Wanted(since=since, until=until, device=device, sink=sink, state=state)
    rows = export_rows(_spool_of(config_file), wanted)
    with _opened(output) as out, _progress("rows exported") as progress:
        write = _csv_writer(out) if as_csv else _line_writer(out)
        for count, exported in enumerate(rows, start=1):
            write(_exported_row(exported, raw=raw))
            progress(count, 0)
    return ExitCode.OK


@app.command("compact")
def compact(*, config_file: ConfigOption = None) -> int:
    """Give free space inside the spool back to the disk. The agent must be stopped."""
    from edge_agent.spool.compaction import compact as compact_spool

    path = _spool_of(config_file)
    with _progress("compacting") as progress:
        progress(0, 1)
        before, after = compact_spool(path)
    print(f"{path}: {before / _MIB:,.1f} MiB before, {after / _MIB:,.1f} MiB now")
    return ExitCode.OK


def _exported_row(exported: "Exported", *, raw: bool) -> dict[str, Any]:
    from edge_agent.cli.device_rows import row_of

    seen = exported.row.observation()
    row = row_of(seen.record)
    if not raw:
        row.pop("raw", None)
    return {
        "event_id": seen.event_id,
        **row,
        "device": exported.device,
        "lane": str(exported.lane),
        "arrival": exported.row.arrival,
        "received_at": seen.received_at.isoformat(),
        "zone": seen.zone,
        "clock_offset_ms": seen.clock_offset_ms,
        "gateway_flags": [str(flag) for flag in seen.flags],
        "sinks": exported.sinks,
    }


def _line_writer(out: TextIO) -> Callable[[dict[str, Any]], None]:
    return lambda row: print(json.dumps(row, ensure_ascii=False), file=out)


def _csv_writer(out: TextIO) -> Callable[[dict[str, Any]], None]:
    writer = csv.DictWriter(out, _CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()

    def write(row: dict[str, Any]) -> None:
        states = " ".join(f"{sink}={state}" for sink, state in row["sinks"].items())
        writer.writerow({**row, "sinks": states, "gateway_flags": " ".join(row["gateway_flags"])})

    return write


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """A file readable by its owner alone: punches are personal data."""
    if output is None:
        yield sys.stdout
        return
    output.touch(mode=0o600)
    with output.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """On a terminal one line that is written over; nothing in a pipe."""
    shown = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        if shown and (done % 100 == 0 or done == total):
            of = f" of {total}" if total else ""
            print(f"\r{what}: {done}{of}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if shown:
            print(file=sys.stderr)

"""`edge-agent quarantine list|show|retry|settle`: bytes that no decoder understood."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from edge_agent.cli.audit import audit
from edge_agent.cli.decisions import deciding_person, printable, refusal, sentence_of, spool_of
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode
from edge_agent.status.columns import aligned

if TYPE_CHECKING:
    from drivers.stored_bytes import Redecoded
    from edge_agent.spool.quarantine import Held

app = typer.Typer(
    help="Bytes that could not be decoded: look, decode again after an upgrade, or settle.",
    no_args_is_help=True,
)

Rows = Annotated[list[str] | None, typer.Argument(metavar="ROW…", help="Numbers of the list.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every row that waits.")]
_SHOWN_BYTES = 20


@app.command("list")
def list_rows(
    *,
    config_file: ConfigOption = None,
    settled: Annotated[
        bool, typer.Option("--settled", help="Also those that wait no more.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Show what waits: device, reason, first bytes. Exit 1 when something does."""
    rows = _read(config_file)
    shown = [row for row in rows if settled or row.settled is None]
    waiting = sum(row.settled is None for row in rows)
    if as_json:
        print(json.dumps({"waiting": waiting, "rows": [_row(row) for row in shown]},
                         ensure_ascii=False))  # fmt: skip
    elif not shown:
        print(f"Nothing waits in quarantine; {len(rows)} rows were settled (--settled).")
    else:
        cells = [
            [row.number, row.device_name, row.row.source, row.row.offset, len(row.row.raw),
             f"{row.first_seen:%Y-%m-%d %H:%M}", _state(row), printable(row.row.reason)[:60],
             row.row.raw[:_SHOWN_BYTES].hex()]
            for row in shown
        ]  # fmt: skip
        header = [
            "ROW",
            "DEVICE",
            "SOURCE",
            "OFFSET",
            "BYTES",
            "SINCE",
            "STATE",
            "REASON",
            "BEGINS",
        ]
        print("\n".join(aligned(header, cells)))
        print(f"\n{waiting} wait. After an upgrade: edge-agent quarantine retry --all")
    return ExitCode.DEGRADED if waiting else ExitCode.OK


@app.command("show")
def show(
    number: Annotated[str, typer.Argument(metavar="ROW", help="Number of the list.")],
    *,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show one: all bytes, why they were not decoded, what today's decoder makes of them."""
    (held,) = _named(_read(config_file), [number], open_only=False)
    today = None if held.settled else _decoded(config_file, held)
    verdict = None if today is None else today.why_not or "decodes today: quarantine retry"
    facts = _row(held) | {"raw": held.row.raw.hex(), "today": verdict}
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return ExitCode.OK
    for key, value in facts.items():
        print(f"{key:12} {printable(str(value))}")
    return ExitCode.OK


@app.command("retry")
def retry(
    rows: Rows = None,
    *,
    config_file: ConfigOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
) -> int:
    """Decode again with this version. Good rows become records; the agent takes them up.

    Each is known by its identity: one that came in another way meanwhile is not doubled.
    """
    from edge_agent.spool.quarantine import DecodedRow, order_intake

    path, person = spool_of(config_file), deciding_person()
    told: list[dict[str, Any]] = []
    for held in _selected(_read(config_file), rows, every=every, command="quarantine retry"):
        made = _decoded(config_file, held)
        done = bool(made.records) and order_intake(
            path, held, DecodedRow(records=made.records, zone=_zone(config_file, held)), person
        )
        why = made.why_not if not made.records else None if done else "was taken up meanwhile"
        told.append(
            {"row": held.number, "records": len(made.records) if done else 0, "why_not": why}
        )
        if done:
            audit(held.serial, "quarantine-retry", f"row {held.number} decoded", after="a record")
    good = sum(bool(one["records"]) for one in told)
    if as_json:
        print(json.dumps({"decoded": good, "left": len(told) - good, "rows": told},
                         ensure_ascii=False))  # fmt: skip
    else:
        for one in told:
            print(f"row {one['row']}: {printable(one['why_not'] or 'decoded')}")
        print(f"{good} decoded: the agent stores them with its next batch, or at its start. "
              f"{len(told) - good} still wait.")  # fmt: skip
    return ExitCode.OK if good == len(told) else ExitCode.DEGRADED


@app.command("settle")
def settle_rows(
    rows: Rows = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence. Kept for ever.")],
    config_file: ConfigOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
) -> int:
    """Say that these bytes are no punch. They stay here, with the reason and your name."""
    from edge_agent.spool.quarantine import settle

    text = sentence_of(reason, "--reason", 'quarantine settle ROW --reason "…"')
    held = _selected(_read(config_file), rows, every=every, command="quarantine settle")
    done = settle(spool_of(config_file), held, text, deciding_person())
    for serial in sorted({one.serial for one in held}):
        count = sum(one.serial == serial for one in held)
        audit(serial, "quarantine-settle", text, after=f"{count} rows")
    if as_json:
        print(json.dumps({"settled": done, "rows": [one.number for one in held]}))
    else:
        print(f"{done} rows are settled: kept here with the reason, and the core is told.")
    return ExitCode.OK


def _read(config_file: Path | None) -> "tuple[Held, ...]":
    from edge_agent.spool.quarantine import read_quarantine

    return read_quarantine(spool_of(config_file))


def _selected(
    everything: "Sequence[Held]", rows: Sequence[str] | None, *, every: bool, command: str
) -> "Sequence[Held]":
    if bool(rows) == every:
        what = "two ways of naming" if every else "which ones was not said"
        raise refusal(what, command, "Name rows, or --all", "quarantine list")
    if rows:
        return _named(everything, rows, open_only=True)
    waiting = [row for row in everything if row.settled is None and not row.ordered]
    if not waiting:
        raise refusal("nothing waits in quarantine", command, "All is well", "quarantine list")
    return waiting


def _named(
    everything: "Sequence[Held]", rows: Sequence[str], *, open_only: bool
) -> "Sequence[Held]":
    by_number = {str(row.number): row for row in everything}
    found = []
    for name in dict.fromkeys(one.strip().removeprefix("#") for one in rows):
        held = by_number.get(name)
        if held is None:
            raise refusal(
                f"there is no row {name!r}", "quarantine", "The list has the numbers",
                "quarantine list --settled",
            )  # fmt: skip
        if open_only and (held.settled or held.ordered):
            raise refusal(
                f"row {name} does not wait: {_state(held)}", "quarantine", "Nothing is left to do",
                f"quarantine show {name}",
            )  # fmt: skip
        found.append(held)
    return found


def _decoded(config_file: Path | None, held: "Held") -> "Redecoded":
    from drivers.stored_bytes import ReadsStoredBytes, Redecoded
    from edge_agent.cli.stored_driver import driver_class

    driver: Any = driver_class(config_file, held.device_name)
    if driver is None:
        return Redecoded((), f"the site file names no device {held.device_name} any more")
    if not isinstance(driver, ReadsStoredBytes):
        return Redecoded((), "this kind of device sends nothing that can be decoded afterwards")
    zone = ZoneInfo(_zone(config_file, held))
    now = datetime.now(UTC).astimezone(zone).replace(tzinfo=None)
    return driver.decode_again(held.row, serial=held.serial, cursor=held.cursor, now=now)


def _zone(config_file: Path | None, held: "Held") -> str:
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config

    device = load_config(require_config(config_file)).device(held.device_name)
    assert device is not None  # noqa: S101 - its driver was found by it
    return device.zone


def _state(held: "Held") -> str:
    if held.settled is not None:
        return f"{held.settled.what.removeprefix('quarantine_')} by {held.settled.who}"
    return "decoded, to be stored" if held.ordered else "waits"


def _row(held: "Held") -> dict[str, Any]:
    settled = held.settled
    return {
        "row": held.number,
        "device": held.device_name,
        "serial": held.serial,
        "source": held.row.source,
        "offset": held.row.offset,
        "bytes": len(held.row.raw),
        "reason": held.row.reason,
        "first_seen": held.first_seen.isoformat(),
        "last_seen": held.last_seen.isoformat(),
        "seen": held.seen,
        "state": _state(held),
        "settled_at": None if settled is None else settled.at.isoformat(),
        "settled_because": None if settled is None else settled.reason,
    }

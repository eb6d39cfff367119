"""`edge-agent watermark`: until when each device's records are read, stored and at the core."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.audit import audit
from edge_agent.cli.decisions import deciding_person, refusal, sentence_of, spool_of
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode
from edge_agent.status.columns import aligned

if TYPE_CHECKING:
    from edge_agent.spool.releasing import Hold

app = typer.Typer(help="Until when each device's records are complete at the core.")

_PASSING = frozenset({None, "waiting", "uncounted"})
_REMEDY = {
    "waiting": "rows that the core has not acknowledged yet (without [uplink] there is no core)",
    "kept": "the core asked to keep rows: edge-agent spool export --state kept",
    "dead_letter": "the core refused rows: edge-agent dead list",
    "quarantined": "bytes could not be decoded: edge-agent quarantine list",
    "clock_behind": "set the device's clock: edge-agent device clock NAME --set",
    "clock_unknown": "the last read measured no clock; the next one may",
    "gateway_clock_suspect": "this gateway's clock is not trusted: timedatectl set-ntp true",
    "count_mismatch": "the device holds more rows than it gave: edge-agent device count NAME",
    "uncounted": "a device without a log cannot say what it recorded",
    "not_read": "its log was not read whole yet",
}
_LOOK = "look into it, then edge-agent watermark release SERIAL --reason …"


@app.callback(invoke_without_command=True)
def watermark(
    context: typer.Context, *, config_file: ConfigOption = None, as_json: JsonOption = False
) -> int:
    """Show until when each device's records are complete, and what holds it. Exit 1 when one is.

    --json: one object a line, a line for each device.
    """
    if context.invoked_subcommand is not None:
        return ExitCode.OK
    from edge_agent.spool.reading import read_ledger
    from edge_agent.spool.releasing import read_holds

    path = spool_of(config_file)
    rows = [_row(row) for row in read_ledger(path)["devices"] if _has_punches(row)]
    holds = read_holds(path)
    if as_json:
        for row in rows:
            own = [_without_serial(hold) for hold in holds if hold.serial == row["serial"]]
            print(json.dumps({**row, "holds": own}, ensure_ascii=False))
    elif not rows:
        print("No device was read yet.")
    else:
        _print(rows)
        for hold in holds:
            print(f"{hold.serial}: {hold.code}, {hold.what}: {_LOOK}")
    held = any(row["held_by"] not in _PASSING for row in rows)
    return ExitCode.DEGRADED if held else ExitCode.OK


@app.command("release")
def release(
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="Serial or name of the device.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="What you found. Kept for ever.")],
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Answer for what may have been lost (a cleared log, rows of a strange time); the core is told."""
    from edge_agent.spool.releasing import read_holds
    from edge_agent.spool.releasing import release as release_holds

    text = sentence_of(reason, "--reason", 'watermark release SERIAL --reason "…"')
    path = spool_of(config_file)
    known = _serial(path, serial)
    if not any(hold.serial == known for hold in read_holds(path)):
        raise refusal(
            f"nothing holds the watermark of {serial} that a person can release",
            "watermark release",
            "Dead letters and quarantine have verbs of their own",
            "watermark",
        )
    done = release_holds(path, known, text, deciding_person())
    audit(known, "watermark-release", text, after=f"{done} holds")
    if as_json:
        print(json.dumps({"serial": known, "released": done}))
    else:
        print(f"{known}: {done} holds released. The watermark rises with the next whole read.")
    return ExitCode.OK


def _serial(path: Path, wanted: str) -> str:
    """Raises UsageError for what is no device."""
    from edge_agent.config.suggestion import did_you_mean
    from edge_agent.spool.reading import read_ledger

    devices = [row for row in read_ledger(path)["devices"] if _has_punches(row)]
    serials = [row["serial"] for row in devices]
    named = [row["serial"] for row in devices if row["name"] == wanted]
    if wanted in serials or len(named) == 1:
        return wanted if wanted in serials else str(named[0])
    known = ", ".join(serials) or "none yet"
    what = f"{wanted} was several units: {', '.join(named)}" if named else f"no device {wanted}"
    raise refusal(
        f"{what}{did_you_mean(wanted, serials)}", "watermark", f"Serials: {known}", "watermark"
    )


def _has_punches(row: dict[str, Any]) -> bool:
    return not str(row["serial"]).endswith("/operations")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("serial", "on_device", "fetched", "stored", "acked", "complete_until", "held_by")
    return {"device": row["name"], **{key: row[key] for key in keys}}


def _without_serial(hold: "Hold") -> dict[str, Any]:
    return {"code": hold.code, "until": hold.until, "what": hold.what}


def _print(rows: list[dict[str, Any]]) -> None:
    cells = [
        [row["device"], row["serial"], row["on_device"], row["fetched"], row["stored"], row["acked"],
         (row["complete_until"] or "-")[:19], row["held_by"]]
        for row in rows
    ]  # fmt: skip
    header = ["DEVICE", "SERIAL", "ON DEVICE", "FETCHED", "STORED", "ACKED", "COMPLETE UNTIL (UTC)",
              "HELD BY"]  # fmt: skip
    print("\n".join(aligned(header, cells)))
    for word in sorted({str(row["held_by"]) for row in rows if row["held_by"]}):
        print(f"{word}: {_REMEDY.get(word, _LOOK)}")

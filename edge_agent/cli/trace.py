"""`edge-agent trace EVENT_ID`: one event from its bytes to the core's verdict."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.decisions import printable, refusal, spool_of
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode

if TYPE_CHECKING:
    from drivers.stored_bytes import WireField
    from edge_agent.spool.event_trace import Candidate, SpooledTrace

_GIVEN_UP = frozenset({"dead", "discarded"})


def trace(
    event_id: Annotated[
        str, typer.Argument(metavar="EVENT_ID", help="32 hex digits, or the first 8 or more.")
    ],
    *,
    config_file: ConfigOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the core.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Follow one event: wire bytes, decoded, stored, batch, the core's verdict.

    Exit 1 when a receiver refused it, or the core does not hold what it had answered.
    """
    from edge_agent.spool.event_trace import SpooledTrace, trace_event
    from protocols.event_prefix import read_prefix

    try:
        prefix = read_prefix(event_id)
    except ValueError as exc:
        raise refusal(
            str(exc), "EVENT_ID", "Copy it from dead list or spool peek", "trace --help"
        ) from exc
    found = trace_event(spool_of(config_file), prefix)
    if not isinstance(found, SpooledTrace):
        if not found and prefix.is_whole and not offline:
            return _tell_gone(prefix.digits, _ask_core(config_file, prefix.digits), as_json=as_json)
        raise _not_one(prefix.digits, found)
    core = None if offline else _ask_core(config_file, found.observation.event_id)
    fields = _fields(config_file, found)
    facts = _facts(found, fields, core)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        _print(facts)
    refused = any(one["state"] in _GIVEN_UP for one in facts["verdicts"])
    lost = facts["core"].get("held") is False and any(
        one["sink"] == "core" and one["state"] == "settled" for one in facts["verdicts"]
    )
    return ExitCode.DEGRADED if refused or lost else ExitCode.OK


def _tell_gone(event_id: str, core: dict[str, Any], *, as_json: bool) -> int:
    """No row of it is here. Raises UsageError unless the core holds it."""
    if not core.get("held"):
        where = (
            "nor does the core" if core["asked"] else f"the core was not asked: {core['why_not']}"
        )
        raise refusal(
            f"the spool holds no event {event_id}, {where}",
            "EVENT_ID",
            "Check the id. A row goes from here by age after the core had it: hr-core trace, there",
            "spool peek",
        )
    gone: dict[str, Any] = {"event_id": event_id, "wire": None, "decoded": None, "stored": None}
    if as_json:
        print(json.dumps({**gone, "batches": [], "verdicts": [], "acts": [], "core": core}))
        return ExitCode.OK
    print(f"event     {event_id}\n")
    print("stored    no more: rows go from here some time after the core has them (or it came by "
          "another gateway)")  # fmt: skip
    _print_core(core)
    return ExitCode.OK


def _not_one(digits: str, found: "Sequence[Candidate]") -> Exception:
    if not found:
        return refusal(
            f"the spool holds no event {digits}",
            "EVENT_ID",
            "It may have gone by age after the core had it: give all 32 digits to ask the core, or "
            "hr-core trace, there",
            "spool peek",
        )
    from edge_agent.cli.device_rows import row_of

    told = []
    for one in found[:8]:
        row = row_of(one.observation.record)
        whose = row.get("user_id", row.get("tag", row.get("code")))
        told.append(f"{one.event_id} {whose} {row.get('device_time', row.get('source_time'))}")
    more = f" and {len(found) - 8} or more others" if len(found) > 8 else ""
    return refusal(
        f"{digits} names several events: {'; '.join(told)}{more}",
        "EVENT_ID",
        "Give more digits",
        f"trace {found[0].event_id}",
    )


def _ask_core(config_file: Path | None, event_id: str) -> dict[str, Any]:
    import msgspec

    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config
    from edge_agent.core_question import ask_core
    from edge_agent.errors import CommandError

    try:
        site = load_config(require_config(config_file))
    except CommandError as error:
        return {"asked": False, "why_not": error.what}
    answer = ask_core(site, event_id)
    if isinstance(answer, str):
        return {"asked": False, "why_not": answer}
    return {"asked": True, **msgspec.to_builtins(answer)}


def _fields(config_file: Path | None, found: "SpooledTrace") -> "Sequence[WireField]":
    """By the driver of the device's kind, as the site file has it; () without one."""
    from drivers.stored_bytes import ReadsStoredBytes
    from edge_agent.cli.stored_driver import driver_class

    if found.stored is None or found.stored.device_name is None:
        return ()
    driver: Any = driver_class(config_file, found.stored.device_name)
    if driver is None or not isinstance(driver, ReadsStoredBytes):
        return ()
    return driver.wire_fields(found.observation.record.raw, cursor=found.cursor)


def _facts(
    found: "SpooledTrace", fields: "Sequence[WireField]", core: dict[str, Any] | None
) -> dict[str, Any]:
    import msgspec

    from edge_agent.cli.device_rows import row_of

    seen, stored = found.observation, found.stored
    return {
        "event_id": seen.event_id,
        "wire": {"raw": seen.record.raw.hex(), "fields": msgspec.to_builtins(list(fields))},
        "decoded": {key: value for key, value in row_of(seen.record).items() if key != "raw"},
        "stored": None
        if stored is None
        else {
            "arrival": stored.arrival,
            "page": found.page,
            "lane": str(stored.lane),
            "device": stored.device_name,
            "log": stored.serial,
            "boot": stored.boot_id,
            "monotonic_ms": stored.monotonic_ms,
        },
        "received_at": seen.received_at.isoformat(),
        "gateway_clock": found.received_by_clock,
        "clock_offset_ms": seen.clock_offset_ms,
        "zone": seen.zone,
        "gateway_flags": [str(flag) for flag in seen.flags],
        "batches": msgspec.to_builtins(list(found.batches)),
        "verdicts": msgspec.to_builtins(list(found.verdicts)),
        "acts": [
            {"at": act.at.isoformat(), "who": act.who, "what": act.what, "reason": act.reason}
            for act in found.acts
        ],
        "core": core or {"asked": False, "why_not": "--offline"},
    }


def _print(facts: dict[str, Any]) -> None:
    from edge_agent.status.columns import aligned

    print(f"event     {facts['event_id']}\n")
    print(f"wire      {facts['wire']['raw'] or '(this device gives no bytes)'}")
    if facts["wire"]["fields"]:
        rows = [[one["offset"], one["name"], one["value"], printable(one["means"])]
                for one in facts["wire"]["fields"]]  # fmt: skip
        print("\n".join(f"  {line}" for line in aligned(["AT", "FIELD", "BYTES", "MEANS"], rows)))
    print("decoded")
    for key, value in facts["decoded"].items():
        print(f"  {key:12} {printable(str(value))}")
    stored = facts["stored"]
    if stored is None:
        print("stored    its page went by age; what was discarded is kept whole")
    else:
        first, last = stored["page"]
        print(f"stored    arrival {stored['arrival']} in page {first} to {last}, {stored['lane']}, "
              f"from {stored['device'] or 'the gateway itself'}")  # fmt: skip
        print(f"          boot {stored['boot']}, {stored['monotonic_ms']} ms after it began")
    print(f"received  {facts['received_at']}, gateway clock {facts['gateway_clock']}")
    offset = facts["clock_offset_ms"]
    told = "not measured" if offset is None else f"{offset / 1000:+.3f} s"
    print(f"          device clock {told}, zone {facts['zone']}")
    for one in facts["batches"]:
        answered = (one["answered_at"] or "in flight")[:19]
        again = ", sent again" if one["again"] else ""
        print(f"batch     {one['number']} to {one['sink']}{again}, answered {answered}")
        if one["batch_hash"]:
            print(f"          {one['batch_hash']}")
    for one in facts["verdicts"]:
        said = ": ".join(printable(one[key]) for key in ("code", "detail") if one[key])
        why = f" ({said})" if said else ""
        print(f"verdict   {one['sink']}: {one['state']}, {one['words']}{why}")
    for act in facts["acts"]:
        print(
            f"person    {act['at'][:19]}Z {act['who']}: {act['what']} {act['reason'] or ''}".rstrip()
        )
    _print_core(facts["core"])


def _print_core(core: dict[str, Any]) -> None:
    if not core["asked"]:
        print(f"core      was not asked: {core['why_not']}")
    elif core["held"]:
        print(f"core      holds it, by batch {core['batch']} of {core['gateway']}, since "
              f"{core['ingested_at'][:19]}Z: hr-core trace {core['event_id']}")  # fmt: skip
    else:
        print("core      does not hold it")

"""The state of one gateway, from its spool and its agent's snapshot. Reads and judges, no layout.

Broken: punches are not collected or cannot be kept (no agent, no readable spool).
Degraded: it runs, but something waits for a person. Ok otherwise.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict

from edge_agent.config.places import Places
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.reading import read_ledger, set_aside_files
from edge_agent.status.agent import Agent, read_agent
from edge_agent.status.exports import CORE, export_problems, export_rows

_LOG_CHANGE_IS_NEWS = timedelta(days=1)
_NEEDS_A_LOOK = frozenset({"backoff", "blocked"})


class Problem(TypedDict):
    """`bad` breaks the gateway's purpose, `warn` degrades it."""

    severity: Literal["warn", "bad"]
    where: str
    what: str
    remedy: str


class StatusReport(TypedDict):
    """What `status --json` prints."""

    status: Literal["ok", "degraded", "broken"]
    sentence: str
    config: str
    agent: dict[str, Any]
    time: dict[str, Any]
    devices: list[dict[str, Any]]
    backlog: dict[str, int]
    quarantined: int
    dead_letters: int
    uplink: dict[str, Any]
    exports: list[dict[str, Any]]
    replacements: list[dict[str, Any]]
    problems: list[Problem]


def read_report(places: Places, now: datetime) -> StatusReport:
    """`now` is aware UTC. Nothing is written, also not into the spool's folder."""
    agent = read_agent(places, now)
    problems = list(_agent_problems(agent))
    ledger, unreadable = _ledger(places)
    problems += unreadable
    devices = _devices(ledger, agent)
    backlog = {sink: sum(lanes.values()) for sink, lanes in ledger.get("backlog", {}).items()}
    dead_letters = sum(ledger.get("dead_letters", {}).values())
    snapshot = agent.snapshot if agent.running else {}
    exports = export_rows(places.exports, ledger, snapshot)
    refused_by_core = dead_letters - sum(row["dead_letters"] for row in exports)
    quarantined = ledger.get("quarantined", 0)
    replacements = ledger.get("replacements", [])
    problems += [
        *_device_problems(devices),
        *_unread_units(replacements),
        *log_change_problems(devices, now),
        *_parked(refused_by_core, quarantined),
        *_export_problems(exports),
        *_salvaged(places.spool),
    ]
    status = _worst(problems)
    return StatusReport(
        status=status,
        sentence=_sentence(agent, devices, backlog.get(CORE, 0), problems),
        config=str(places.config),
        agent={
            "running": agent.running,
            "pid": agent.snapshot.get("pid"),
            "version": agent.snapshot.get("version"),
            "written_at": agent.snapshot.get("written_at"),
        },
        time=agent.snapshot.get("time", {}),
        devices=devices,
        backlog=backlog,
        quarantined=quarantined,
        dead_letters=dead_letters,
        uplink=agent.snapshot.get("uplink", {}),
        exports=exports,
        replacements=replacements,
        problems=problems,
    )


def _ledger(places: Places) -> tuple[dict[str, Any], list[Problem]]:
    """The spool's counters; {} and the reason when they cannot be read."""
    try:
        return read_ledger(places.spool), []
    except SpoolError as exc:
        where, what, remedy = exc.where, exc.what, exc.remedy
    except PermissionError:
        where = str(places.state_dir)
        what, remedy = "this user may not read it", "sudo edge-agent status"
    return {}, [{"severity": "bad", "where": where, "what": what, "remedy": remedy}]


def _worst(problems: list[Problem]) -> Literal["ok", "degraded", "broken"]:
    if any(problem["severity"] == "bad" for problem in problems):
        return "broken"
    return "degraded" if problems else "ok"


def _sentence(
    agent: Agent, devices: list[dict[str, Any]], waiting: int, problems: list[Problem]
) -> str:
    states = [device["state"] for device in devices if device["state"] is not None]
    ready = f"{states.count('ready')} of {len(states)} devices ready"
    parts = [
        "The agent runs" if agent.running else "The agent does not run",
        ready if agent.running else f"{len(devices)} devices in the spool",
        f"{waiting} records wait for the core" if waiting else "no record waits for the core",
    ]
    if problems:
        parts.append(f"{len(problems)} to look at")
    return f"{', '.join(parts)}."


def _devices(ledger: dict[str, Any], agent: Agent) -> list[dict[str, Any]]:
    """Each device once: live ones as the agent names them, then those that only the spool knows."""
    counted = {row["serial"]: row for row in ledger.get("devices", [])}
    live = agent.snapshot.get("devices", []) if agent.running else []
    rows = [
        _device_row(device, counted.pop(_serial_of(device, counted) or "", {})) for device in live
    ]
    return rows + [_device_row({}, row) for row in counted.values()]


def _serial_of(device: dict[str, Any], counted: dict[str, dict[str, Any]]) -> str | None:
    """Its own serial; while it has not told one, that of the last device read under its name."""
    if device["serial"] is not None:
        return str(device["serial"])
    same_name = [row for row in counted.values() if row["name"] == device["name"]]
    latest = max(same_name, key=lambda row: row["last_fetch_at"] or "", default=None)
    return None if latest is None else str(latest["serial"])


def _device_row(live: dict[str, Any], counted: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": live.get("name", counted.get("name")),
        "kind": live.get("kind"),
        "serial": live.get("serial") or counted.get("serial"),
        "state": live.get("state"),
        "since": live.get("since"),
        "on_device": counted.get("on_device"),
        "fetched": counted.get("fetched"),
        "stored": counted.get("stored"),
        "acked": counted.get("acked"),
        "complete_until": counted.get("complete_until"),
        "held_by": counted.get("held_by"),
        "last_fetch_at": counted.get("last_fetch_at"),
        "clock_offset_ms": live.get("clock_offset_ms"),
        "profile": live.get("profile"),
        "moved": live.get("moved"),
        "log_change": live.get("log_change"),
        "full": _full(live.get("memories", [])),
        "memories": live.get("memories", []),
        "line": live.get("line"),
        "warnings": live.get("warnings", []),
        "error": live.get("error"),
    }


def _full(memories: list[dict[str, Any]]) -> str | None:
    """How full the log is, for the table; None while nobody has looked."""
    for memory in memories:
        if memory["name"] == "punches":
            percent = memory["percent"]
            return "unknown" if percent is None else f"{percent:.0f} %"
    return None


def _agent_problems(agent: Agent) -> Iterator[Problem]:
    if agent.why_not is not None:
        yield {
            "severity": "bad",
            "where": "agent",
            "what": f"is not running: {agent.why_not}",
            "remedy": "systemctl start edge-agent, then journalctl -u edge-agent; "
            "or in a terminal: edge-agent run",
        }
        return
    if agent.snapshot.get("time", {}).get("trusted") is False:
        yield {
            "severity": "warn",
            "where": "gateway clock",
            "what": "is not trusted yet; records are flagged until it is",
            "remedy": "timedatectl set-ntp true, then edge-agent doctor",
        }
    yield from _room_problems(agent.snapshot.get("spool") or {})
    yield from config_problems(agent.snapshot)
    for failure in agent.snapshot.get("failed_tasks", []):
        yield {
            "severity": "warn",
            "where": failure["task"],
            "what": f"failed by a bug of ours and is started anew ({failure['what']}; "
            f"{failure['in_a_row']} in a row)",
            "remedy": "Please report it with the log of this moment: journalctl -u edge-agent",
        }
    error = agent.snapshot.get("uplink", {}).get("last_error")
    if error:
        yield {
            "severity": "warn",
            "where": "uplink",
            "what": error["what"],
            "remedy": error["remedy"],
        }


def config_problems(snapshot: dict[str, Any]) -> Iterator[Problem]:
    """Where the site file on disk is not what the agent runs by."""
    config = snapshot.get("config", {})
    rejected = config.get("rejected")
    if rejected:
        yield {
            "severity": "warn",
            "where": rejected["where"],
            "what": f"config_rejected: {rejected['what']}; the agent goes on by the site file of "
            f"{config['applied_at'][:19]}Z",
            "remedy": f"{rejected['remedy']}. Then: systemctl reload edge-agent",
        }
    for key in config.get("needs_restart", []):
        yield {
            "severity": "warn",
            "where": key,
            "what": "was changed in the site file, which a reload cannot take up",
            "remedy": "systemctl restart edge-agent, or undo the change",
        }


def _room_problems(room: dict[str, Any]) -> Iterator[Problem]:
    if not room or not (room["level"] or room["full"]):
        return
    used = f"{room['used_bytes'] * 100 // room['max_bytes']} % of its room is used"
    what = "the disk is full" if room["disk_full"] else used
    yield {
        "severity": "bad" if room["full"] else "warn",
        "where": "spool",
        "what": f"{what}: terminals are not read, they keep their logs" if room["full"] else what,
        "remedy": "Free space, raise [spool] max_bytes, or mend the way to the core; "
        "it goes on by itself",
    }


def _salvaged(path: Path) -> Iterator[Problem]:
    for aside in set_aside_files(path)[-1:]:
        yield {
            "severity": "warn",
            "where": "spool",
            "what": f"was damaged and salvaged; the damaged file is kept as {aside.name}",
            "remedy": "edge-agent doctor says what to do",
        }


def _device_problems(devices: list[dict[str, Any]]) -> Iterator[Problem]:
    for device in devices:
        if device["moved"]:
            yield {
                "severity": "warn",
                "where": f"device {device['name']}",
                "what": f"has moved and was followed: {device['moved']}",
                "remedy": "Write the new address into the site file, or give it a fixed one",
            }
        for warning in device["warnings"]:
            yield {
                "severity": "warn",  # the gateway collects; `doctor` tells how urgent it is
                "where": f"device {device['name']}",
                "what": warning["what"],
                "remedy": warning["remedy"],
            }
        error = device["error"]
        if error:
            what, remedy = error["what"], error["remedy"]
        elif device["state"] in _NEEDS_A_LOOK:
            what, remedy = f"is in state {device['state']}", "edge-agent doctor"
        else:
            continue
        yield {
            "severity": "warn",
            "where": f"device {device['name']}",
            "what": what,
            "remedy": remedy,
        }


def _unread_units(replacements: list[dict[str, Any]]) -> Iterator[Problem]:
    """Orders that wait for their unit; of several for one name the last."""
    waiting = {order["name"]: order for order in replacements if order["settled_at"] is None}
    for name, order in waiting.items():
        yield {
            "severity": "warn",
            "where": f"device {name}",
            "what": f"was replaced by {order['new']} (by {order['ordered_by']}, "
            f"{order['ordered_at'][:19]}Z), which was not read yet",
            "remedy": f"Connect it; or undo: edge-agent device replace {order['new']} "
            f"{order['old']}",
        }


def log_change_problems(devices: list[dict[str, Any]], now: datetime) -> Iterator[Problem]:
    """Of the last day: every row that was read before is kept, but somebody should know why."""
    for device in devices:
        change = device.get("log_change")
        if change and now - datetime.fromisoformat(change["at"]) < _LOG_CHANGE_IS_NEWS:
            yield {
                "severity": "warn",
                "where": f"device {device['name']}",
                "what": f"{change['what']}, found {change['at'][:19]}Z",
                "remedy": "Nothing is lost of what was read before. If nobody here did this, look "
                "into the terminal's operation log and at who else can reach it",
            }


def _export_problems(rows: list[dict[str, Any]]) -> Iterator[Problem]:
    for where, what, remedy in export_problems(rows):
        yield {"severity": "warn", "where": where, "what": what, "remedy": remedy}


def _parked(dead_letters: int, quarantined: int) -> Iterator[Problem]:
    if dead_letters:
        yield {
            "severity": "warn",
            "where": "dead letters",
            "what": f"the core refused {dead_letters} records",
            "remedy": "edge-agent dead list says whose and why",
        }
    if quarantined:
        yield {
            "severity": "warn",
            "where": "quarantine",
            "what": f"{quarantined} rows could not be decoded; their bytes are kept",
            "remedy": "edge-agent quarantine list; after an upgrade: quarantine retry --all",
        }

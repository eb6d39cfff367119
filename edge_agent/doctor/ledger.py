"""What the spool and the runtime snapshot tell: parked records, the agent's life."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_agent.config.models import SpoolSection
from edge_agent.config.places import Places
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.reading import read_ledger, set_aside_files
from edge_agent.status.agent import Agent, read_agent
from edge_agent.status.report import log_change_problems

_MIB = 1024 * 1024
_HELD = frozenset({
    "log_cleared", "log_rewritten", "clock_suspect", "clock_behind", "count_mismatch",
    "spool_salvaged", "expired",
})  # fmt: skip


def read_counts(spool: Path) -> dict[str, Any] | None:
    """The spool's counters, None when it cannot be read (`check_spool` says why)."""
    try:
        return read_ledger(spool)
    except (SpoolError, OSError):
        return None


def check_parked(ledger: Mapping[str, Any], where: str) -> Iterator[Finding]:
    """Records that wait for a person: refused by the core, or not decoded here."""
    dead = ledger["dead_letters"].get("core", 0)
    if dead:
        yield warn(
            Code.DEAD_LETTERS,
            where,
            f"the core refused {dead} records; they are kept here",
            "edge-agent dead list; mend the reason at the core (an unknown person), then dead replay",
        )
    else:
        yield good(Code.DEAD_LETTERS, where, "no record was refused by the core")
    quarantined = ledger["quarantined"]
    if quarantined:
        yield warn(
            Code.QUARANTINE,
            where,
            f"{quarantined} rows could not be decoded; their bytes are kept",
            "edge-agent quarantine list; report model and firmware with the rows, and after an "
            "upgrade: edge-agent quarantine retry --all",
        )
    else:
        yield good(Code.QUARANTINE, where, "every row was decoded")


def check_watermarks(ledger: Mapping[str, Any], where: str) -> Iterator[Finding]:
    """Devices whose completeness waits for a person beside dead letters and quarantine."""
    held = [row for row in ledger["devices"] if row["held_by"] in _HELD]
    for row in held:
        until = (row["complete_until"] or "nothing")[:19]
        yield warn(
            Code.WATERMARK_HELD,
            f"device {row['name']}",
            f"is complete at the core until {until} only, held by {row['held_by']}",
            "edge-agent watermark says what to look at; absence is not computed past it",
        )
    if not held:
        yield good(Code.WATERMARK_HELD, where, "no watermark waits for a person")


def check_logs(places: Places, now: datetime) -> Iterator[Finding]:
    """Logs that turned out to be others than were known, as the running agent found."""
    agent = read_agent(places, now)
    devices = agent.snapshot.get("devices", []) if agent.running else []
    for problem in log_change_problems(devices, now):
        yield warn(Code.LOG_CHANGED, problem["where"], problem["what"], problem["remedy"])


def check_life(
    ledger: Mapping[str, Any], spool: SpoolSection, path: Path, agent: Agent
) -> Iterator[Finding]:
    """How long rows are kept and how old the oldest is, how full the spool is, what was salvaged."""
    where = str(path)
    kept = (
        f"kept after the core has them: punches {spool.keep_acked_days} days, device events "
        f"{spool.keep_event_days}, counts {spool.keep_count_days}; undecoded rows "
        f"{spool.keep_quarantine_days}. Oldest row: {ledger['oldest_received_at'] or 'none'}"
    )
    yield good(Code.RETENTION, where, kept)
    yield _filling(agent.snapshot.get("spool") or {}, where)
    aside = set_aside_files(path)
    if aside:
        yield warn(
            Code.SPOOL_SALVAGED,
            where,
            f"the spool was damaged and salvaged; the damaged file is kept as {aside[-1].name}",
            "Check the disk (smartctl, another SD card); edge-agent status shows whether every "
            "terminal was read again. Then move the file away",
        )


def _filling(room: Mapping[str, Any], where: str) -> Finding:
    if not room:
        return good(Code.SPOOL_FILLING, where, "how full it is, is known while the agent runs")
    used, most = room["used_bytes"] // _MIB, room["max_bytes"] // _MIB
    said = f"{used} of {most} MiB used"
    if room["full"]:
        why = "the disk is full" if room["disk_full"] else said
        return bad(
            Code.SPOOL_FILLING,
            where,
            f"{why}: terminals are not read, they keep their logs",
            "Free space, raise [spool] max_bytes, or mend the way to the core; it goes on by "
            "itself",
        )
    if room["level"]:
        return warn(
            Code.SPOOL_FILLING,
            where,
            f"{said}; counter readings thinned: {room['thinned']}, acked rows deleted early: "
            f"{room['released_early']}",
            "Mend the way to the core, or raise [spool] max_bytes",
        )
    return good(Code.SPOOL_FILLING, where, said)


def last_stored(ledger: Mapping[str, Any]) -> datetime | None:
    """When a device was last read, by the gateway's clock of then."""
    times = [row["last_fetch_at"] for row in ledger["devices"] if row["last_fetch_at"]]
    return max((_instant(time) for time in times), default=None)


def _instant(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def check_agent(places: Places, now: datetime) -> Finding:
    agent = read_agent(places, now)
    if agent.why_not is not None:
        return bad(
            Code.AGENT_NOT_RUNNING,
            "agent",
            f"is not running: {agent.why_not}",
            "systemctl start edge-agent, then journalctl -u edge-agent",
        )
    return good(
        Code.AGENT_NOT_RUNNING, "agent", f"process {agent.snapshot['pid']} runs and reports"
    )

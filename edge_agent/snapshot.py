"""What the running agent says about itself for `edge-agent status`: one small file, replaced whole.

Shape, read by edge_agent/status without any of our other modules:
{"written_at", "interval_s", "pid", "version", "time": {"trusted"}, "devices": [...], "uplink": {...},
"exports": [...], "spool": {...},
"config": {"file", "applied_at", "reloads", "rejected", "needs_restart"}, "failed_tasks": [...]}
"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.supervisor.worker import DeviceReport


def snapshot(  # noqa: PLR0913 - one for each part of the file, all by name
    *,
    written_at: datetime,
    interval_s: float,
    version: str,
    time_trusted: bool,
    devices: Sequence[DeviceReport],
    uplink: Mapping[str, Any],
    exports: Sequence[Mapping[str, Any]],
    spool: Mapping[str, Any],
    config: Mapping[str, Any],
    failed_tasks: Sequence[Mapping[str, Any]],
) -> bytes:
    return msgspec.json.encode(
        {
            "written_at": written_at,
            "interval_s": interval_s,
            "pid": os.getpid(),
            "version": version,
            "time": {"trusted": time_trusted},
            "devices": [_device(report) for report in devices],
            "uplink": uplink,
            "exports": exports,
            "spool": spool,
            "config": config,
            "failed_tasks": failed_tasks,
        }
    )


def replace_file(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Readers see the old file or the new one, never half of either. `mode` before the umask."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode)
    draft.write_bytes(content)
    draft.replace(path)


def _device(report: DeviceReport) -> dict[str, Any]:
    problem = report.problem
    return {
        "name": report.name,
        "kind": report.kind,
        "serial": report.serial,
        "state": report.state,
        "since": report.since,
        "clock_offset_ms": report.clock_offset_ms,
        "profile": report.profile,
        "moved": report.moved,
        "log_change": report.log_change,
        "memories": [
            {
                "name": memory.name,
                "used": memory.used,
                "capacity": memory.capacity,
                "percent": None if memory.percent is None else round(memory.percent, 1),
            }
            for memory in report.vitals.memories
        ],
        "line": report.vitals.line,
        "warnings": report.vitals.warnings,
        "error": None
        if problem is None
        else {"what": problem.what, "remedy": problem.remedy, "code": problem.code},
    }

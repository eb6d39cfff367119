"""A gateway as it lies on the disk: site file, spool, runtime snapshot."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drivers.contract import Delivery
from edge_agent.config.places import SPOOL_NAME
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from protocols.records import Punch, Quarantined

SERIAL = "CLK0000000001"
SITE = """\
[site]
name = "plant"
zone = "Asia/Shanghai"

[gateway]
name = "gw-01"
state_dir = "state"
"""
READY = {
    "name": "gate",
    "kind": "zk-pull",
    "serial": SERIAL,
    "state": "ready",
    "since": "2026-11-22T00:00:00+00:00",
    "clock_offset_ms": -1200,
    "profile": "zkteco/f18",
    "error": None,
}


def make_gateway(folder: Path, *, more: str = "", punches: int = 3, quarantined: int = 0) -> Path:
    """A site file in `folder` whose spool holds `punches` of one terminal. No agent runs."""
    site = folder / "site.toml"
    site.write_text(SITE + more, encoding="utf-8")
    state = folder / "state"
    state.mkdir()
    asyncio.run(_fill(state, punches, quarantined))
    return site


def write_snapshot(site: Path, **changes: object) -> None:
    """The snapshot of an agent that runs: this very process, right now."""
    snapshot = {
        "written_at": datetime.now(UTC).isoformat(),
        "interval_s": 5.0,
        "pid": os.getpid(),
        "version": "0.1.0",
        "time": {"trusted": True},
        "devices": [READY],
        "uplink": {"last_error": None},
    }
    path = site.parent / "state" / "status.json"
    path.write_text(json.dumps(snapshot | changes), encoding="utf-8")


async def _fill(state: Path, punches: int, quarantined: int) -> None:
    clock = SystemClock()
    spool = Spool.open(state / SPOOL_NAME, clock=clock, boot_id="boot-1")
    delivery = Delivery(
        serial=SERIAL,
        records=[
            Punch(
                serial=SERIAL,
                user_id="1007",
                device_time=datetime(2026, 11, 21, 8) + timedelta(minutes=minute),
                state=0,
                verify=1,
            )
            for minute in range(punches)
        ],
        quarantined=[
            Quarantined(source=SERIAL, offset=40 * row, reason="no date", raw=bytes([row]))
            for row in range(quarantined)
        ],
        on_device=punches + quarantined,
        log_rows=punches + quarantined,
    )
    try:
        await spool.append(
            delivery,
            device_name="gate",
            zone="Asia/Shanghai",
            lane=Lane.PUNCH_LIVE,
            received_at=clock.now(),
            clock_offset_ms=None,
        )
    finally:
        spool.close()

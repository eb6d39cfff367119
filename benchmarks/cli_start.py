"""How long `edge-agent status` takes to start, beside bare Python on the same machine.

Run with the environment in which clockline is installed: `python benchmarks/cli_start.py`.
Prints one JSON object; exit code 1 when `status` costs more than LIMIT x `python -c pass`.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

LIMIT = 8.0
ROUNDS = 15
PUNCHES = 2_000
SITE = """\
[site]
name = "bench"
zone = "Asia/Shanghai"
[gateway]
name = "gw"
state_dir = "state"
"""


def main() -> int:
    command = Path(sys.executable).with_name("edge-agent")
    if not command.exists():
        sys.stderr.write(f"error: {command} is not there. Install clockline into this venv\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder))
        ways: dict[str, list[str | Path]] = {
            "python": [sys.executable, "-c", "pass"],
            "status": [command, "status", "-c", site],
            "status_json": [command, "status", "-c", site, "--json"],
            "version": [command, "--version"],
            "no_arguments": [command],
            "typer_help": [command, "--help"],
            "config_check": [command, "config", "check", "-c", site],
        }
        best = measure(ways)
    floor = best["python"]
    print(
        json.dumps(
            {name: {"ms": round(s * 1000, 1), "x": round(s / floor, 2)} for name, s in best.items()}
            | {"limit_x": LIMIT}
        )
    )
    return 0 if best["status"] <= LIMIT * floor else 1


def measure(ways: dict[str, list[str | Path]]) -> dict[str, float]:
    """Seconds of the best of ROUNDS runs of each, interleaved so that load hits all alike."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, command in ways.items():
            started = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def make_site(folder: Path) -> Path:
    """A site with a real spool and the snapshot of an agent that runs (this process)."""
    site = folder / "site.toml"
    site.write_text(SITE, encoding="utf-8")
    state = folder / "state"
    state.mkdir()
    asyncio.run(fill_spool(state))
    snapshot = {"written_at": datetime.now(UTC).isoformat(), "pid": os.getpid(), "interval_s": 600}
    (state / "status.json").write_text(json.dumps(snapshot), encoding="utf-8")
    return site


async def fill_spool(state: Path) -> None:
    from drivers.contract import Delivery
    from edge_agent.config.places import SPOOL_NAME
    from edge_agent.spool.lanes import Lane
    from edge_agent.spool.store import Spool
    from edge_agent.system_clock import SystemClock
    from protocols.records import Punch

    clock = SystemClock()
    spool = Spool.open(state / SPOOL_NAME, clock=clock, boot_id="bench")
    first = datetime(2026, 11, 2, 8)  # noqa: DTZ001 - a device's wall clock is naive
    punches = [
        Punch(
            serial="BENCH1",
            user_id=str(1000 + minute % 50),
            device_time=first + timedelta(minutes=minute),
            state=0,
            verify=1,
        )
        for minute in range(PUNCHES)
    ]
    await spool.append(
        Delivery(serial="BENCH1", records=punches),
        device_name="gate",
        zone="Asia/Shanghai",
        lane=Lane.PUNCH_LIVE,
        received_at=clock.now(),
        clock_offset_ms=None,
    )
    spool.close()


if __name__ == "__main__":
    sys.exit(main())

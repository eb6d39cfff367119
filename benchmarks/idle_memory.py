"""Resident memory of the idle agent in a base install (gateway lock file only).

Makes a virtual environment of the gateway form, runs the installed `edge-agent run` there against a
simulated terminal (10,000 rows) and a counter box, with an uplink whose core is away, waits until
all is read, then reads VmRSS. The floor of the same run: bare Python with asyncio and sqlite3.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.spool.errors import SpoolError
from edge_agent.spool.reading import read_ledger
from protocols.zk.attendance import AttendanceRow
from simulators.modbus_counter import CounterUnit, ModbusCounterBox
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal

REPOSITORY = Path(__file__).resolve().parent.parent
LIMIT_MIB = 60
ROWS = 10_000
SETTLE_S = 5.0
_FLOOR = "import asyncio, sqlite3, sys; print(1, flush=True); sys.stdin.read()"


def rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no VmRSS")


def floor_mib(python: Path) -> float:
    with subprocess.Popen(
        [python, "-c", _FLOOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as bare:
        bare.stdout.readline()
        measured = rss_mib(bare.pid)
        bare.stdin.close()
    return measured


def gateway_venv(folder: Path) -> Path:
    venv = folder / "venv"
    subprocess.run(
        [REPOSITORY / "tools" / "venv", sys.executable, venv, "requirements/gateway.txt"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return venv / "bin"


def site(folder: Path, zk_port: int, box_port: int) -> Path:
    path = folder / "site.toml"
    path.write_text(f"""
[site]
name = "bench"
zone = "Asia/Shanghai"
[gateway]
name = "bench"
state_dir = "."
[uplink]
url = "http://127.0.0.1:9"
[[device]]
name = "gate"
kind = "zk-pull"
host = "127.0.0.1"
port = {zk_port}
poll_s = 3600
[[device]]
name = "line"
kind = "modbus-counter"
host = "127.0.0.1"
port = {box_port}
poll_s = 1
[[device.counters]]
unit = 1
tag = "station"
pieces = 0
rejects = 2
""")
    return path


def stored(spool: Path) -> int:
    try:
        return sum(device["stored"] for device in read_ledger(spool)["devices"])
    except SpoolError:
        return 0


async def measure(folder: Path) -> dict[str, float]:
    bin_folder = await asyncio.to_thread(gateway_venv, folder)
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - a device clock
    rows = [
        AttendanceRow(
            uid=n % 500 + 1,
            user_id=str(n % 500 + 1),
            time=start + timedelta(minutes=n),
            state=0,
            verify=1,
            work_code=0,
        )
        for n in range(ROWS)
    ]
    terminal = ZkTerminal(TerminalConfig(clock=datetime.now), rows, [])
    box = ModbusCounterBox({1: CounterUnit()})
    async with terminal, box:
        config = site(folder, terminal.address[1], box.port)
        agent = await asyncio.create_subprocess_exec(
            bin_folder / "edge-agent", "run", "-c", config, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(120):
                while stored(folder / "spool.db") < ROWS:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.2)
            await asyncio.sleep(SETTLE_S)
            agent_mib = rss_mib(agent.pid)
        finally:
            agent.terminate()
            await agent.wait()
    return {"agent_mib": agent_mib, "floor_mib": floor_mib(bin_folder / "python")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.chdir(REPOSITORY)
    with tempfile.TemporaryDirectory(prefix="clockline-bench-") as name:
        result = asyncio.run(measure(Path(name)))
    result["ratio"] = result["agent_mib"] / result["floor_mib"]
    result["limit_mib"] = LIMIT_MIB
    if arguments.json:
        print(json.dumps(result))
    else:
        print(
            f"idle agent {result['agent_mib']:.1f} MiB RSS, limit {LIMIT_MIB}; "
            f"bare asyncio + sqlite3 {result['floor_mib']:.1f} MiB; ratio {result['ratio']:.2f}"
        )
    return 0 if result["agent_mib"] < LIMIT_MIB else 1


if __name__ == "__main__":
    sys.exit(main())

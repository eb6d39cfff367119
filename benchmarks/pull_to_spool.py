"""A whole log from socket to durable spool, beside what else could be done with the same bytes.

    python benchmarks/pull_to_spool.py [--rows 1000000] [--pyzk-rows 100000] [--json]

terminal  a simulated terminal in a process of its own serves the log (40-byte records, TCP)
agent     the gateway as `edge-agent run` puts it together, in a process of its own: from its start
          to the commit that says the log was read whole; then, poked, the same log again. Such a
          poll reads only the end of a log that it knows; `whole_again` is one that reads all of it
          and proves that nothing of it is new, as happens once a day and when the agent starts
plain     the rows that the agent stored, read back from its spool, put into a table with one row
          a punch (id first, without rowid) by plain sqlite3: executemany, WAL, synchronous=FULL,
          1,000 rows a commit
pyzk      connect and get_attendance() of pyzk 0.9 against the same terminal, in a process of its
          own (GPL-2.0: this process never imports it); it stores nothing
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

BATCH_ROWS = 1_000
READ_ROWS = 100_000
REPULLS = 5  # the median time counts, and the most bytes
PEAK_LIMIT_MIB = 80
REPULL_LIMIT_BYTES = 64 * 1024
PLAIN_LIMIT = 3.0
PYZK_FACTOR = 20.0
REPULL_FACTOR = 20.0

PYZK = """
import json, sys, time
from zk import ZK

peer = ZK("127.0.0.1", port=int(sys.argv[1]), timeout=60, ommit_ping=True)
start = time.perf_counter()
connection = peer.connect()
rows = connection.get_attendance()
took = time.perf_counter() - start
connection.disconnect()
print(json.dumps({"seconds": took, "rows": len(rows)}))
"""


# the processes


def serve_terminal(rows: int) -> None:
    """A plant of 300 people, four punches a day; packets as big as the newer models send them."""
    from protocols.zk.attendance import AttendanceRow
    from simulators.zk_terminal import TerminalConfig, ZkTerminal, serve

    start = datetime(2024, 1, 1, 7, 30, tzinfo=UTC).replace(tzinfo=None)
    log = [
        AttendanceRow(
            uid=index % 300 + 1,
            user_id=str(1001 + index % 300),
            time=start + timedelta(seconds=71 * index),
            state=index % 2,
            verify=15,
        )
        for index in range(rows)
    ]
    end = log[-1].time
    config = TerminalConfig(clock=lambda: end, packet_bytes=65_536, record_capacity=rows)
    terminal = ZkTerminal(config, log, [])
    asyncio.run(serve("127.0.0.1", 0, terminal, ready=lambda _, port: print(port, flush=True)))


def run_agent(port: int, folder: Path) -> None:
    """Pulls, and pulls again; prints what each pull took and wrote."""
    from edge_agent.lean_process import keep_out_human_output

    keep_out_human_output()
    from drivers.contract import Delivery
    from drivers.zk_pull.end_reads import EndReads
    from edge_agent import app
    from edge_agent.config.loading import load_config
    from edge_agent.notify import Notifier
    from edge_agent.spool.results import Appended
    from edge_agent.spool.store import Spool
    from edge_agent.system_clock import SystemClock

    read_whole: list[asyncio.Event] = []

    class WatchedSpool(Spool):
        """Says when the last page of a log is durable."""

        async def append(self, delivery: Delivery, **envelope: Any) -> Appended:
            appended = await super().append(delivery, **envelope)
            if delivery.last:
                read_whole[-1].set()
            return appended

    def next_read() -> asyncio.Event:
        read_whole.append(asyncio.Event())
        return read_whole[-1]

    async def pull_and_pull_again() -> dict[str, Any]:
        app.Spool = WatchedSpool  # type: ignore[misc] # the only way to see the commit from outside
        first = next_read()
        agent = await app.Agent.open(
            load_config(site_file(folder, port)),
            clock=SystemClock(),
            randomness=random.Random(1),  # noqa: S311 - no secret
            notifier=Notifier(),
            floor=datetime(2020, 1, 1, tzinfo=UTC),
        )
        start, cpu, idle = time.perf_counter(), cpu_seconds(), kib("VmRSS")
        running = asyncio.ensure_future(agent.run())
        try:
            await first.wait()
            first_s, cpu_s, peak = time.perf_counter() - start, cpu_seconds() - cpu, kib("VmHWM")
            await asyncio.sleep(2.0)  # checkpoints end
            events, again_s, again_bytes = table_rows(folder), [], []
            for _ in range(REPULLS):
                written = bytes_written()
                again_s.append(await pulled_again(agent, next_read()))
                await asyncio.sleep(1.5)  # what is written late is written too
                again_bytes.append(bytes_written() - written)
            EndReads.read = no_end  # type: ignore[method-assign] # as a day later
            whole_again_s = await pulled_again(agent, next_read())
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        result = {
            "first_s": first_s,
            "first_cpu_s": cpu_s,
            "again_s": statistics.median(again_s),
            "whole_again_s": whole_again_s,
            "again_bytes": max(again_bytes),
            "again_events": table_rows(folder) - events,
            "idle_mib": idle / 1024,
            "peak_mib": peak / 1024,
            "again_peak_mib": kib("VmHWM") / 1024,
        }
        agent.close()
        return result

    print(json.dumps(asyncio.run(pull_and_pull_again())))


async def pulled_again(agent: Any, read_whole: asyncio.Event) -> float:
    start = time.perf_counter()
    agent.workers[0].poke()
    await read_whole.wait()
    return time.perf_counter() - start


async def no_end(*_: object, **__: object) -> None:
    """Instead of `EndReads.read`: the log must be read whole."""


def insert_plainly(spool: Path, folder: Path) -> None:
    """The rows of `spool` into a new database, one row a punch; only the inserting is timed."""
    took = cpu = 0.0
    with closing(sqlite3.connect(spool)) as source:
        target = sqlite3.connect(folder / "plain.db", isolation_level=None)
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        target.execute(_TABLE)
        rows = plain_rows(source)
        while part := list(islice(rows, READ_ROWS)):
            start, before = time.perf_counter(), cpu_seconds()
            for first in range(0, len(part), BATCH_ROWS):
                target.execute("BEGIN")
                target.executemany(_INSERT, part[first : first + BATCH_ROWS])
                target.execute("COMMIT")
            took, cpu = took + time.perf_counter() - start, cpu + cpu_seconds() - before
        start = time.perf_counter()
        target.close()
        took += time.perf_counter() - start
    print(json.dumps({"seconds": took, "cpu": cpu}))


def plain_rows(source: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    from edge_agent.spool.lanes import LANE_BY_NUMBER
    from edge_agent.spool.stored_rows import LAST_ARRIVAL, rows_of_lane

    for lane in LANE_BY_NUMBER:
        for row in rows_of_lane(source, lane, after=0, until=LAST_ARRIVAL):
            body = msgspec.json.encode(row.record)
            yield row.event_id, row.arrival, lane, row.device, body, row.received_at, row.zone


_TABLE = """
    CREATE TABLE events (event_id BLOB PRIMARY KEY, arrival INTEGER NOT NULL,
        lane INTEGER NOT NULL, device INTEGER, body BLOB NOT NULL, received_at INTEGER NOT NULL,
        zone TEXT NOT NULL) STRICT, WITHOUT ROWID"""
_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)"


# what the agent's process says about itself


def kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(f"no {field} in /proc/self/status")


def cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system


def bytes_written() -> int:
    """Everything that this process passed to write(), files and sockets alike."""
    line = Path("/proc/self/io").read_text(encoding="ascii").splitlines()[1]
    return int(line.removeprefix("wchar: "))


def table_rows(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder}/spool.db?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT total(stored) FROM devices").fetchone()[0])


def site_file(folder: Path, port: int) -> Path:
    path = folder / "site.toml"
    path.write_text(f"""
[site]
name = "bench"
zone = "Asia/Shanghai"
[gateway]
name = "bench"
state_dir = "."
[[device]]
name = "gate"
kind = "zk-pull"
host = "127.0.0.1"
port = {port}
poll_s = 3600
""")
    return path


# the comparison


@contextmanager
def terminal(rows: int) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "--serve", str(rows)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def child(*arguments: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def pulled(rows: int, folder: Path, *, pyzk: bool) -> dict[str, Any]:
    folder.mkdir()
    with terminal(rows) as port:
        result = child(__file__, "--agent", port, folder)
        if pyzk:
            result["pyzk_s"] = child("-c", PYZK, port)["seconds"]
    spool = folder / "spool.db"
    stored = table_rows(folder)
    if stored != rows:
        raise SystemExit(f"{stored} of {rows} rows were stored")
    plain = child(__file__, "--plain", spool, folder)
    result |= {"plain_s": plain["seconds"], "plain_cpu_s": plain["cpu"]}
    return {"rows": rows} | {name: round(value, 4) for name, value in result.items()}


def show(result: dict[str, Any]) -> None:
    first, again = result["first_s"], result["again_s"]
    print(f"{result['rows']} records of 40 bytes, socket to durable spool: {first} s")
    print(
        f"  plain executemany of the same rows  {result['plain_s']} s, ratio "
        f"{first / result['plain_s']:.2f} (wanted <= {PLAIN_LIMIT:g})"
    )
    print(
        f"  the same in processor time  {result['first_cpu_s']} s, "
        f"{result['first_cpu_s'] / result['plain_cpu_s']:.2f} x plain"
    )
    print(
        f"  peak memory of the agent  {result['peak_mib']:.1f} MiB "
        f"(wanted < {PEAK_LIMIT_MIB}), {result['idle_mib']:.1f} before"
    )
    print(
        f"  the same log again  {again} s = 1/{first / again:.1f} (wanted <= 1/{REPULL_FACTOR:g}), "
        f"{result['again_bytes']:.0f} bytes written (wanted <= {REPULL_LIMIT_BYTES}), "
        f"{result['again_events']:.0f} events; all of it again {result['whole_again_s']} s"
    )
    if "pyzk_s" in result:
        print(
            f"  pyzk 0.9, download and parse  {result['pyzk_s']} s = "
            f"{result['pyzk_s'] / first:.1f} x ours (wanted >= {PYZK_FACTOR:g})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pyzk-rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clockline-bench-") as name:
        results = [
            pulled(options.pyzk_rows, Path(name, "small"), pyzk=True),
            pulled(options.rows, Path(name, "large"), pyzk=False),
        ]
    if options.json:
        print(json.dumps(results))
        return
    for result in results:
        show(result)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--serve", rows]:
            serve_terminal(int(rows))
        case ["--agent", port, folder]:
            run_agent(int(port), Path(folder))
        case ["--plain", spool, folder]:
            insert_plainly(Path(spool), Path(folder))
        case _:
            main()

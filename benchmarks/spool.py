"""The spool against the disk's own floor and against raw sqlite3, measured in the same run.

    python benchmarks/spool.py [--folder DIR]

The floor is a 4 KiB append with fdatasync. Absolute rates of two disks, or of one virtual disk at two
times, cannot be compared (specs/edge/buffer_baseline.md 0); the ratios can. A slow disk is played by
strace, which delays every fdatasync of a child process by 10 ms: the kernel's own call, in C code
that no test double reaches. `--inner` is for those children.
"""

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from drivers.contract import Delivery
from edge_agent.lean_process import spare_what_stays
from edge_agent.spool.paging import page_of_columns
from edge_agent.spool.schema import connect, create_file, prepare
from edge_agent.spool.store import Lane, Spool
from edge_agent.system_clock import SystemClock
from protocols.punch_columns import columns_of
from protocols.records import Punch

SYNCS = 500
CHUNK_ROWS = 1_000
CHUNKS = 100
LOGS = 10
PRODUCERS = 100
ROWS_PER_PRODUCER = 50
SLOW_SYNC_MS = 10
ROW_COMMITS = 100
TINY_PAGES = 200_000
ROUNDS = 5
START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC).replace(tzinfo=None)


def sync_seconds(folder: Path, count: int = SYNCS) -> list[float]:
    """Sorted durations of one 4 KiB append with fdatasync."""
    durations = []
    descriptor = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for _ in range(count):
            begin = time.perf_counter()
            os.write(descriptor, bytes(4_096))
            os.fdatasync(descriptor)
            durations.append(time.perf_counter() - begin)
    finally:
        os.close(descriptor)
    return sorted(durations)


def punches(first: int, count: int, serial: str) -> tuple[Punch, ...]:
    """As a 40-byte ZKTeco log yields them: people in any order, some seconds apart."""
    chance = Random(first)  # noqa: S311 - data that repeats
    return tuple(
        Punch(
            serial=serial,
            user_id=str(1_000 + (who := chance.randrange(1_500))),
            device_time=START + timedelta(seconds=11 * number + chance.randrange(10)),
            state=chance.choice((0, 0, 0, 1)),
            verify=1,
            raw=who.to_bytes(2, "little") + f"{1_000 + who}".encode().ljust(24, b"\0")
            + number.to_bytes(4, "little") + bytes(10),
        )
        for number in range(first, first + count)
    )  # fmt: skip


async def append(spool: Spool, delivery: Delivery) -> float:
    """Seconds until the rows were durable."""
    begin = time.perf_counter()
    await spool.append(
        delivery,
        device_name=delivery.serial,
        zone="Asia/Shanghai",
        lane=Lane.PUNCH_BACKLOG,
        received_at=datetime.now(UTC),
        clock_offset_ms=0,
    )
    return time.perf_counter() - begin


async def singles(spool: Spool, rows: int, *, first: int) -> tuple[list[float], float]:
    """A hundred terminals, one punch at a time each: how long each waited, sorted, and how long all
    took.
    """

    async def produce(deliveries: list[Delivery]) -> list[float]:
        return [await append(spool, delivery) for delivery in deliveries]

    # Made beforehand: while a producer is busy making its own, nobody is answered.
    made = [
        [
            Delivery(serial=serial, records=punches(first + PRODUCERS * n, 1, serial))
            for n in range(rows)
        ]
        for serial in (f"LIVE{number}" for number in range(PRODUCERS))
    ]
    spare_what_stays()  # as the agent does, for the same reason
    begin = time.perf_counter()
    results = await asyncio.gather(*map(produce, made))
    seconds = time.perf_counter() - begin
    return sorted(latency for latencies in results for latency in latencies), seconds


def opened(folder: Path) -> Spool:
    return Spool.open(folder / "spool.db", clock=SystemClock(), boot_id="benchmark")


def written_bytes() -> int:
    """To the disk, by this process (Linux counts pages when they are dirtied)."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def inner_rows(folder: Path) -> dict[str, float]:
    """Raw sqlite3, the same page rows, one commit each."""
    pages = page_rows(folder, [(n, 1) for n in range(ROW_COMMITS)])
    with closing(connect(folder / "raw.db")) as connection:
        begin = time.perf_counter()
        for page in pages:
            connection.execute("BEGIN IMMEDIATE")
            insert(connection, [page])
            connection.execute("COMMIT")
        return {"rate": ROW_COMMITS / (time.perf_counter() - begin)}


def inner_singles(folder: Path) -> dict[str, float]:
    async def run() -> dict[str, float]:
        spool = opened(folder)
        try:
            await singles(spool, 1, first=0)  # the terminals become known
            latencies, seconds = await singles(spool, ROWS_PER_PRODUCER, first=1_000_000)
        finally:
            spool.close()
        return {
            "rate": len(latencies) / seconds,
            "p50": statistics.median(latencies),
            "p99": latencies[len(latencies) * 99 // 100],
        }

    return asyncio.run(run())


def inner_floor(folder: Path) -> dict[str, float]:
    durations = sync_seconds(folder, 50)
    return {"p50": statistics.median(durations), "longest": durations[-1]}


INNER = {"rows": inner_rows, "singles": inner_singles, "floor": inner_floor}


def under_slow_syncs(folder: Path, name: str) -> dict[str, float]:
    """One of INNER in a child whose every fdatasync takes SLOW_SYNC_MS longer."""
    place = Path(tempfile.mkdtemp(dir=folder))
    command = [
        "strace", "-f", "--seccomp-bpf", "-qqq", "-o", os.devnull, "-e", "trace=fdatasync",
        "-e", f"inject=fdatasync:delay_enter={SLOW_SYNC_MS * 1000}",
        sys.executable, __file__, "--inner", name, "--folder", str(place),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def page_rows(folder: Path, spans: list[tuple[int, int]]) -> list[tuple[object, ...]]:
    """What the spool makes of these (first punch, count), as columns of its table; leaves an empty
    `raw.db` of the same schema beside it.
    """

    async def make() -> None:
        spool = Spool.open(folder / "model.db", clock=SystemClock(), boot_id="benchmark")
        try:
            for first, count in spans:
                packed = columns_of(punches(first, count, "LOG"))
                delivery = (
                    Delivery(serial="LOG", packed=packed)
                    if count > 1
                    else Delivery(serial="LOG", records=punches(first, 1, "LOG"))
                )
                await append(spool, delivery)
        finally:
            spool.close()

    asyncio.run(make())
    create_file(folder / "raw.db")
    prepare(folder / "raw.db")
    with closing(sqlite3.connect(folder / "model.db")) as connection:
        return connection.execute("SELECT * FROM pages ORDER BY first_arrival").fetchall()


def insert(connection: sqlite3.Connection, pages: list[tuple[object, ...]]) -> None:
    places = ", ".join("?" * 16)
    connection.executemany(f"INSERT INTO pages VALUES ({places})", pages)  # noqa: S608 - only ?


def measure_bulk(folder: Path) -> None:
    """The same rows: delivered in columns as a driver hands them over, and plain executemany."""
    spans = [(n * CHUNK_ROWS, CHUNK_ROWS) for n in range(CHUNKS)]
    deliveries = [
        Delivery(serial="LOG", packed=columns_of(punches(first, count, "LOG")))
        for first, count in spans
    ]
    pages = page_rows(folder, spans)
    rows = CHUNKS * CHUNK_ROWS

    async def ours() -> float:
        spool = opened(folder)
        try:
            begin = time.perf_counter()
            for delivery in deliveries:
                await append(spool, delivery)
            return time.perf_counter() - begin
        finally:
            spool.close()

    before = written_bytes()
    seconds = asyncio.run(ours())
    written = written_bytes() - before
    with closing(connect(folder / "raw.db")) as connection:
        begin = time.perf_counter()
        for page in pages:
            connection.execute("BEGIN IMMEDIATE")
            insert(connection, [page])
            connection.execute("COMMIT")
        raw_seconds = time.perf_counter() - begin
    print(
        f"bulk, {CHUNK_ROWS} rows a commit: {rows / seconds:,.0f} rows/s; raw executemany of the same"
        f" finished page rows {rows / raw_seconds:,.0f}; ratio {seconds / raw_seconds:.2f}"
        " (wanted <= 1.5)"
    )
    begin = time.perf_counter()
    for delivery in deliveries:
        page_of_columns(delivery.packed)
    packed_seconds = raw_seconds + time.perf_counter() - begin
    print(f"  … with the packing of those pages counted: ratio {seconds / packed_seconds:.2f}")
    shared_seconds = asyncio.run(of_several_logs(folder))
    print(
        f"  … {LOGS} logs at once: {rows / shared_seconds:,.0f} rows/s, ratio to the finished page rows"
        f" {shared_seconds / raw_seconds:.2f}, with their packing {shared_seconds / packed_seconds:.2f}"
    )
    key_only, key_seconds = bytes_of_key_rows(folder)
    print(f"  … a row per punch, time-first key alone: {rows / key_seconds:,.0f} rows/s")
    print(
        f"  written {written / rows:.1f} bytes a punch (wanted <= 30 sealed); the same rows without"
        f" raw, index and ledger {key_only:.1f}; ratio {written / rows / key_only:.2f}"
        " (wanted <= 2.0)"
    )


async def of_several_logs(folder: Path) -> float:
    """The same number of rows, pulled from some terminals at a time: seconds."""
    logs = [
        [
            Delivery(serial=serial, packed=columns_of(punches(n * CHUNK_ROWS, CHUNK_ROWS, serial)))
            for n in range(CHUNKS // LOGS)
        ]
        for serial in (f"LOG{number}" for number in range(LOGS))
    ]

    async def pull(spool: Spool, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            await append(spool, delivery)

    (folder / "several").mkdir()
    spool = opened(folder / "several")
    try:
        begin = time.perf_counter()
        await asyncio.gather(*(pull(spool, deliveries) for deliveries in logs))
        return time.perf_counter() - begin
    finally:
        spool.close()


def bytes_of_key_rows(folder: Path) -> tuple[float, float]:
    """The yardstick: time-first key alone, WITHOUT ROWID, 1,000 rows a commit. Bytes a punch, and
    the seconds of its inserting.
    """
    path = folder / "key.db"
    before, seconds = written_bytes(), 0.0
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE p (ts INTEGER, dev INTEGER, usr INTEGER, pu INTEGER,"
            " PRIMARY KEY (ts, dev, usr, pu)) WITHOUT ROWID"
        )
        for chunk in range(CHUNKS):
            rows = [
                (int(one.device_time.timestamp()), 1, int(one.user_id), one.state)
                for one in punches(chunk * CHUNK_ROWS, CHUNK_ROWS, "LOG")
            ]
            begin = time.perf_counter()
            connection.execute("BEGIN")
            connection.executemany("INSERT OR IGNORE INTO p VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
            seconds += time.perf_counter() - begin
    return (written_bytes() - before) / (CHUNKS * CHUNK_ROWS), seconds


def measure_singles(folder: Path) -> None:
    before = written_bytes()
    result = inner_singles(folder)
    each = (written_bytes() - before) / (PRODUCERS * ROWS_PER_PRODUCER)
    print(
        f"single rows, {PRODUCERS} producers: {result['rate']:,.0f} rows/s, p50 "
        f"{result['p50'] * 1e3:.2f} ms, p99 {result['p99'] * 1e3:.2f} ms, {each:,.0f} bytes a row"
    )
    if shutil.which("strace") is None:
        print("  (no strace: the slow disk was not played)")
        return
    rounds = []
    for _ in range(ROUNDS):  # taking turns: neighbours on the machine come and go
        floor = under_slow_syncs(folder, "floor")
        raw = under_slow_syncs(folder, "rows")["rate"]
        slow = under_slow_syncs(folder, "singles")
        sync = floor["p50"]
        rounds.append(
            (slow["rate"] / raw, slow["p99"] / sync, slow["p50"] / sync, floor["longest"] / sync)
        )
        print(
            f"  with {SLOW_SYNC_MS} ms syncs (floor {sync * 1e3:.1f} ms, longest "
            f"{floor['longest'] * 1e3:.1f}): {slow['rate']:,.0f} rows/s, row by row {raw:,.0f}"
        )
    ratios, tails, middles, longest = zip(*rounds, strict=True)
    print(
        f"  median of {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}: ratio "
        f"{statistics.median(ratios):.0f} (wanted >= 80), best {max(ratios):.0f}; p99 "
        f"{statistics.median(tails):.1f} syncs (wanted <= 3), best {min(tails):.1f}; p50 "
        f"{statistics.median(middles):.1f}; longest of 50 plain syncs {statistics.median(longest):.1f}"
    )


async def timings(spool: Spool, serial: str) -> dict[str, float]:
    """Best of some of what the agent does all day."""
    best: dict[str, float] = {}
    for n in range(7):
        live = Delivery(serial=serial, records=punches(50_000_000 + n, 1, serial))
        for name, call in (
            ("append", lambda live=live: append(spool, live)),
            ("append again", lambda live=live: append(spool, live)),
            ("stats", spool.stats),
            ("backlog", lambda: spool.backlog("core")),
            ("next_batch", lambda n=n: spool.next_batch(f"sink{n}", limit=1_000)),
        ):
            begin = time.perf_counter()
            await call()
            best[name] = min(best.get(name, 1e9), time.perf_counter() - begin)
    return best


def fill_with_tiny_pages(path: Path, count: int) -> None:
    """One live punch a page, by the spool's own rows."""
    with closing(connect(path)) as connection:
        model = connection.execute("SELECT * FROM pages WHERE first_arrival = 1").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        insert(
            connection,
            [
                (n, n, *model[2:5], model[5] + n * 1000, model[5] + n * 1000, *model[7:])
                for n in range(1_000, count + 1_000)
            ],
        )
        connection.execute(
            "UPDATE devices SET newest_time = ?", (model[5] + (count + 1_000) * 1000,)
        )
        connection.execute("COMMIT")


async def measure_tiny_pages(folder: Path) -> None:
    path = folder / "spool.db"
    spool = opened(folder)
    await append(spool, Delivery(serial="LIVE", records=punches(1, 1, "LIVE")))
    empty = await timings(spool, "LIVE")
    spool.close()
    fill_with_tiny_pages(path, TINY_PAGES)
    begin = time.perf_counter()
    spool = opened(folder)
    start_s = time.perf_counter() - begin
    try:
        full = await timings(spool, "LIVE")
    finally:
        spool.close()
    said = ", ".join(
        f"{name} {full[name] * 1e3:.1f} ms ({full[name] / empty[name]:.1f}x)" for name in full
    )
    print(f"{TINY_PAGES:,} pages of one row, against an empty spool: {said}; start {start_s:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: here)")
    parser.add_argument("--inner", choices=INNER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inner:
        print(json.dumps(INNER[arguments.inner](arguments.folder)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder or Path.cwd()) as name:
        folder = Path(name)
        floor = sync_seconds(folder)
        print(
            f"floor: 4 KiB append + fdatasync  p50 {statistics.median(floor) * 1e3:.3f} ms"
            f"  p99 {floor[SYNCS * 99 // 100] * 1e3:.3f} ms  {SYNCS / sum(floor):,.0f}/s"
        )
        for part, run in (("bulk", measure_bulk), ("singles", measure_singles)):
            place = folder / part
            place.mkdir()
            run(place)
        place = folder / "tiny"
        place.mkdir()
        asyncio.run(measure_tiny_pages(place))


if __name__ == "__main__":
    main()

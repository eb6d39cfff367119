"""Durable appends against the disk's own floor, measured in the same run.

    python benchmarks/spool_commit.py [--folder DIR]

The floor is a 4 KiB append with fdatasync. Absolute rates of two disks, or of one virtual disk at
two times, cannot be compared (specs/edge/buffer_baseline.md 0); the ratios can.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from drivers.contract import Delivery
from edge_agent.spool.store import Lane, Spool
from edge_agent.system_clock import SystemClock
from protocols.punch_columns import PunchColumns, columns_of
from protocols.records import Punch
from protocols.uplink import Answer, RecordVerdict, Verdict

SYNCS = 500
CHUNK_ROWS = 1_000
CHUNKS = 100
PAGE_ROWS = 5_000
PAGES = 40
BATCH_ROWS = 1_000
PRODUCERS = 100
ROWS_PER_PRODUCER = 200
START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC).replace(tzinfo=None)


def sync_seconds(folder: Path) -> list[float]:
    """Sorted durations of one 4 KiB append with fdatasync."""
    durations = []
    descriptor = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for _ in range(SYNCS):
            begin = time.perf_counter()
            os.write(descriptor, bytes(4_096))
            os.fdatasync(descriptor)
            durations.append(time.perf_counter() - begin)
    finally:
        os.close(descriptor)
    return sorted(durations)


def punches(first: int, count: int, serial: str) -> tuple[Punch, ...]:
    """As a 40-byte ZKTeco log yields them."""
    return tuple(
        Punch(
            serial=serial,
            user_id=str(1_000 + number % 1_500),
            device_time=START + timedelta(seconds=number),
            state=0,
            verify=1,
            raw=number.to_bytes(40, "big"),
        )
        for number in range(first, first + count)
    )


async def append(spool: Spool, records: tuple[Punch, ...], serial: str) -> float:
    """Seconds until the rows were durable."""
    return await deliver(spool, Delivery(serial=serial, records=records))


async def deliver(spool: Spool, delivery: Delivery) -> float:
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


async def chunks(spool: Spool) -> list[float]:
    """One device's log, page by page."""
    pages = [punches(n * CHUNK_ROWS, CHUNK_ROWS, "LOG") for n in range(CHUNKS)]
    return [await append(spool, page, "LOG") for page in pages]


async def known_chunks(spool: Spool) -> list[float]:
    """The same log again: every row is known."""
    return await chunks(spool)


async def packed_pages(spool: Spool, *, pages: list[PunchColumns]) -> list[float]:
    """Another device's log in columns, as the driver of ZK terminals hands it over."""
    return [await deliver(spool, Delivery(serial="PAGES", packed=page)) for page in pages]


def columns(first: int) -> PunchColumns:
    held = columns_of(punches(first, PAGE_ROWS, "PAGES"))
    if held is None:
        raise ValueError("these punches fit no columns")
    return held


async def drained(spool: Spool) -> list[float]:
    """All of it to a sink that accepts: unpacked, handed over, settled."""
    latencies = []
    begin = time.perf_counter()
    while batch := await spool.next_batch("core", limit=BATCH_ROWS):
        verdicts = tuple(
            RecordVerdict(event_id=observation.event_id, verdict=Verdict.ACCEPTED)
            for observation in batch.observations
        )
        await spool.settle("core", Answer(number=batch.number, verdicts=verdicts))
        latencies.append(time.perf_counter() - begin)
        begin = time.perf_counter()
    return latencies


async def singles(spool: Spool) -> list[float]:
    """A hundred terminals, one punch at a time each."""

    async def produce(number: int) -> list[float]:
        serial = f"LIVE{number}"
        first = 1_000_000 + number
        rows = [punches(first + PRODUCERS * n, 1, serial) for n in range(ROWS_PER_PRODUCER)]
        return [await append(spool, row, serial) for row in rows]

    results = await asyncio.gather(*(produce(number) for number in range(PRODUCERS)))
    return [latency for latencies in results for latency in latencies]


async def measure(folder: Path) -> None:
    floor = sync_seconds(folder)
    middle = statistics.median(floor)
    syncs_per_s = SYNCS / sum(floor)
    print(
        f"floor: 4 KiB append + fdatasync  p50 {middle * 1e3:.3f} ms"
        f"  p99 {floor[SYNCS * 99 // 100] * 1e3:.3f} ms  {syncs_per_s:,.0f}/s"
    )
    print(f"{'':32}{'rows/s':>10}{'per sync/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'p99/sync':>10}")
    pages = [columns(number * PAGE_ROWS) for number in range(PAGES)]
    spool = Spool.open(folder / "spool.db", clock=SystemClock(), boot_id="benchmark")
    try:
        for title, run, rows in (
            ("1,000-row chunks, 1 producer", chunks, CHUNK_ROWS * CHUNKS),
            ("the same rows again (known)", known_chunks, CHUNK_ROWS * CHUNKS),
            ("5,000-row pages of columns", partial(packed_pages, pages=pages), PAGE_ROWS * PAGES),
            ("drained, 1,000-row batches", drained, CHUNK_ROWS * CHUNKS + PAGE_ROWS * PAGES),
            ("single rows, 100 producers", singles, PRODUCERS * ROWS_PER_PRODUCER),
        ):
            begin = time.perf_counter()
            latencies = sorted(await run(spool))
            rate = rows / (time.perf_counter() - begin)
            p50, p99 = statistics.median(latencies), latencies[len(latencies) * 99 // 100]
            print(
                f"{title:32}{rate:>10,.0f}{rate / syncs_per_s:>12.1f}{p50 * 1e3:>9.2f}"
                f"{p99 * 1e3:>9.2f}{p99 / middle:>10.1f}"
            )
        stats = await spool.stats()
        stored = sum(device.stored for device in stats.devices)
        print(f"file: {stats.file_bytes / stored:.0f} bytes per stored row (log included)")
    finally:
        spool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: here)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder or Path.cwd()) as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()

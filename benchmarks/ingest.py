"""How fast the core takes punches, beside what the disk itself allows.

    python -m benchmarks.ingest [--batches 100] [--rows 1000] [--folder PATH]

Prints the fsync floor measured in the same run and folder, the rate of `ingest_batch` alone, of
the same batches sent again (all duplicates), and of the whole way: the gateway's transport,
loopback HTTP, the core in a process of its own. Absolute rates belong to the machine; the ratios
to the floor count (specs/perf/baseline.md).
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from hr_core.api.app import create_app
from hr_core.api.server import serve
from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.opening import OpenedBatch, open_batch
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.gateway_keys import register_key
from protocols.batch_chain import FIRST_PREVIOUS
from protocols.identity import event_id
from protocols.records import Direction, Punch
from protocols.signing import SigningKey
from protocols.uplink import Observation, Watermark, encode_batch
from sync.http import HttpTransport
from sync.identity import GatewayIdentity
from sync.sealing import SealedBatch, Sealer

_START = datetime(2026, 1, 1, tzinfo=UTC)
_FSYNCS = 200
_CORE_KEY = SigningKey(bytes(32))
_IDENTITY = GatewayIdentity(
    gateway="bench", key=SigningKey(b"bench".ljust(32)), core_public=_CORE_KEY.public
)


class _Pending(NamedTuple):
    number: int
    previous: bytes
    salt: bytes
    observations: tuple[Observation, ...]
    watermarks: tuple[Watermark, ...] = ()


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def make_chain(batches: int, rows: int) -> list[SealedBatch]:
    sealer, chain, previous = Sealer(_IDENTITY, site="bench"), [], FIRST_PREVIOUS
    for number in range(batches):
        salt = number.to_bytes(32, "big")
        pending = _Pending(number + 1, previous, salt, make_records(number, rows))
        chain.append(sealer.seal(pending))
        previous = chain[-1].signed.batch_hash()
    return chain


def make_records(number: int, rows: int) -> tuple[Observation, ...]:
    """Twenty devices, 3,000 people, in order of time, as a site's morning is."""
    observations = []
    for k in range(number * rows, (number + 1) * rows):
        wall = (_START + timedelta(seconds=k // 3)).replace(tzinfo=None)
        punch = Punch(
            serial=f"ZK{k % 20:08d}",
            user_id=f"{1000 + k * 7919 % 3000}",
            device_time=wall,
            state=k % 2,
            verify=15,
            direction=Direction.IN,
            raw=k.to_bytes(40, "little"),
        )
        observations.append(
            Observation(
                event_id=event_id(punch).hex(),
                record=punch,
                received_at=_START,
                zone="Asia/Shanghai",
            )
        )
    return tuple(observations)


def fsync_floor(folder: Path) -> float:
    """Median seconds of a 4 KiB append with fdatasync."""
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(_FSYNCS):
            begun = perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(perf_counter() - begun)
    return statistics.median(times)


def open_sealed(sealed: SealedBatch) -> OpenedBatch:
    return open_batch(sealed.signed, _IDENTITY.key.public, encode_batch(sealed.batch))


def in_process(folder: Path, batches: Sequence[SealedBatch]) -> tuple[float, float]:
    """Seconds of the first delivery and of the same batches again; parsing and digests are in."""
    engine = open_database(f"sqlite:///{folder}/alone.db")
    initialise(engine)
    seconds = []
    for expected in ("accepted", "duplicate"):
        begun = perf_counter()
        for sealed in batches:
            opened = open_sealed(sealed)
            answer = ingest_batch(engine, opened, received_at=_START, core_key=_CORE_KEY)
            if {judged.verdict for judged in answer.verdicts} != {expected}:
                raise SystemExit(
                    f"batch {answer.number} was not {expected}: the rate means nothing"
                )
        seconds.append(perf_counter() - begun)
    engine.dispose()
    return seconds[0], seconds[1]


def over_http(folder: Path, batches: Sequence[SealedBatch]) -> float:
    """Seconds of the delivery to a core in a child process, one gateway."""
    database = f"sqlite:///{folder}/served.db"
    engine = open_database(database)
    initialise(engine)
    with writing(engine) as conn:
        register_key(conn, "bench", _IDENTITY.key.public, _START)
    engine.dispose()
    command = [sys.executable, "-m", "benchmarks.ingest", "--serve", database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as core:
        assert core.stdout is not None  # noqa: S101 - PIPE, two lines up
        url = core.stdout.readline().strip()
        try:
            return asyncio.run(_deliver(url, batches))
        finally:
            core.terminate()


async def _deliver(url: str, batches: Sequence[SealedBatch]) -> float:
    transport = HttpTransport(url, _IDENTITY, timeout_s=30)
    begun = perf_counter()
    for batch in batches:
        await transport.send(batch)
    seconds = perf_counter() - begun
    await transport.aclose()
    return seconds


def _serve(database: str) -> None:
    engine = open_database(database)
    app = create_app(engine, clock=_Clock(), core_key=_CORE_KEY)
    asyncio.run(serve(app, "127.0.0.1", 0, lambda h, p: print(f"http://{h}:{p}", flush=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: here)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve(options.serve)
        return
    batches = make_chain(options.batches, options.rows)
    punches = options.batches * options.rows
    with tempfile.TemporaryDirectory(dir=options.folder or Path.cwd()) as name:
        folder = Path(name)
        floor = fsync_floor(folder)
        first, again = in_process(folder, batches)
        bytes_each = (folder / "alone.db").stat().st_size / punches
        http = over_http(folder, batches)
    print(f"fsync floor: {floor * 1e3:.3f} ms")
    for what, seconds in (("new", first), ("duplicate", again), ("new over HTTP", http)):
        per_batch = seconds / options.batches
        print(
            f"{what:14}: {punches / seconds:9,.0f} punches/s, {per_batch * 1e3:7.2f} ms a batch "
            f"of {options.rows} = {per_batch / floor:.0f} floors"
        )
    print(f"stored: {bytes_each:.0f} bytes a punch, indexes included")


if __name__ == "__main__":
    main()

"""How fast the core takes punches, beside a pydantic service and the disk itself.

    python -m benchmarks.ingest [--batches 20] [--rows 5000] [--rounds 5] [--folder PATH]
        [--fastapi PYTHON]

In one run and folder, taking turns, each server in a process of its own, bodies made beforehand,
one client; the median round counts, and the load of the machine is said:

- the peers (pydantic_peer.py): a pydantic model for each record, INSERT OR IGNORE into the same
  table with the same durability, one verdict per record. They check no signature, make no digest,
  keep no chain. The one of FastAPI runs when PYTHON has fastapi, uvicorn, httptools and zstandard.
- ours in JSON; ours in columns up to "stored" (202); ours in columns up to the verdicts.

Absolute rates belong to the machine; the ratios count (specs/perf/baseline.md). Beside the time at
the clock stands the CPU time of the server: what neighbours on the machine take is not in it.
"""

import argparse
import asyncio
import contextlib
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import httpx
import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import pydantic_peer
from hr_core.api.app import create_app
from hr_core.api.server import serve
from hr_core.store import all_tables
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.gateway_keys import register_key
from hr_core.store.log_mover import serving
from protocols.batch_chain import FIRST_PREVIOUS
from protocols.column_batch import BODY_HEAD_BYTES, COLUMNS_TYPE
from protocols.identity import event_id
from protocols.records import Direction, Punch
from protocols.signed_request import NONCE_BYTES, answer_target, sign_request
from protocols.signing import SigningKey
from protocols.uplink import BATCH_SALT_BYTES, Batch, Observation, encode_batch
from sync.identity import GatewayIdentity
from sync.sealing import SealedBatch, Sealer

_GATEWAY = "bench"
_KEY = SigningKey(b"bench".ljust(32))
_CORE_KEY = SigningKey(b"core".ljust(32))
_START = datetime(2026, 1, 1, 8)  # noqa: DTZ001 - device clocks are naive
_ARRIVED = datetime(2026, 2, 1, tzinfo=UTC)
_FSYNCS = 200
_JUDGED_WITHIN_S = 120
_SEED = 7


_PEER = "peer, Starlette"
_FASTAPI = "peer, FastAPI"


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Chains(Struct, frozen=True):
    json: Sequence[SealedBatch]
    columns: Sequence[SealedBatch]


class _Pending(Struct, frozen=True):
    number: int
    previous: bytes
    salt: bytes
    observations: tuple[Observation, ...]
    watermarks: tuple[()] = ()


def backlog(number: int, rows: int) -> tuple[Observation, ...]:
    """The log of one terminal: 3,000 people, random gaps, 40 raw bytes as a ZKTeco row has them."""
    dice = random.Random(_SEED + number)  # noqa: S311 - the same punches in each run
    time = _START
    observations = []
    for row in range(rows):
        time += timedelta(seconds=dice.randint(1, 40))
        user_id, state = str(1000 + dice.randrange(3000)), dice.randrange(2)
        stamp = int((time - _START).total_seconds()).to_bytes(4, "little")
        raw = row.to_bytes(2, "little") + user_id.encode().ljust(24, b"\0") + b"\x0f" + stamp
        punch = Punch(
            serial=f"ZK{number:08d}",
            user_id=user_id,
            device_time=time,
            state=state,
            verify=15,
            direction=(Direction.IN, Direction.OUT)[state],
            method="face",
            work_code=0,
            raw=raw.ljust(40, bytes([state])),
        )
        observations.append(
            Observation(
                event_id=event_id(punch).hex(),
                record=punch,
                received_at=_ARRIVED,
                zone="Asia/Shanghai",
                clock_offset_ms=-1500,
            )
        )
    return tuple(observations)


def sealed_chain(batches: Sequence[tuple[Observation, ...]], *, columns: bool) -> list[SealedBatch]:
    identity = GatewayIdentity(gateway=_GATEWAY, key=_KEY, core_public=_CORE_KEY.public)
    sealer, previous, chain = Sealer(identity, site="bench"), FIRST_PREVIOUS, []
    for number, observations in enumerate(batches, start=1):
        salt = number.to_bytes(BATCH_SALT_BYTES, "big")
        sealed = sealer.seal(_Pending(number, previous, salt, observations), columns=columns)
        previous = sealed.signed.batch_hash()
        chain.append(sealed)
    return chain


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


class Taken(Struct, frozen=True):
    """Seconds at the clock, and of the server's CPU."""

    clock: float
    cpu: float


class Served(Struct, frozen=True):
    client: httpx.Client
    process: int

    def timed(self, deliver: Callable[[httpx.Client], None]) -> Taken:
        cpu, begun = _cpu_seconds(self.process), perf_counter()
        deliver(self.client)
        return Taken(perf_counter() - begun, _cpu_seconds(self.process) - cpu)


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system


@contextlib.contextmanager
def server(database: Path, *command: str) -> Iterator[Served]:
    engine = open_database(f"sqlite:///{database}")
    initialise(engine)
    with writing(engine) as conn:
        register_key(conn, _GATEWAY, _KEY.public, _ARRIVED - timedelta(days=1))
    engine.dispose()
    words = [*command, str(database)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - PIPE, two lines up
        url = process.stdout.readline().strip()
        try:
            with httpx.Client(base_url=url, timeout=60) as client:
                yield Served(client, process.pid)
        finally:
            process.terminate()


def _core(kind: str) -> tuple[str, ...]:
    return sys.executable, "-m", "benchmarks.ingest", "--serve", kind


def post(client: httpx.Client, body: bytes, headers: Mapping[str, str]) -> int:
    response = client.post("/api/v1/batches", content=body, headers=headers)
    if response.status_code not in {200, 202}:
        raise SystemExit(f"HTTP {response.status_code}: {response.text[:300]}")
    return response.status_code


def sealed_headers(sealed: SealedBatch) -> dict[str, str]:
    return sealed.signed.as_headers() | {
        "Content-Type": sealed.content_type,
        "Content-Encoding": sealed.content_encoding,
    }


def peer_taken(database: Path, python: str, framework: str, bodies: Sequence[bytes]) -> Taken:
    def deliver(client: httpx.Client) -> None:
        for body in bodies:
            post(client, body, {"Content-Type": "application/json"})

    with server(database, python, str(pydantic_peer.__file__), framework) as served:
        return served.timed(deliver)


def ours_taken(
    database: Path, chain: Sequence[SealedBatch], *, kind: str = "core", verdicts: bool = False
) -> Taken:
    """`verdicts`: as a gateway does it, the next batch goes when the verdicts are there."""

    def deliver(client: httpx.Client) -> None:
        for sealed in chain:
            post(client, sealed.body, sealed_headers(sealed))
            if verdicts:
                _await_answer(client, sealed.batch.number)

    with server(database, *_core(kind)) as served:
        return served.timed(deliver)


def _await_answer(client: httpx.Client, number: int) -> None:
    target = answer_target(number)
    limit = perf_counter() + _JUDGED_WITHIN_S
    while perf_counter() < limit:
        request = sign_request(_KEY, _GATEWAY, target, nonce=os.urandom(NONCE_BYTES))
        response = client.get(target.partition(" ")[2], headers=request.as_headers())
        if response.status_code == httpx.codes.OK:
            return
    raise SystemExit(f"batch {number} was not judged: the rate means nothing")


def check_events(folder: Path, names: Sequence[str], expected: int) -> None:
    """Whoever is faster must have stored as much."""
    for name in names:
        with contextlib.closing(sqlite3.connect(folder / name)) as connection:
            found = connection.execute("SELECT count(*) FROM raw_events").fetchone()[0]
        if found != expected:
            raise SystemExit(f"{name} holds {found} events, not {expected}")


def print_sizes(batch: Batch, body: bytes) -> None:
    """The punch columns beside the same columns in JSON and zstd; raw apart."""
    records = [
        replace(one, event_id="", record=replace(one.record, raw=b"")) for one in batch.observations
    ]
    with_ids = [replace(one, record=replace(one.record, raw=b"")) for one in batch.observations]
    json = len(zstandard.compress(encode_batch(replace(batch, observations=tuple(records))), 3))
    named = len(zstandard.compress(encode_batch(replace(batch, observations=tuple(with_ids))), 3))
    whole = len(zstandard.compress(encode_batch(batch), 3))
    sections = msgspec.msgpack.decode(body[BODY_HEAD_BYTES:])[-1]
    columns = sum(len(section[5]) for section in sections)
    rows = len(batch.observations)
    print(f"punch columns: {columns / rows:6.2f} bytes a punch")
    print(
        f"  the same columns as JSON+zstd without event ids: {json / rows:6.2f} = "
        f"{json / columns:.1f}x, as the JSON form has them: {named / rows:6.2f} = "
        f"{named / columns:.1f}x"
    )
    print(
        f"raw pages and head: {(len(body) - columns) / rows:6.2f} bytes a punch; whole body "
        f"{len(body) / rows:.2f}, whole JSON+zstd body {whole / rows:.2f}"
    )


def _serve(kind: str, database: str) -> None:
    assert all_tables  # noqa: S101 - imported so that every table is known
    engine = open_database(f"sqlite:///{database}")
    app = create_app(engine, clock=_Clock(), core_key=_CORE_KEY)
    if kind == "core-without-judge":
        from hr_core.api.page_judge import PageJudge

        PageJudge.kick = lambda _judge: None  # type: ignore[method-assign]
    with serving(engine):
        asyncio.run(serve(app, "127.0.0.1", 0, lambda h, p: print(f"http://{h}:{p}", flush=True)))


def run_round(
    folder: Path, batches: Sequence[tuple[Observation, ...]], chains: Chains, fastapi: str | None
) -> dict[str, Taken]:
    folder.mkdir()
    plain = [msgspec.json.encode(batch) for batch in batches]
    packed = [zstandard.compress(body, 3) for body in plain]
    taken = {_PEER: peer_taken(folder / "peer.db", sys.executable, "starlette", packed)}
    if fastapi is not None:
        taken[_FASTAPI] = peer_taken(folder / "fastapi.db", fastapi, "fastapi", plain)
    taken["ours, JSON"] = ours_taken(folder / "json.db", chains.json)
    taken["ours, columns, stored"] = ours_taken(
        folder / "stored.db", chains.columns, kind="core-without-judge"
    )
    taken["ours, columns, verdicts"] = ours_taken(
        folder / "verdicts.db", chains.columns, verdicts=True
    )
    full = [path.name for path in folder.glob("*.db") if path.name != "stored.db"]
    check_events(folder, full, sum(map(len, batches)))
    return taken


def print_rates(rounds: Sequence[Mapping[str, Taken]], batches: int, rows: int) -> None:
    """Medians over the rounds; the ratio of a round is of two servers that stood side by side."""
    print(f"median of {len(rounds)}; load of the machine {os.getloadavg()[0]:.1f}")
    peers = [name for name in (_PEER, _FASTAPI) if name in rounds[0]]
    for name in rounds[0]:
        clock = statistics.median(one[name].clock for one in rounds)
        cpu = statistics.median(one[name].cpu for one in rounds)
        print(
            f"{name:24}: {batches * rows / clock:9,.0f} punches/s, {clock / batches * 1e3:7.2f} ms "
            f"a batch of {rows}, CPU {cpu / batches / rows * 1e6:5.1f} us a punch"
        )
        for peer in peers:
            by_clock = statistics.median(one[peer].clock / one[name].clock for one in rounds)
            by_cpu = statistics.median(one[peer].cpu / one[name].cpu for one in rounds)
            print(f"{'':26}{by_clock:6.2f}x {peer} ({by_cpu:.2f}x by CPU)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fastapi", metavar="PYTHON", help="an interpreter that has fastapi")
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: here)")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve(*options.serve)
        return
    batches = [backlog(number, options.rows) for number in range(options.batches)]
    punches = options.batches * options.rows
    begun = perf_counter()
    in_json = sealed_chain(batches, columns=False)
    sealing_json = perf_counter() - begun
    begun = perf_counter()
    in_columns = sealed_chain(batches, columns=True)
    sealing_columns = perf_counter() - begun
    if {sealed.content_type for sealed in in_columns} != {COLUMNS_TYPE}:
        raise SystemExit("not every batch went in columns: the rate means nothing")
    chains = Chains(in_json, in_columns)
    with tempfile.TemporaryDirectory(dir=options.folder or Path.cwd()) as name:
        print(f"fsync floor: {fsync_floor(Path(name)) * 1e3:.3f} ms")
        rounds = [
            run_round(Path(name) / str(turn), batches, chains, options.fastapi)
            for turn in range(options.rounds)
        ]
    print_rates(rounds, options.batches, options.rows)
    print(
        f"sealing at the gateway: JSON {sealing_json / punches * 1e6:.2f} us a punch, "
        f"columns {sealing_columns / punches * 1e6:.2f}"
    )
    print_sizes(in_columns[0].batch, in_columns[0].body)


if __name__ == "__main__":
    main()

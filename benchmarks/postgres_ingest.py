"""How fast punches come into PostgreSQL, beside the fastest way there is.

    python -m benchmarks.postgres_ingest [--batches 10] [--rows 10000] [--rounds 5] [--folder PATH]

In one run, on one server of its own with the same durability for all, taking turns, an empty
database each; the median round counts:

- bare: asyncpg, COPY into a temporary table and INSERT … ON CONFLICT DO NOTHING into the same table,
  one commit a batch. It judges nothing, knows no chain and answers nobody.
- ours, stored: the same rows through the store's insert (hr_core.store.event_inserts) in the writers'
  transaction, with the totals that are kept beside them.
- ours, whole: the same punches as signed batches in columns, 5,000 a batch as gateways send them:
  made durable as they came, then proven, judged, stored, receipted and answered, two commits a batch.
  The client's side (sealing, HTTP) is not in it.
"""

import argparse
import asyncio
import gc
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import asyncpg
import sqlalchemy as sa
from msgspec import Struct

from benchmarks.ingest import backlog, fsync_floor, sealed_chain
from hr_core.api.body import inflate
from hr_core.api.server import OBJECTS_BETWEEN_COLLECTIONS
from hr_core.ingest.pages import OpenedPage, judge_next_page, open_columns, store_page
from hr_core.ingest.rows import BatchRows
from hr_core.ingest.storing import store_new
from hr_core.store import all_tables
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.event_rows import EventRow
from hr_core.store.events import raw_events
from protocols.batch_chain import BatchHead
from protocols.record_digest import record_bytes
from protocols.signing import SigningKey
from protocols.uplink import MAX_RECORDS_PER_BATCH
from sync.sealing import SealedBatch
from tests.postgres_server import PostgresServer, postgres_server

_KEY = SigningKey(b"bench".ljust(32))
_CORE_KEY = SigningKey(b"core".ljust(32))
_ARRIVED = datetime(2026, 2, 1, tzinfo=UTC)
_COLUMNS = raw_events.columns.keys()
_WANTED = 0.7

Rows = Sequence[EventRow]


class Taken(Struct, frozen=True):
    """Seconds at the clock; of this process' CPU, the server's apart."""

    clock: float
    cpu: float


def rows_of(number: int, rows: int) -> list[EventRow]:
    observations = backlog(number, rows)
    head = BatchHead(
        gateway="bench", number=number, previous=bytes(32), content_type="", body_digest=bytes(32),
        records=rows, records_root=bytes(32),
    )  # fmt: skip
    made = BatchRows(
        head,
        salts=[os.urandom(16) for _ in range(rows)],
        spelled=list(map(record_bytes, observations)),
        stored_at=_ARRIVED,
    )
    return made.rows(0, observations).rows


async def bare(url: str, batches: Sequence[Rows]) -> Taken:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "CREATE TEMPORARY TABLE incoming (LIKE raw_events) ON COMMIT DELETE ROWS"
        )
        cpu, begun = process_time(), perf_counter()
        for rows in batches:
            async with connection.transaction():
                await connection.copy_records_to_table("incoming", records=rows, columns=_COLUMNS)
                await connection.execute(
                    "INSERT INTO raw_events SELECT * FROM incoming ON CONFLICT DO NOTHING"
                )
        return Taken(perf_counter() - begun, process_time() - cpu)
    finally:
        await connection.close()


def stored(engine: sa.Engine, batches: Sequence[Rows]) -> Taken:
    cpu, begun = process_time(), perf_counter()
    for rows in batches:
        with writing(engine) as conn:
            store_new(conn, rows)
    return Taken(perf_counter() - begun, process_time() - cpu)


def whole(engine: sa.Engine, chain: Sequence[SealedBatch]) -> Taken:
    """As hr_core.api.batches does it, without HTTP."""
    cpu, begun = process_time(), perf_counter()
    for sealed in chain:
        sealed.signed.check(_KEY.public)
        body = inflate(sealed.body, sealed.content_encoding)
        batch = open_columns(sealed.signed, body)
        page = store_page(engine, sealed.signed, _KEY.public, body, received_at=_ARRIVED)
        if page is None:
            raise SystemExit("a batch was here before: the rate means nothing")
        judge_next_page(engine, core_key=_CORE_KEY, opened=OpenedPage(page.batch_hash, batch))
    return Taken(perf_counter() - begun, process_time() - cpu)


def on_ours(work: Callable[[sa.Engine], Taken]) -> Callable[[str], Taken]:
    def run(url: str) -> Taken:
        engine = open_database(url)
        with engine.connect() as conn:  # a server has its connection when a batch comes
            conn.exec_driver_sql("SELECT 1")
        try:
            return work(engine)
        finally:
            engine.dispose()

    return run


def on_empty(
    server: PostgresServer, template: str, work: Callable[[str], Taken], expected: int
) -> Taken:
    database = server.new_database(template)
    server.admin("CHECKPOINT")
    taken = work(server.url(database))
    with sa.create_engine(open_database(server.url(database)).url).connect() as conn:
        found = conn.exec_driver_sql("SELECT count(*) FROM raw_events").scalar_one()
        conn.engine.dispose()
    if found != expected:
        raise SystemExit(f"{found} rows are there, not {expected}: the rate means nothing")
    server.drop(database)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: here)")
    options = parser.parse_args()
    folder = options.folder or Path.cwd()
    batches = [rows_of(number, options.rows) for number in range(options.batches)]
    punches = options.batches * options.rows
    ours = [
        observations[start : start + MAX_RECORDS_PER_BATCH]
        for observations in (backlog(number, options.rows) for number in range(options.batches))
        for start in range(0, options.rows, MAX_RECORDS_PER_BATCH)
    ]
    chain = sealed_chain(ours, columns=True)
    ways: dict[str, Callable[[str], Taken]] = {
        "bare": lambda url: asyncio.run(bare(url, batches)),
        "ours, stored": on_ours(lambda engine: stored(engine, batches)),
        "ours, whole": on_ours(lambda engine: whole(engine, chain)),
    }
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)  # as the core's server does
    with tempfile.TemporaryDirectory(dir=folder) as name:
        print(f"fsync floor: {fsync_floor(Path(name)) * 1e3:.3f} ms")
    with postgres_server(durable=True, folder=folder) as server:
        template = prepared(server)
        rounds = [
            {name: on_empty(server, template, work, punches) for name, work in ways.items()}
            for _ in range(options.rounds)
        ]
    print_rates(rounds, punches, options.rows)


def prepared(server: PostgresServer) -> str:
    assert all_tables  # noqa: S101 - imported so that every table is known
    template = server.new_database()
    engine = open_database(server.url(template))
    initialise(engine)
    engine.dispose()
    return template


def print_rates(rounds: Sequence[dict[str, Taken]], punches: int, rows: int) -> None:
    """Medians over the rounds; the ratio of a round is of two that stood side by side."""
    print(f"median of {len(rounds)}; load of the machine {os.getloadavg()[0]:.1f}")
    for name in rounds[0]:
        clock = statistics.median(one[name].clock for one in rounds)
        cpu = statistics.median(one[name].cpu for one in rounds)
        ratio = statistics.median(one["bare"].clock / one[name].clock for one in rounds)
        print(
            f"{name:14}: {punches / clock:9,.0f} rows/s, {clock / punches * rows * 1e3:7.1f} ms for "
            f"{rows}, client CPU {cpu / punches * 1e6:5.2f} us a row, {ratio:5.2f} of bare"
        )
    print(f"wanted: at least {_WANTED} of bare")


if __name__ == "__main__":
    main()

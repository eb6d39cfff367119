"""The peer of benchmarks.ingest: a service as one writes it with pydantic in an afternoon, durable
and idempotent, and careful with its database: one transaction and one executemany a batch.

    python pydantic_peer.py starlette|fastapi DATABASE

It imports nothing of ours, so that another interpreter can run it: FastAPI is not among our
dependencies. The database is one that `hr_core.store.database.initialise` has made.

- starlette: the body goes from zstd straight into pydantic's own JSON parser, the answer is written
  by hand. The fastest service that still has a pydantic model for each record.
- fastapi: as its tutorial teaches: a list of models as the body, a list of models as the answer. It
  gets its JSON uncompressed, which spares it the inflating.
"""

import asyncio
import json
import socket
import sqlite3
import sys
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import Literal
from zoneinfo import ZoneInfo

import uvicorn
import zstandard
from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_MAX_BYTES = 64 * 1024 * 1024
_PATH = "/api/v1/batches"


class Punch(BaseModel):
    kind: Literal["punch"]
    serial: str
    user_id: str
    device_time: datetime
    state: int
    verify: int
    direction: str = "unknown"
    method: str = "unknown"
    work_code: int | None = None
    card: str | None = None
    channel: str = "pull"
    ordinal: int = 0
    flags: list[str] = []
    raw: str = ""


class Observation(BaseModel):
    event_id: str
    record: Punch
    received_at: datetime
    zone: str
    clock_offset_ms: int | None = None
    flags: list[str] = []


class Verdict(BaseModel):
    event_id: str
    verdict: str


_batch = TypeAdapter(list[Observation])


def _store_into(database: str) -> Callable[[list[Observation]], None]:
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    number = 0

    def store(batch: list[Observation]) -> None:
        """Durable when it returns; what is here already stays as it is."""
        nonlocal number
        number += 1
        now = _microseconds(datetime.now(UTC))
        rows = [_row(one, number, place, now) for place, one in enumerate(batch)]
        marks = ", ".join("?" * len(rows[0]))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT OR IGNORE INTO raw_events VALUES ({marks})",  # noqa: S608 - our own marks
            rows,
        )
        connection.execute("COMMIT")

    return store


def starlette_peer(database: str) -> Starlette:
    store = _store_into(database)
    one_writer = CapacityLimiter(1)

    def take(body: bytes) -> bytes:
        content = zstandard.ZstdDecompressor().decompress(body, max_output_size=_MAX_BYTES)
        batch = _batch.validate_json(content)
        store(batch)
        return json.dumps(
            [{"event_id": one.event_id, "verdict": "stored"} for one in batch]
        ).encode()

    async def receive(request: Request) -> Response:
        body = await request.body()
        return Response(await to_thread.run_sync(take, body, limiter=one_writer))

    return Starlette(routes=[Route(_PATH, receive, methods=["POST"])])


def fastapi_peer(database: str) -> Starlette:
    store = _store_into(database)
    one_writer = CapacityLimiter(1)

    async def receive(batch: list[Observation]) -> list[Verdict]:
        await to_thread.run_sync(store, batch, limiter=one_writer)
        return [Verdict(event_id=one.event_id, verdict="stored") for one in batch]

    app: Starlette = import_module("fastapi").FastAPI()
    app.add_api_route(_PATH, receive, methods=["POST"])  # type: ignore[attr-defined]
    return app


def _row(one: Observation, number: int, place: int, now: int) -> tuple[object, ...]:
    punch = one.record
    at = punch.device_time.replace(tzinfo=ZoneInfo(one.zone))
    body = punch.model_dump_json(exclude={"raw"}, exclude_defaults=True)
    return (
        bytes.fromhex(one.event_id),
        punch.kind,
        punch.serial,
        punch.user_id,
        _microseconds(at),
        one.zone,
        _microseconds(one.received_at),
        one.clock_offset_ms,
        json.dumps(one.flags),
        "bench",
        number,
        place,
        bytes(16),
        now,
        body.encode(),
        b64decode(punch.raw),
    )


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000)


def main() -> None:
    framework, database = sys.argv[1:]
    app = {"starlette": starlette_peer, "fastapi": fastapi_peer}[framework](database)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, http="httptools", access_log=False, log_level="warning")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()

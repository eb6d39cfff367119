"""The peer of benchmarks.ingest: a service as one writes it with pydantic in an afternoon, durable
and idempotent, and careful with its database: one transaction and one executemany a batch.
"""

import json
import sqlite3
from base64 import b64decode
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import zstandard
from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_MAX_BYTES = 64 * 1024 * 1024


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


_batch = TypeAdapter(list[Observation])


def create_peer(database: str) -> Starlette:
    """Over a database that `hr_core.store.database.initialise` has made."""
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    one_writer = CapacityLimiter(1)
    number = 0

    def store(body: bytes) -> bytes:
        nonlocal number
        number += 1
        content = zstandard.ZstdDecompressor().decompress(body, max_output_size=_MAX_BYTES)
        batch = _batch.validate_json(content)
        now = _microseconds(datetime.now(UTC))
        rows = [_row(one, number, place, now) for place, one in enumerate(batch)]
        marks = ", ".join("?" * len(rows[0]))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT OR IGNORE INTO raw_events VALUES ({marks})",  # noqa: S608 - our own marks
            rows,
        )
        connection.execute("COMMIT")
        return json.dumps(
            [{"event_id": one.event_id, "verdict": "stored"} for one in batch]
        ).encode()

    async def receive(request: Request) -> Response:
        body = await request.body()
        return Response(await to_thread.run_sync(store, body, limiter=one_writer))

    return Starlette(routes=[Route("/api/v1/batches", receive, methods=["POST"])])


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

"""POST /api/v1/batches: a gateway delivers, the core answers per record when all is durable."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from hr_core.api.authentication import authenticate
from hr_core.api.body import inflate, read_body
from hr_core.api.errors import ApiError, JsonResponse
from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.decoding import decode_record_by_record
from hr_core.store.errors import StorageError
from hr_core.tokens import Gateway
from protocols.errors import ProtocolError
from protocols.uplink import encode_answer

# Each waiting batch holds up to 32 MiB (sent and inflated); the 17th gateway is told to come back.
MAX_WAITING = 16
_BUSY_RETRY_S = 2
_SICK_RETRY_S = 30


class BatchReceiver:
    """The endpoint. Decoding and storing run in one worker thread: the database has one writer."""

    def __init__(self, engine: sa.Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._one_writer = CapacityLimiter(1)
        self._waiting = 0

    async def receive(self, request: Request) -> Response:
        gateway = await authenticate(request, self._engine)
        _check_content_type(request)
        body = await read_body(request)
        encoding = request.headers.get("Content-Encoding", "")
        if self._waiting >= MAX_WAITING:
            raise ApiError(
                503,
                "core_busy",
                f"{MAX_WAITING} batches are waiting already",
                "Send the same batch again later",
                retry_after_s=_BUSY_RETRY_S,
            )
        self._waiting += 1
        try:
            answer = await to_thread.run_sync(
                self._ingest, body, encoding, gateway, limiter=self._one_writer
            )
        finally:
            self._waiting -= 1
        return JsonResponse(answer)

    def _ingest(self, body: bytes, encoding: str, gateway: Gateway) -> bytes:
        content = inflate(body, encoding)
        try:
            batch, kept = decode_record_by_record(content)
            if batch.gateway != gateway.name:
                raise ApiError(
                    403,
                    "wrong_gateway",
                    f"the token belongs to {gateway.name!r}, the batch says {batch.gateway!r}",
                    "Check the gateway's name and token in its site file",
                )
            answer = ingest_batch(self._engine, batch, received_at=self._now())
        except ProtocolError as exc:
            raise ApiError(
                422, "not_a_batch", str(exc), "Update the older one of gateway and core"
            ) from exc
        except StorageError as exc:
            raise ApiError(
                503, exc.code, exc.what, exc.remedy, retry_after_s=_SICK_RETRY_S
            ) from exc
        return encode_answer(replace(answer, verdicts=answer.verdicts + kept))


def _check_content_type(request: Request) -> None:
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise ApiError(
            415,
            "not_json",
            f"Content-Type {content_type[:40]!r} is not application/json",
            "Send a batch as JSON, compressed with zstd",
        )

"""POST /api/v1/batches: a gateway delivers, the core answers per record when all is durable.

What comes is believed in steps, and nothing is inflated or parsed before its gateway is proven:
head and content type, the gateway and its keys, the signature over head and body as received, the
inflated body against the head, the place in the chain.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from hr_core.api.authentication import bad_head, gateway_keys_at, signing_key
from hr_core.api.body import inflate
from hr_core.api.errors import ApiError, JsonResponse, error_body
from hr_core.api.incoming import HttpIncoming, Incoming, Reply
from hr_core.api.refusal_book import RefusalBook
from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.opening import HeadMismatchError, open_batch
from hr_core.store.chains import ChainForkError, ChainGapError
from hr_core.store.errors import StorageError
from protocols.batch_chain import HeadError, SignedHead, read_head, signed_type
from protocols.core_signature import SIGNATURE_HEADER, NamedHead, sign_batch_answer
from protocols.errors import ProtocolError
from protocols.signing import SigningKey
from protocols.uplink import encode_answer

# Each waiting batch holds up to 32 MiB (sent and inflated); the 17th gateway is told to come back.
MAX_WAITING = 16
_BUSY_RETRY_S = 2
_SICK_RETRY_S = 30


class BatchReceiver:
    """Takes batches. Decoding and storing run in one worker thread: the database has one writer."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        now: Callable[[], datetime],
        core_key: SigningKey,
        refusals: RefusalBook,
    ) -> None:
        self._engine = engine
        self._now = now
        self._core_key = core_key
        self._refusals = refusals
        self._one_writer = CapacityLimiter(1)
        self._waiting = 0

    async def receive(self, request: Request) -> Response:
        reply = await self.take(HttpIncoming(request))
        return JsonResponse(reply.body, headers=dict(reply.headers))

    async def take(self, incoming: Incoming) -> Reply:
        """Whichever way it came. Raises ApiError, which is counted then."""
        try:
            return await self._take(incoming)
        except ApiError as error:
            self._refusals.note(incoming.claimed, error)
            raise

    async def _take(self, incoming: Incoming) -> Reply:
        headers = incoming.headers()
        _check_content_type(headers)
        announced = _head(headers, b"")
        # Before the body: nobody but a gateway may make us hold one.
        await to_thread.run_sync(self._check_known, announced.head.gateway)
        body = await incoming.body()
        signed = _head(headers, body)
        key = await to_thread.run_sync(self._check_signed, signed)
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
                self._ingest,
                signed,
                key,
                body,
                headers.get("content-encoding", ""),
                limiter=self._one_writer,
            )
        finally:
            self._waiting -= 1
        return Reply(body=answer, headers=self._signature(signed, answer))

    def _check_known(self, gateway: str) -> None:
        with self._engine.connect() as conn:
            gateway_keys_at(conn, gateway, self._now())

    def _check_signed(self, signed: SignedHead) -> bytes:
        now, gateway = self._now(), signed.head.gateway
        with self._engine.connect() as conn:
            keys = gateway_keys_at(conn, gateway, now)
        return signing_key(keys, gateway, now, signed.check)

    def _ingest(self, signed: SignedHead, key: bytes, body: bytes, coding: str) -> bytes:
        content = inflate(body, coding)
        try:
            batch = open_batch(signed, key, content)
            answer = ingest_batch(
                self._engine, batch, received_at=self._now(), core_key=self._core_key
            )
        except HeadMismatchError as exc:
            raise ApiError(422, exc.code, str(exc), "Check what sends it") from exc
        except ProtocolError as exc:
            raise ApiError(
                422, "not_a_batch", str(exc), "Update the older one of gateway and core"
            ) from exc
        except (ChainForkError, ChainGapError) as exc:
            raise self._conflict(signed, exc) from exc
        except StorageError as exc:
            raise ApiError(
                503, exc.code, exc.what, exc.remedy, retry_after_s=_SICK_RETRY_S
            ) from exc
        return encode_answer(answer)

    def _conflict(self, signed: SignedHead, exc: ChainForkError | ChainGapError) -> ApiError:
        """Signed as an answer is: a gateway goes back in its chain for its own core only."""
        code = "chain_gap" if isinstance(exc, ChainGapError) else "chain_fork"
        error = ApiError(
            409,
            code,
            str(exc),
            exc.remedy,
            more={"head": NamedHead.of(signed.head.gateway, exc.here)},
        )
        error.headers = self._signature(signed, error_body(error))
        return error

    def _signature(self, signed: SignedHead, body: bytes) -> dict[str, str]:
        return {SIGNATURE_HEADER: sign_batch_answer(self._core_key, signed, body)}


def _head(headers: Mapping[str, str], body: bytes) -> SignedHead:
    content_type = signed_type(headers.get("content-type", ""), headers.get("content-encoding", ""))
    try:
        return read_head(headers, content_type=content_type, body=body)
    except HeadError as exc:
        raise bad_head(str(exc)) from exc


def _check_content_type(headers: Mapping[str, str]) -> None:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise ApiError(
            415,
            "not_json",
            f"Content-Type {content_type[:40]!r} is not application/json",
            "Send a batch as JSON, compressed with zstd",
        )

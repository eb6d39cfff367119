"""POST /api/v1/batches: a gateway delivers, the core answers per record when all is durable.

A batch in columns is answered as stored (202) when it is durable, and its verdicts are asked for
behind that: GET /api/v1/batches/NUMBER/answer.

What comes is believed in steps, and nothing is inflated or parsed before its gateway is proven:
head and content type, the gateway and its keys, the signature over head and body as received, the
inflated body against the head, the place in the chain.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

import msgspec
import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from hr_core.api.authentication import authenticate, bad_head, gateway_keys_at, signing_key
from hr_core.api.body import inflate
from hr_core.api.errors import ApiError, JsonResponse, error_body, sick
from hr_core.api.incoming import HttpIncoming, Incoming, Reply
from hr_core.api.page_judge import PageJudge
from hr_core.api.refusal_book import RefusalBook
from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.opening import HeadMismatchError, OpenedBatch, open_batch
from hr_core.ingest.pages import OpenedPage, judge_pages, open_columns, open_judged, store_page
from hr_core.store.batch_pages import StoredPage, page_of
from hr_core.store.chains import ChainForkError, ChainGapError
from hr_core.store.errors import StorageError
from protocols.batch_chain import LAST_NUMBER, HeadError, SignedHead, read_head, signed_type
from protocols.column_batch import COLUMNS_TYPE
from protocols.core_signature import (
    SIGNATURE_HEADER,
    NamedHead,
    sign_batch_answer,
    sign_request_answer,
)
from protocols.errors import ProtocolError
from protocols.signing import SigningKey
from protocols.uplink import Stored, encode_answer

# Each waiting batch holds up to 32 MiB (sent and inflated); the 17th gateway is told to come back.
MAX_WAITING = 16
_BUSY_RETRY_S = 2
_STORED = 202
_VERDICT_WAIT_S = 5.0  # of a gateway that asks; 5,000 records are judged in a tenth of a second


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
        self.judge = PageJudge(engine, core_key=core_key, one_writer=self._one_writer)

    async def receive(self, request: Request) -> Response:
        reply = await self.take(HttpIncoming(request))
        return JsonResponse(reply.body, reply.status, dict(reply.headers))

    async def take(self, incoming: Incoming) -> Reply:
        """Whichever way it came. Raises ApiError, which is counted then."""
        try:
            return await self._take(incoming)
        except ApiError as error:
            self._refusals.note(incoming.claimed, error)
            raise

    async def _take(self, incoming: Incoming) -> Reply:
        headers = incoming.headers()
        _check_content_type(headers, incoming.takes)
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
            status, answer = await to_thread.run_sync(
                self._accept, signed, key, body, headers, limiter=self._one_writer
            )
        finally:
            self._waiting -= 1
        if status == _STORED:
            self.judge.kick()
        return Reply(status=status, body=answer, headers=self._signature(signed, answer))

    async def answer(self, request: Request) -> Response:
        """The verdicts on a batch of the gateway that asks, which was answered as stored."""
        incoming = HttpIncoming(request)
        try:
            asked = await authenticate(incoming, self._engine, self._now(), b"")
        except ApiError as error:
            self._refusals.note(incoming.claimed, error)
            raise
        number = request.path_params["number"]
        page = await to_thread.run_sync(self._page, asked.gateway, number)
        if page is not None and page.answer is None:
            self.judge.kick()
            await self.judge.wait(_VERDICT_WAIT_S)
            page = await to_thread.run_sync(self._page, asked.gateway, number)
        if page is None:
            raise ApiError(
                404, "no_answer", f"no answer to batch {number} waits here", "Send it again"
            )
        if page.answer is None and self.judge.failure is not None:
            raise sick(self.judge.failure)
        status, body = _said_of(page)
        signature = sign_request_answer(self._core_key, asked, body)
        return JsonResponse(body, status, headers={SIGNATURE_HEADER: signature})

    def _page(self, gateway: str, number: int) -> StoredPage | None:
        if number > LAST_NUMBER:
            return None
        with self._engine.connect() as conn:
            return page_of(conn, gateway, number)

    def _check_known(self, gateway: str) -> None:
        with self._engine.connect() as conn:
            gateway_keys_at(conn, gateway, self._now())

    def _check_signed(self, signed: SignedHead) -> bytes:
        now, gateway = self._now(), signed.head.gateway
        with self._engine.connect() as conn:
            keys = gateway_keys_at(conn, gateway, now)
        return signing_key(keys, gateway, now, signed.check)

    def _accept(
        self, signed: SignedHead, key: bytes, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        content = inflate(body, headers.get("content-encoding", ""))
        try:
            if _media_type(headers) == COLUMNS_TYPE:
                return self._store(signed, key, content)
            return self._ingest(signed, open_batch(signed, key, content))
        except HeadMismatchError as exc:
            raise ApiError(422, exc.code, str(exc), "Check what sends it") from exc
        except ProtocolError as exc:
            raise ApiError(
                422, "not_a_batch", str(exc), "Update the older one of gateway and core"
            ) from exc
        except (ChainForkError, ChainGapError) as exc:
            raise self._conflict(signed, exc) from exc
        except StorageError as exc:
            raise sick(exc) from exc

    def _store(self, signed: SignedHead, key: bytes, content: bytes) -> tuple[int, bytes]:
        batch = open_columns(signed, content)
        page = store_page(self._engine, signed, key, content, received_at=self._now())
        if page is not None:
            if page.answer is None:
                self.judge.hand_over(OpenedPage(page.batch_hash, batch))
            return _said_of(page)
        return self._ingest(signed, open_judged(signed, key, batch))

    def _ingest(self, signed: SignedHead, batch: OpenedBatch) -> tuple[int, bytes]:
        judge_pages(self._engine, signed.head.gateway, core_key=self._core_key)
        answer = ingest_batch(self._engine, batch, received_at=self._now(), core_key=self._core_key)
        return 200, encode_answer(answer)

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


def _check_content_type(headers: Mapping[str, str], takes: Collection[str]) -> None:
    media_type = _media_type(headers)
    if media_type not in {"application/json", *takes}:
        raise ApiError(
            415,
            "not_json",
            f"Content-Type {media_type[:40]!r} is not application/json",
            " or as ".join(("Send a batch as JSON, compressed with zstd,", *takes)),
        )


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _said_of(page: StoredPage) -> tuple[int, bytes]:
    """Status and body."""
    if page.answer is not None:
        return 200, page.answer
    stored = Stored(number=page.number, batch_hash=page.batch_hash.hex())
    return _STORED, msgspec.json.encode(stored)

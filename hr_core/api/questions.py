"""What a gateway may ask, signed by it and answered with the core's signature."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from hr_core.api.authentication import authenticate
from hr_core.api.errors import ApiError, JsonResponse
from hr_core.api.incoming import HttpIncoming, Incoming, Reply
from hr_core.api.refusal_book import RefusalBook
from hr_core.store.chains import ChainForkError, ChainGapError, compare
from hr_core.store.device_gateways import devices_of
from hr_core.store.events import event_by_id
from protocols.core_signature import SIGNATURE_HEADER, decode_head, encode_head, sign_request_answer
from protocols.errors import ProtocolError
from protocols.event_question import EventPlace, decode_question, encode
from protocols.signing import SigningKey

MAX_QUESTION_BYTES = 4 * 1024  # a head is under 300 bytes


_Answer = tuple[bytes, ApiError | None]
"""The body, and what must be counted although it was answered."""


class Questions:
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

    async def chain(self, request: Request) -> Response:
        return _response(await self.take_chain(HttpIncoming(request)))

    async def take_chain(self, incoming: Incoming) -> Reply:
        """The last batch here, of the gateway that asks and names its own last one. When the two
        cannot be of one chain, that is counted and logged on this side too. Raises ApiError.
        """
        compare_heads = partial(self._compare, takes=incoming.takes)
        return await self._answer(incoming, compare_heads)

    async def devices(self, request: Request) -> Response:
        """Of the gateway that asks: its devices, and who else delivers them."""
        return _response(await self._answer(HttpIncoming(request), self._devices))

    async def event(self, request: Request) -> Response:
        """Whether one event is here, and since which batch."""
        return _response(await self._answer(HttpIncoming(request), self._event))

    async def _answer(self, incoming: Incoming, answer: Callable[[str, bytes], _Answer]) -> Reply:
        try:
            question = await incoming.body(MAX_QUESTION_BYTES)
            asked = await authenticate(incoming, self._engine, self._now(), question)
            body, finding = await to_thread.run_sync(answer, asked.gateway, question)
        except ApiError as error:
            self._refusals.note(incoming.claimed, error)
            raise
        if finding is not None:
            self._refusals.note(asked.gateway, finding)
        signature = sign_request_answer(self._core_key, asked, body)
        return Reply(body=body, headers={SIGNATURE_HEADER: signature})

    def _compare(self, gateway: str, question: bytes, *, takes: tuple[str, ...]) -> _Answer:
        try:
            theirs = decode_head(question)
        except ProtocolError as exc:
            raise ApiError(422, "not_a_head", str(exc), "Update the older one of both") from exc
        with self._engine.connect() as conn:
            try:
                return encode_head(gateway, compare(conn, gateway, theirs), takes), None
            except (ChainForkError, ChainGapError) as exc:
                code = "chain_gap" if isinstance(exc, ChainGapError) else "chain_fork"
                finding = ApiError(409, code, str(exc), exc.remedy)
                return encode_head(gateway, exc.here, takes), finding

    def _event(self, _gateway: str, question: bytes) -> _Answer:
        try:
            event_id = decode_question(question)
        except ProtocolError as exc:
            raise ApiError(422, "not_an_event", str(exc), "Update the older one of both") from exc
        with self._engine.connect() as conn:
            found = event_by_id(conn, event_id)
        if found is None:
            return encode(EventPlace(event_id=event_id.hex(), held=False)), None
        place = EventPlace(
            event_id=event_id.hex(),
            held=True,
            gateway=found.gateway,
            batch=found.batch,
            ingested_at=found.ingested_at,
        )
        return encode(place), None

    def _devices(self, gateway: str, _question: bytes) -> _Answer:
        with self._engine.connect() as conn:
            told = {"gateway": gateway, "devices": devices_of(conn, gateway)}
        return msgspec.json.encode(told), None


def _response(reply: Reply) -> Response:
    return JsonResponse(reply.body, headers=dict(reply.headers))

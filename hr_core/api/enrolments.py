"""`/api/v1/enrolments`: gateways join, renew their key and ask whether it is still good."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hr_core.api.attempts import Attempts
from hr_core.api.errors import ApiError, JsonResponse, sick
from hr_core.enrolment import EnrolmentRefusedError, enrol, report_key, rotate
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.gateway_log import GatewayAct, note_act
from protocols.enrolment import (
    ENROLMENTS_PATH,
    MAX_MESSAGE_BYTES,
    ROTATION_PATH,
    STATUS_PATH,
    EnrolmentAnswer,
    EnrolmentRequest,
    KeyQuery,
    KeyReport,
    RotationAnswer,
    RotationRequest,
    decode_request,
    encode,
    signed,
)
from protocols.errors import ProtocolError
from protocols.signing import SignatureError, SigningKey

_BODY_TIMEOUT_S = 10.0  # one packet, on any line
_log = logging.getLogger(__name__)

_Request = TypeVar("_Request", EnrolmentRequest, RotationRequest, KeyQuery)
_Answer = TypeVar("_Answer", EnrolmentAnswer, RotationAnswer, KeyReport)
_Responder = Callable[[bytes, str], bytes]


class EnrolmentDesk:
    """The endpoints over one database. `monotonic`: seconds that only grow."""

    def __init__(
        self,
        engine: sa.Engine,
        core_key: SigningKey,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._core_key = core_key
        self._now = now
        self._attempts = Attempts(monotonic)

    def routes(self) -> list[BaseRoute]:
        desks = {
            ENROLMENTS_PATH: self._enrol,
            ROTATION_PATH: self._rotate,
            STATUS_PATH: self._report,
        }
        return [
            Route(path, self._endpoint(respond), methods=["POST"])
            for path, respond in desks.items()
        ]

    def _endpoint(self, respond: _Responder) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            source = request.client.host if request.client else "unknown"
            self._charge(source)
            try:
                body = await _read_body(request)
            except ApiError as error:
                await to_thread.run_sync(self._note_refused, error, "a request", source)
                raise
            answer = await to_thread.run_sync(respond, body, source)
            self._attempts.give_back(source)
            return JsonResponse(answer)

        return endpoint

    def _charge(self, source: str) -> None:
        wait_s = self._attempts.wait_s(source)
        if not wait_s:
            return
        if self._attempts.first_refusal(source):
            _log.warning("enrolment: %s made too many refused attempts and has to wait", source)
        raise ApiError(
            429,
            "too_many_attempts",
            "too many attempts were refused",
            "Wait, and look at what was refused before: hr-core gateways --log",
            retry_after_s=wait_s,
        )

    def _enrol(self, body: bytes, source: str) -> bytes:
        request = self._decoded(body, EnrolmentRequest, source)
        return self._answer(lambda: enrol(self._engine, request, now=self._now(), source=source))

    def _rotate(self, body: bytes, source: str) -> bytes:
        request = self._decoded(body, RotationRequest, source)
        return self._answer(lambda: rotate(self._engine, request, now=self._now(), source=source))

    def _report(self, body: bytes, source: str) -> bytes:
        query = self._decoded(body, KeyQuery, source)

        def report() -> KeyReport:
            with self._engine.connect() as conn:
                return report_key(conn, query, now=self._now())

        return self._answer(report)

    def _decoded(self, body: bytes, kind: type[_Request], source: str) -> _Request:
        try:
            return decode_request(body, kind, self._core_key.public)
        except SignatureError as exc:
            remedy = (
                "Was the core set up anew? Then its key is another, and every gateway needs a new "
                "token"
            )
            error = ApiError(403, "wrong_signature", str(exc), remedy)
        except ProtocolError as exc:
            error = ApiError(
                422, "not_understood", str(exc), "Update the older one of gateway and core"
            )
        self._note_refused(error, kind.__name__, source)
        raise error

    def _note_refused(self, error: ApiError, what: str, source: str) -> None:
        _log.warning("enrolment: refused %s from %s: %s", what, source, error.code)
        act = GatewayAct(
            at=self._now(), act="refused", gateway="", source=source, detail=error.code
        )
        try:
            with writing(self._engine) as conn:
                note_act(conn, act)
        except StorageError as exc:
            raise sick(exc) from exc

    def _answer(self, decide: Callable[[], _Answer]) -> bytes:
        try:
            return encode(signed(decide(), self._core_key))
        except EnrolmentRefusedError as refusal:
            _log.warning("enrolment: refused: %s", refusal.code)
            raise ApiError(403, refusal.code, refusal.what, refusal.remedy) from refusal
        except StorageError as exc:
            raise sick(exc) from exc


async def _read_body(request: Request) -> bytes:
    """Raises ApiError 413 as soon as it is too long, 408 when it dawdles."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_MESSAGE_BYTES:
                    raise ApiError(
                        413,
                        "too_large",
                        f"the request is over the cap of {MAX_MESSAGE_BYTES} bytes",
                        "Check what sends it",
                    )
    except (TimeoutError, ClientDisconnect) as exc:
        raise ApiError(
            408,
            "body_timeout",
            f"the request did not arrive within {_BODY_TIMEOUT_S:g} s",
            "Send it again",
        ) from exc
    return bytes(body)

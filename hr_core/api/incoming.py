"""A gateway's request and its answer, whichever way they travel."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct
from starlette.requests import Request

from hr_core.api.authentication import single_headers
from hr_core.api.body import read_body
from hr_core.api.errors import ApiError, error_body, error_headers
from protocols.column_batch import COLUMNS_TYPE


class Incoming(Protocol):
    """`claimed`: the gateway that the request names, proven or not; `target`: what is asked;
    `takes`: the forms of a batch besides JSON whose answers this way can carry.
    """

    @property
    def claimed(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def takes(self) -> tuple[str, ...]: ...

    def headers(self) -> Mapping[str, str]:
        """What a signature hangs on, keys in lower case. Raises ApiError 400, 403."""
        ...

    async def body(self, limit: int | None = None) -> bytes:
        """As sent. Raises ApiError 413, 408."""
        ...


class Reply(Struct, frozen=True, kw_only=True):
    """`body` is JSON."""

    status: int = 200
    body: bytes
    headers: Mapping[str, str]


class HttpIncoming:
    takes = (COLUMNS_TYPE,)

    def __init__(self, request: Request) -> None:
        self._request = request
        self.claimed = request.headers.get("clockline-gateway", "")
        self.target = f"{request.method} {request.url.path}"

    def headers(self) -> Mapping[str, str]:
        return single_headers(self._request)

    async def body(self, limit: int | None = None) -> bytes:
        return await read_body(self._request, limit)


def error_reply(error: ApiError) -> Reply:
    return Reply(status=error.status, body=error_body(error), headers=error_headers(error))

"""Errors as HTTP answers: {"error": {"code", "what", "remedy"}}, the same shape everywhere."""

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hr_core.store.errors import StorageError

_SICK_RETRY_S = 30


class ApiError(Exception):
    """A request that is answered with `status`. `retry_after_s` tells the client when to return.

    `more` stands beside the error in the body; `headers` go with it.
    """

    headers: Mapping[str, str] = {}

    def __init__(
        self,
        status: int,
        code: str,
        what: str,
        remedy: str,
        *,
        retry_after_s: int | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{what}. {remedy}")
        self.status = status
        self.code = code
        self.what = what
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        self.more = more or {}


class JsonResponse(Response):
    """A body that msgspec has encoded already."""

    media_type = "application/json"


def json_response(content: object) -> JsonResponse:
    return JsonResponse(msgspec.json.encode(content))


def error_body(error: ApiError) -> bytes:
    told = {"code": error.code, "what": error.what, "remedy": error.remedy}
    return msgspec.json.encode({"error": told, **error.more})


def sick(error: StorageError) -> ApiError:
    """Come back later: whoever sent something keeps it."""
    return ApiError(503, error.code, error.what, error.remedy, retry_after_s=_SICK_RETRY_S)


async def answer_error(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for ApiError and StorageError."""
    if isinstance(error, StorageError):
        error = sick(error)
    assert isinstance(error, ApiError)  # noqa: S101 - registered for these classes alone
    return JsonResponse(error_body(error), error.status, error_headers(error))


def error_headers(error: ApiError) -> dict[str, str]:
    headers = dict(error.headers)
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return headers

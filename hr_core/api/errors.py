"""Errors as HTTP answers: {"error": {"code", "what", "remedy"}}, the same shape everywhere."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response


class ApiError(Exception):
    """A request that is answered with `status`. `retry_after_s` tells the client when to return."""

    def __init__(
        self, status: int, code: str, what: str, remedy: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(f"{what}. {remedy}")
        self.status = status
        self.code = code
        self.what = what
        self.remedy = remedy
        self.retry_after_s = retry_after_s


class JsonResponse(Response):
    """A body that msgspec has encoded already."""

    media_type = "application/json"


def json_response(content: object) -> JsonResponse:
    return JsonResponse(msgspec.json.encode(content))


async def answer_error(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for ApiError."""
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class alone
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    body = {"error": {"code": error.code, "what": error.what, "remedy": error.remedy}}
    return JsonResponse(msgspec.json.encode(body), error.status, headers)

"""Errors as problem+json (RFC 9457): what happened is `detail`, beside it `where` and `remedy`."""

from http import HTTPStatus

import msgspec
from msgspec import Struct
from starlette.responses import Response


class Problem(Struct, frozen=True, kw_only=True):
    """`type` ends in a word for programs; `detail` says what happened, `where` names the part of
    the request, `remedy` what helps.
    """

    type: str
    title: str
    status: int
    detail: str
    where: str
    remedy: str


MOST_TOLD_CHARS = 200  # of a message about what was sent


class ProblemError(Exception):
    """A request that is answered with `status`. `retry_after_s`: when to come back."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        where: str,
        remedy: str,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(
            type=f"urn:clockline:problem:{code}",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            where=where,
            remedy=remedy,
        )
        self.retry_after_s = retry_after_s


class ProblemResponse(Response):
    media_type = "application/problem+json"


NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def problem_response(error: ProblemError) -> Response:
    headers = dict(NO_STORE)
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="clockline"'
    return ProblemResponse(msgspec.json.encode(error.problem), error.problem.status, headers)


def not_found(what: str = "person") -> ProblemError:
    """The same for what does not exist and for what the account does not see: no id is echoed."""
    return ProblemError(
        404,
        "not_found",
        f"there is no such {what} for this account",
        where="path",
        remedy="ask for the list that holds it, and take an id from there",
    )

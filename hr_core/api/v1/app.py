"""The FastAPI application of `/api/v1`. Imported only by `hr-core serve`: FastAPI takes 0.3 s."""

import logging
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from hr_core.api.app import Clock
from hr_core.api.attempts import Attempts
from hr_core.api.v1 import (
    adoption_routes,
    approval_routes,
    pay_routes,
    people_routes,
    plan_routes,
    plant_routes,
    request_routes,
    score_routes,
)
from hr_core.api.v1 import answers as of
from hr_core.api.v1.asking import AskDesk
from hr_core.api.v1.docs_page import docs_page
from hr_core.api.v1.openapi import describe
from hr_core.api.v1.problem import MOST_TOLD_CHARS, ProblemError, not_found, problem_response
from hr_core.errors import CoreError
from hr_core.store.errors import StorageError
from hr_core.trace.explained_day import ExplainedDay
from hr_core.web.admission import Admission

PREFIX = "/api/v1"

_log = logging.getLogger(__name__)


def api_routes(
    engine: sa.Engine,
    clock: Clock,
    *,
    admission: Admission,
    monotonic: Callable[[], float],
) -> list[BaseRoute]:
    """To be mounted behind the gateways' own paths, which stay theirs."""
    desk = AskDesk(
        engine,
        clock.now,
        admission=admission,
        attempts=Attempts(monotonic),
    )
    return [Mount(PREFIX, build(desk))]


def build(desk: AskDesk) -> FastAPI:
    api = FastAPI(
        title="Clockline",
        version=version("clockline"),
        description="People, attendance, requests, lines and devices of one core. Times with an "
        "offset are UTC, those without are the wall clock that they name. Lists are paged: send "
        "`next` as `cursor` until it is null.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,  # an address without its id is none
        exception_handlers=_HANDLERS,
    )
    api.state.desk = desk
    # A person's key may hold a slash, so paths that end in a word come before the bare one.
    api.include_router(plant_routes.router)
    api.include_router(request_routes.router)
    api.include_router(adoption_routes.router)
    api.include_router(approval_routes.router)
    api.include_router(plan_routes.router)
    api.include_router(pay_routes.router)
    api.include_router(score_routes.router)
    api.include_router(people_routes.router)
    api.add_route("/docs", docs_page, include_in_schema=False)
    describe(api, _shapes())
    return api


def _shapes() -> list[type[Struct]]:
    return [
        ExplainedDay,
        *_answers(),
    ]


def _answers() -> list[type[Struct]]:
    return [
        one
        for one in vars(of).values()
        if isinstance(one, type) and issubclass(one, of.Answer) and one is not of.Answer
    ]


async def _problem(_request: Request, error: Any) -> Response:
    return problem_response(error)


async def _bad_parameter(_request: Request, error: Any) -> Response:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    return problem_response(
        ProblemError(
            422,
            "bad_parameter",
            str(first["msg"]).removeprefix("Value error, ")[:MOST_TOLD_CHARS],
            where=": ".join(place[:2]),
            remedy="/api/v1/docs shows every parameter with its limits",
        )
    )


async def _http_error(request: Request, error: Any) -> Response:
    if error.status_code == 404:
        return problem_response(not_found("path"))
    return problem_response(
        ProblemError(
            error.status_code,
            "http",
            str(error.detail),
            where=f"{request.method} of this path",
            remedy="/api/v1/docs lists the paths and their methods",
        )
    )


async def _not_computable(_request: Request, error: Any) -> Response:
    return problem_response(
        ProblemError(409, "not_computable", str(error), where="store", remedy=error.remedy)
    )


async def _sick(request: Request, error: Any) -> Response:
    _log.error("%s: the database cannot be read: %s", request.url.path, error)
    return problem_response(
        ProblemError(
            503,
            "storage",
            "the database cannot be read now",
            where="store",
            remedy="come back; if it stays, read what hr-core serve prints and check the disk",
            retry_after_s=30,
        )
    )


_HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    ProblemError: _problem,
    RequestValidationError: _bad_parameter,
    HTTPException: _http_error,
    StorageError: _sick,
    sa.exc.DatabaseError: _sick,
    CoreError: _not_computable,
}

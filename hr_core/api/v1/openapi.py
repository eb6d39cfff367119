"""The API's own description: FastAPI writes paths and parameters, msgspec the answers' schemas."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from hr_core.accounts.model import Right
from hr_core.api.v1.asking import CSRF_HEADER
from hr_core.api.v1.problem import Problem

_REF = "#/components/schemas/"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": f"{_REF}Problem"}}}
_FASTAPIS_ERRORS = {"HTTPValidationError", "ValidationError"}
_TOLD = {
    401: "Neither a token nor a session that is in force",
    403: "The account or token lacks the right",
    404: "Unknown, or not seen by this account: never told which",
    409: "The store lacks what the answer would be computed from, or it is too late for a change",
    422: "A parameter cannot be read",
    429: "Too many refused tokens from this address",
    503: "The database cannot be read now",
}

_TOLD_OF_BODIES = {
    413: "The body is over the cap",
    415: "The body is not announced as JSON",
}


def answers(
    shape: type[Struct],
    *,
    right: Right | None,
    taken: type[Struct] | None = None,
    makes: bool = True,
) -> dict[str, Any]:
    """What a route says about its answers; `right`: what a token needs; `taken`: the body that it
    takes, which `makes` something new (201) or changes what is there (200).
    """
    ok = {
        "description": (shape.__doc__ or "").strip(),
        "content": {"application/json": {"schema": {"$ref": f"{_REF}{shape.__name__}"}}},
    }
    problems = {
        status: {"description": told, "content": _PROBLEM} for status, told in _TOLD.items()
    }
    scope = [] if right is None else [right.value]
    extra: dict[str, Any] = {"security": [{"token": scope}, {"session": []}]}
    if taken is not None:
        body = {"application/json": {"schema": {"$ref": f"{_REF}{taken.__name__}"}}}
        extra["requestBody"] = {"required": True, "content": body}
        for status, told in _TOLD_OF_BODIES.items():
            problems[status] = {"description": told, "content": _PROBLEM}
    done = 201 if taken is not None and makes else 200
    return {
        "response_model": None,
        "status_code": done,
        "responses": {done: ok, **problems},
        "openapi_extra": extra,
    }


def describe(api: FastAPI, shapes: list[type[Struct]]) -> None:
    """Puts `openapi` in place, made once."""

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            schema = get_openapi(
                title=api.title,
                version=api.version,
                description=api.description,
                routes=api.routes,
                servers=[{"url": "/api/v1"}],
            )
            _, known = msgspec.json.schema_components(
                [Problem, *shapes], ref_template=_REF + "{name}"
            )
            components = schema.setdefault("components", {})
            own = components.get("schemas", {})  # of parameters; the two about errors are not ours
            of_parameters = {name: own[name] for name in own.keys() - _FASTAPIS_ERRORS}
            components["schemas"] = known | of_parameters
            components["securitySchemes"] = _SECURITY
            api.openapi_schema = schema
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `hr-core token create`; its scopes are named with each path.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "clockline_session",
        "description": "The session of a page (`__Host-clockline` over TLS). Changes need the "
        f"header {CSRF_HEADER} too.",
    },
}

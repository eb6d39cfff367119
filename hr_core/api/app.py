"""The core as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from typing import Protocol

import sqlalchemy as sa
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hr_core.api.errors import ApiError, answer_error, json_response
from hr_core.api.gateway_api import GatewayApi
from hr_core.store.errors import StorageError
from hr_core.store.events import count_events, count_events_per_device
from protocols.signing import SigningKey


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...


def create_app(
    engine: sa.Engine,
    *,
    clock: Clock,
    core_key: SigningKey,
    extra_routes: Sequence[BaseRoute] = (),
    gateways: GatewayApi | None = None,
) -> Starlette:
    """The API over `engine`, which `hr_core.store.database.initialise` has prepared.

    `core_key` signs what gateways are answered. `gateways` is given when another transport has it
    too.
    """
    gateways = gateways or GatewayApi.over(engine, now=clock.now, core_key=core_key)

    async def health(_request: Request) -> Response:
        database = await to_thread.run_sync(_answers, engine)
        status = "ok" if database else "broken"
        response = json_response(
            {"status": status, "version": version("clockline"), "now": clock.now()}
        )
        response.status_code = 200 if database else 503
        return response

    async def counts(_request: Request) -> Response:
        return json_response(await to_thread.run_sync(_counts, engine))

    @asynccontextmanager
    async def judging(_app: Starlette) -> AsyncIterator[None]:
        gateways.receiver.judge.kick()  # pages that a crash has left
        yield
        await gateways.receiver.judge.aclose()

    app = Starlette(
        routes=[
            Route("/api/v1/batches", gateways.receiver.receive, methods=["POST"]),
            Route("/api/v1/batches/{number:int}/answer", gateways.receiver.answer),
            Route("/api/v1/chain", gateways.questions.chain, methods=["POST"]),
            Route("/api/v1/devices", gateways.questions.devices),
            Route("/api/v1/event", gateways.questions.event, methods=["POST"]),
            Route("/api/v1/health", health),
            Route("/api/v1/counts", counts),
            *extra_routes,
        ],
        exception_handlers={ApiError: answer_error, StorageError: answer_error},
        lifespan=judging,
    )
    # Set by the server when it wants to stop: streams that never end by themselves end then.
    app.state.stopping = asyncio.Event()
    return app


def _answers(engine: sa.Engine) -> bool:
    try:
        with engine.connect() as conn:
            conn.execute(sa.text("SELECT 1 FROM schema_version")).one()
    except (StorageError, sa.exc.SQLAlchemyError):
        return False
    return True


def _counts(engine: sa.Engine) -> dict[str, object]:
    with engine.connect() as conn:
        per_device = count_events_per_device(conn)
        return {
            "events": count_events(conn),
            "devices": [
                {"kind": kind, "device": device, "events": events}
                for kind, device, events in per_device
            ],
        }

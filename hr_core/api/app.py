"""The core as an ASGI application."""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Protocol

import sqlalchemy as sa
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hr_core.api.authentication import authenticate
from hr_core.api.batches import BatchReceiver
from hr_core.api.errors import ApiError, answer_error, json_response
from hr_core.store.device_gateways import devices_of
from hr_core.store.events import count_events, count_events_per_device


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...


def create_app(
    engine: sa.Engine, *, clock: Clock, extra_routes: Sequence[BaseRoute] = ()
) -> Starlette:
    """The API over `engine`, which `hr_core.store.database.initialise` has prepared."""

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

    async def devices(request: Request) -> Response:
        """Of the gateway that asks: its devices, and who else delivers them."""
        gateway = await authenticate(request, engine)
        return json_response(await to_thread.run_sync(_devices, engine, gateway.name))

    receiver = BatchReceiver(engine, now=clock.now)
    return Starlette(
        routes=[
            Route("/api/v1/batches", receiver.receive, methods=["POST"]),
            Route("/api/v1/devices", devices),
            Route("/api/v1/health", health),
            Route("/api/v1/counts", counts),
            *extra_routes,
        ],
        exception_handlers={ApiError: answer_error},
    )


def _answers(engine: sa.Engine) -> bool:
    try:
        with engine.connect() as conn:
            conn.execute(sa.text("SELECT 1 FROM schema_version")).one()
    except sa.exc.SQLAlchemyError:
        return False
    return True


def _devices(engine: sa.Engine, gateway: str) -> dict[str, object]:
    with engine.connect() as conn:
        return {"gateway": gateway, "devices": devices_of(conn, gateway)}


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

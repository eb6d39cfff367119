"""Serving the application with uvicorn on one socket."""

import asyncio
import gc
import socket
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn
from starlette.applications import Starlette
from typing_extensions import override

from hr_core.errors import CoreError

OBJECTS_BETWEEN_COLLECTIONS = 100_000  # some tens of MB at most; measured: 400,000 gains no more
_STOP_S = 5  # a batch in the middle of its commit is answered; a dawdling upload is cut


async def serve(
    app: Starlette,
    host: str,
    port: int,
    on_ready: Callable[[str, int], None],
    *,
    allow_remote: bool = False,
) -> None:
    """Serves until cancelled or signalled; port 0 picks a free one, `on_ready` is told which.

    Plain HTTP carries tokens and punches readable by the whole network, so another host than the
    loopback needs `allow_remote`, which says: a proxy in front ends TLS. Raises CoreError when
    that is missing or the address cannot be bound.
    """
    if not (allow_remote or is_loopback(host)):
        raise CoreError(
            f"{host} is reachable from other machines, and this server speaks plain HTTP",
            remedy="Listen on 127.0.0.1 behind a proxy that ends TLS, or allow remote access "
            "when such a proxy is in front",
        )
    with _bind(host, port) as listener:
        address = listener.getsockname()
        stopping = app.state.stopping = asyncio.Event()  # endless answers end when it is set
        server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="on",
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=_STOP_S,
            ),
            on_started=lambda: on_ready(address[0], address[1]),
            stopping=stopping,
        )
        try:
            await server.serve(sockets=[listener])
        except asyncio.CancelledError:
            # uvicorn leaves its connections open when its task is cancelled.
            if server.started:
                await server.shutdown(sockets=[listener])
            raise


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, *, on_started: Callable[[], None], stopping: asyncio.Event
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stopping = stopping

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What the imports made stays: a batch of 5,000 rows would have it all looked through twice.
        gc.collect()
        gc.freeze()
        # A batch's rows are freed by their counts; looking for cycles every 700 of them was a fifth
        # of the time of an ingest. A collection still comes, at the latest with the 100,000th.
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
        self._on_started()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()  # open streams of pages end now, instead of being cut later
        await super().shutdown(sockets)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as exc:
        raise CoreError(
            f"cannot listen on {host} port {port} ({exc.strerror or exc})",
            remedy="Another program may have the port (ss -ltnp), or the address is not this "
            "machine's",
        ) from exc
    return listener


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

"""The driver's side: `python -m edge_agent.isolation.child FD`. Runs one driver until told to end,
or until the agent is gone.
"""

import asyncio
import contextlib
import os
import resource
import socket
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from threading import Thread
from typing import Literal

from msgspec.structs import replace

from drivers.catalog import load_driver
from drivers.contract import Delivery, Driver, DriverContext
from drivers.errors import BlockedError, DeviceMisbehavedError, DriverError
from edge_agent.isolation.messages import (
    LENGTH_BYTES,
    Acknowledge,
    Alive,
    Answered,
    Ask,
    Close,
    Failed,
    Next,
    Open,
    Order,
    Page,
    Said,
    Shut,
    Start,
    frame,
    frame_length,
    read_order,
)
from edge_agent.logs import configure_logs
from edge_agent.system_clock import SystemClock

ALIVE_EVERY_S = 1.0
OUT_OF_MEMORY = 71  # the exit code
# The supervisor acknowledges a page before it asks for the next: more are never owed.
_MOST_UNACKNOWLEDGED = 16
_LONGEST_MESSAGE = 1_000  # of a bug: a person reads it


class _Host:
    """Obeys orders, each in a task of its own: a stream can be shut while it waits."""

    def __init__(self, start: Start, link: socket.socket) -> None:
        self._start = start
        self._link = link
        self._driver: Driver | None = None
        self._opened: dict[int, Open] = {}  # streams of which nothing was asked yet
        self._streams: dict[int, AsyncIterator[Delivery]] = {}
        self._reading: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._delivered: dict[int, Delivery] = {}
        self._numbers = 0
        self._closed = asyncio.Event()

    async def serve(self) -> None:
        Thread(target=self._listen, args=(asyncio.get_running_loop(),), daemon=True).start()
        while not self._closed.is_set():
            self._say(Alive())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), ALIVE_EVERY_S)

    def obey(self, order: Order) -> None:
        match order:
            case Ask():
                self._begin(self._answer(order.call, self._ask(order)))
            case Acknowledge():
                self._begin(self._answer(order.call, self._acknowledge(order)))
            case Open():
                self._opened[order.stream] = order
            case Next():
                self._reading[order.stream] = self._begin(
                    self._answer(order.call, self._next(order))
                )
            case Shut():
                self._begin(self._shut(order.stream))
            case Close():
                self._begin(self._close())
            case Start():
                raise AssertionError("a driver is started once")

    def _begin(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answer(self, call: int, work: Awaitable[Answered | Page]) -> None:
        try:
            self._say(await work)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)  # what else runs here has no memory either
        except DriverError as error:
            self._say(
                Failed(
                    call=call,
                    kind=_kind(error),
                    what=error.what,
                    where=error.where,
                    remedy=error.remedy,
                    code=error.code,
                )
            )
        except Exception as error:  # noqa: BLE001 - told to the agent, whatever it is
            traceback.print_exc()
            what = f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
            self._say(Failed(call=call, kind="bug", what=what))

    def _made(self) -> Driver:
        """The driver; an order that comes first builds it and is told if that fails."""
        if self._driver is None:
            driver: type[Driver] = load_driver(self._start.kind)
            config = driver.manifest.config.model_validate(self._start.config)
            context = DriverContext(clock=SystemClock(), zone=self._start.zone)
            self._driver = driver(config, context)  # type: ignore[call-arg] # as the contract says
        return self._driver

    async def _ask(self, order: Ask) -> Answered:
        if order.method == "identity":
            return Answered(call=order.call, identity=await self._made().identity())
        return Answered(call=order.call, count=await self._made().count())

    async def _acknowledge(self, order: Acknowledge) -> Answered:
        delivery = self._delivered.pop(order.number, None)
        if delivery is not None:
            await self._made().acknowledge(delivery)
        return Answered(call=order.call)

    def _stream(self, number: int) -> AsyncIterator[Delivery]:
        opened = self._opened.pop(number, None)
        if opened is not None:
            driver = self._made()
            fetched = opened.method == "fetch"
            self._streams[number] = driver.fetch(opened.cursor) if fetched else driver.live()
        return self._streams[number]

    async def _next(self, order: Next) -> Answered | Page:
        try:
            delivery = await anext(self._stream(order.stream))
        except StopAsyncIteration:
            return Answered(call=order.call)
        self._numbers += 1
        self._delivered[self._numbers] = delivery
        if len(self._delivered) > _MOST_UNACKNOWLEDGED:
            del self._delivered[min(self._delivered)]
        rows = replace(delivery, records=delivery.every_record(), packed=None)
        return Page(call=order.call, number=self._numbers, delivery=rows)

    async def _shut(self, stream: int) -> None:
        reading = self._reading.pop(stream, None)
        if reading is not None and not reading.done():
            reading.cancel()
            await asyncio.wait([reading])
        self._opened.pop(stream, None)
        deliveries = self._streams.pop(stream, None)
        if isinstance(deliveries, AsyncGenerator):
            await deliveries.aclose()

    async def _close(self) -> None:
        try:
            if self._driver is not None:
                await self._driver.aclose()
        finally:
            self._closed.set()

    def _say(self, said: Said) -> None:
        try:
            self._link.sendall(frame(said))
        except OSError:
            os._exit(0)  # the agent is gone, and with it everybody who could care

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own, so that the agent's end ends a driver that blocks its loop."""
        with contextlib.suppress(OSError, RuntimeError):
            while (order := _receive(self._link)) is not None:
                loop.call_soon_threadsafe(self.obey, order)
        os._exit(0)


def _kind(error: DriverError) -> Literal["link", "misbehaved", "blocked"]:
    if isinstance(error, BlockedError):
        return "blocked"
    return "misbehaved" if isinstance(error, DeviceMisbehavedError) else "link"


def _receive(link: socket.socket) -> Order | None:
    """The next order; None when the agent is gone."""
    header = _exactly(link, LENGTH_BYTES)
    body = header and _exactly(link, frame_length(header))
    return read_order(body) if body else None


def _exactly(link: socket.socket, size: int) -> bytes:
    """b"" when the agent is gone."""
    received = b""
    while len(received) < size:
        piece = link.recv(size - len(received))
        if not piece:
            return b""
        received += piece
    return received


def main(descriptor: int) -> int:
    link = socket.socket(fileno=descriptor)
    start = _receive(link)
    if not isinstance(start, Start):
        return 0
    resource.setrlimit(resource.RLIMIT_AS, (start.memory_bytes, start.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    configure_logs()
    asyncio.run(_Host(start, link).serve())
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))

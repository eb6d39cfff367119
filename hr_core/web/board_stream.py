"""What changes on the board, told to open pages as server-sent events.

`event: tile`, `alert` and `part` carry {"id", "html"}: the element and what replaces it. A page that
connects (again) is told everything, so that nothing has to be remembered for it. `event: beat` comes
every BEAT_MS while the database can be read; without it a page says that it is stale.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from starlette.responses import StreamingResponse

from hr_core.store.errors import StorageError
from hr_core.web.board_page import BEAT_MS, Fragment
from hr_core.web.rendering import HEADERS

# A page hears of a line at most once a second, and a number in is on the page well within five.
TICK_S = 1.0
# Each is a socket and a little memory; two wall screens and every phone of a plant's foremen fit.
MOST_STREAMS = 100
_RETRY_MS = 2000
# A large site's look takes longer than a tick: at most a third of one processor goes into it.
_REST_PER_LOOK = 2
_TICKS_PER_BEAT = round(BEAT_MS / 1000 / TICK_S)

_log = logging.getLogger(__name__)


class Moment(NamedTuple):
    """The board at one moment: its local time and all fragments."""

    at: str
    fragments: Sequence[Fragment]


class LookEndedError(Exception):
    """Who looks may no longer: the stream ends."""


Look = Callable[[], Awaitable[Moment]]


class BoardStreams:
    """Open streams; those that look at the same thing share one look a tick."""

    def __init__(self, *, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self._open = 0
        self._looks: dict[object, _SharedLook] = {}

    @property
    def full(self) -> bool:
        return self._open >= MOST_STREAMS

    def response(self, key: object, look: Look, stopping: asyncio.Event) -> StreamingResponse:
        """`key`: what is looked at; `stopping`: set when the server wants to stop."""
        headers = HEADERS | {"X-Accel-Buffering": "no"}  # a proxy must not collect events
        return StreamingResponse(
            self._events(key, look, stopping), headers=headers, media_type="text/event-stream"
        )

    async def _events(self, key: object, look: Look, stopping: asyncio.Event) -> AsyncIterator[str]:
        shared = self._looks.setdefault(key, _SharedLook(look, self._tick_s))
        shared.readers += 1
        self._open += 1
        try:
            async for event in self._told(shared, stopping):
                yield event
        finally:
            self._open -= 1
            shared.readers -= 1
            if not shared.readers:
                del self._looks[key]

    async def _told(self, shared: "_SharedLook", stopping: asyncio.Event) -> AsyncIterator[str]:
        yield f"retry: {_RETRY_MS}\n\n"
        told: dict[str, str] = {}
        tick = 0
        while not stopping.is_set():
            try:
                moment = await shared.moment()
            except LookEndedError:
                return
            if moment is not None:
                for fragment in moment.fragments:
                    if told.get(fragment.element) != fragment.html:
                        told[fragment.element] = fragment.html
                        yield _event(
                            fragment.event, {"id": fragment.element, "html": fragment.html}
                        )
                if tick % _TICKS_PER_BEAT == 0:
                    yield _event("beat", {"at": moment.at})
            tick += 1
            await _wait(stopping, self._tick_s)


class _SharedLook:
    def __init__(self, look: Look, tick_s: float) -> None:
        self.readers = 0
        self._look = look
        self._tick_s = tick_s
        # Half a tick: readers of one tick share a look, the next tick takes a new one.
        self._fresh_s = tick_s / 2
        self._lock = asyncio.Lock()
        self._moment: Moment | None = None
        self._looked_at = float("-inf")

    async def moment(self) -> Moment | None:
        """None: the database cannot be read now; the pages keep what they have, and say so."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= self._fresh_s:
                try:
                    self._moment = await self._look()
                except (StorageError, sa.exc.DatabaseError):
                    _log.exception("line board: the database cannot be read")
                    self._moment = None
                self._looked_at = asyncio.get_running_loop().time()
                took = self._looked_at - now
                self._fresh_s = max(self._tick_s / 2, _REST_PER_LOOK * took)
            return self._moment


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _event(name: str, data: dict[str, str]) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"

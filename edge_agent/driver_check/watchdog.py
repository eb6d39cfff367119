"""Stops a driver that blocks the event loop: there, no timeout of asyncio ever comes."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

# A healthy loop turns a thousand times a second; even a slow gateway needs no second for one turn.
BLOCKED_S = 3.0
_TICK_S = 0.2


class LoopBlockedError(Exception):
    """Raised in the very call that blocks."""


@asynccontextmanager
async def watched_loop() -> AsyncIterator[None]:
    """For the main thread of a process of our own: takes SIGALRM while it lasts."""
    before = signal.signal(signal.SIGALRM, _bark)
    keeper = asyncio.ensure_future(_keep_quiet())
    try:
        yield
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


async def _keep_quiet() -> None:
    while True:
        signal.setitimer(signal.ITIMER_REAL, BLOCKED_S)
        await asyncio.sleep(_TICK_S)


def _bark(_number: int, frame: FrameType | None) -> None:
    place = f" at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
    raise LoopBlockedError(
        f"the event loop stood still for {BLOCKED_S:g} s{place}: a call there blocks, which stops "
        "every other device; use asyncio, or a process of its own"
    )

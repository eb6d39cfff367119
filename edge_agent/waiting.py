"""Waiting for a time to pass or for someone to say that it need not."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from drivers.ports import Clock


async def sleep_unless(woken: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Returns after `seconds`, or as soon as `woken` is set; clears it."""
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    wake = asyncio.ensure_future(woken.wait())
    try:
        await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in (sleep, wake):
            waiting.cancel()
        woken.clear()


async def first_of(*waits: Coroutine[Any, Any, None]) -> None:
    """Runs all, returns when the first ends; the others are cancelled and have ended by then.

    Raises what a finished one raised.
    """
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()

"""Waiting for a time to pass or for someone to say that it need not."""

import asyncio

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

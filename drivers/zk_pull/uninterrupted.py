"""Waiting for something that must not be left undone, whoever cancels."""

import asyncio
from collections.abc import Coroutine


async def finished(work: Coroutine[None, None, None]) -> None:
    """Runs `work` to its end, also while this task is being cancelled, even twice; then the
    cancellation goes on. `work` bounds its own time.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as exc:
            cancelled = exc
    task.result()
    if cancelled is not None:
        raise cancelled

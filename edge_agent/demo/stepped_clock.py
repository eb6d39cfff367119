"""A clock that a scene moves by hand, so that a month passes in seconds and always the same way.

Everything in the agent that waits, waits on this clock. `advance_to` wakes what is due and returns
when all of it waits again: sockets, disk and other processes run in real time meanwhile.
"""

import asyncio
import itertools
from datetime import datetime, timedelta

# Real seconds that one step may take before something must be stuck: far above the slowest step
# (a first read of a full terminal on a busy machine).
STEP_LIMIT_S = 120.0


class StuckSceneError(Exception):
    """Not every loop came back to waiting."""


class SteppedClock:
    """A `drivers.ports.Clock`. `now` is aware UTC."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._start = now
        self._sleepers: dict[int, tuple[datetime, asyncio.Future[None]]] = {}
        self._keys = itertools.count()
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Returns once the clock was moved `seconds` ahead."""
        key = next(self._keys)
        wake = asyncio.get_running_loop().create_future()
        self._sleepers[key] = (self._now + timedelta(seconds=seconds), wake)
        self._changed.set()
        try:
            await wake
        finally:
            self._sleepers.pop(key, None)

    async def settled(self, loops: int) -> None:
        """Returns when `loops` loops wait at once. Raises StuckSceneError when they do not."""
        try:
            async with asyncio.timeout(STEP_LIMIT_S):
                while len(self._sleepers) < loops:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as exc:
            raise StuckSceneError(
                f"{loops - len(self._sleepers)} of {loops} loops did not come back within "
                f"{STEP_LIMIT_S:g} s at {self._now:%Y-%m-%d %H:%M} UTC"
            ) from exc

    async def advance_to(self, instant: datetime, *, loops: int) -> None:
        """Moves the clock to `instant`, wakes what is due, waits until `loops` loops wait again."""
        self._now = instant
        for key, (due, wake) in sorted(self._sleepers.items()):
            if due <= instant:
                del self._sleepers[key]
                wake.set_result(None)
        await self.settled(loops)

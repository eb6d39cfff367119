"""Telling a loop that waits from one that is stuck, by the clock that it goes by."""

from datetime import datetime

from drivers.ports import Clock


class Footsteps:
    """The clock of one loop. Between two looks at it at most `limit_s` may pass, and in a sleep as
    long as was asked for on top.
    """

    def __init__(self, clock: Clock, *, limit_s: float) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._due_s: float | None = None

    def begin(self) -> None:
        self._step()

    def end(self) -> None:
        """The loop has ended; nobody waits for its next step."""
        self._due_s = None

    def overdue(self) -> bool:
        return self._due_s is not None and self._clock.monotonic() > self._due_s

    def now(self) -> datetime:
        self._step()
        return self._clock.now()

    def monotonic(self) -> float:
        self._step()
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        self._step(seconds)
        await self._clock.sleep(seconds)
        self._step()

    def _step(self, asleep_s: float = 0.0) -> None:
        self._due_s = self._clock.monotonic() + asleep_s + self._limit_s

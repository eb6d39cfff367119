"""How a device is doing: its state, since when, what stands in the way, how often it failed."""

import asyncio

import structlog
from msgspec import Struct

from drivers.errors import DriverError
from drivers.ports import Clock
from edge_agent.spool.errors import SpoolError
from edge_agent.supervisor.states import DeviceSignal, DeviceState, after


class Problem(Struct, frozen=True, kw_only=True):
    """What stands between a device and its data, in words for a person."""

    what: str
    remedy: str
    code: str

    @classmethod
    def of(cls, error: DriverError | SpoolError) -> "Problem":
        return cls(what=error.what, remedy=error.remedy, code=error.code)


class DeviceCondition:
    """`changed` is set whenever somebody who looks at the device would see something new."""

    def __init__(
        self, clock: Clock, changed: asyncio.Event, log: structlog.stdlib.BoundLogger
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._log = log
        self.state = DeviceState.IDLE
        self.since = clock.now()
        self.problem: Problem | None = None
        self.failures = 0
        self._moved_at = clock.monotonic()

    def step(self) -> None:
        """Something went on: a step, or a rightful wait began."""
        self._moved_at = self._clock.monotonic()

    def still_s(self, now_s: float) -> float:
        """For how long nothing has gone on."""
        return now_s - self._moved_at

    def signal(self, signal: DeviceSignal) -> None:
        self.step()
        state = after(self.state, signal)
        if state is not self.state:
            self.state = state
            self.since = self._clock.now()
            self._changed.set()

    def blocked_by(self, code: str) -> bool:
        return self.problem is not None and self.problem.code == code

    def fail(self, signal: DeviceSignal, problem: Problem) -> None:
        self.failures += 1
        if self.problem is None or self.problem.code != problem.code:
            # Logged once on loss; the count between is said on recovery.
            self._log.warning(
                "device_failed", what=problem.what, remedy=problem.remedy, code=problem.code
            )
        self.problem = problem
        self.signal(signal)

    def recover(self) -> None:
        if self.failures:
            self._log.info("device_recovered", failures=self.failures)
            self._changed.set()
        self.failures = 0
        self.problem = None

"""The agent's long tasks: a bug in one is logged, and the task is started anew, later each time.

Everything that serves one device or one sink is kept so. What serves all of them (the pulse) is
not: its end ends the agent with an exit code, and systemd starts it anew.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import structlog
from msgspec import Struct

from drivers.ports import Clock
from edge_agent.supervisor.retry import retry_delay_s

# A whole stop takes less than 5 s: this, and the spool's last commit.
STOP_LIMIT_S = 3.0
# A task that ran this long was sound: its next failure is a first one.
SOUND_S = 600.0

log = structlog.get_logger()


class TaskFailure(Struct, frozen=True, kw_only=True):
    """The last bug of a task that was started anew, and how many came in a row."""

    task: str
    what: str
    at: datetime
    in_a_row: int


class Upkeep:
    """`fatal`: what no task can heal by itself; it ends `run`."""

    def __init__(
        self, clock: Clock, randomness: random.Random, *, fatal: type[Exception] | tuple[()] = ()
    ) -> None:
        self._fatal = fatal
        self._ended = asyncio.Event()
        self._ended_by: Exception | None = None
        self._clock = clock
        self._randomness = randomness
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, TaskFailure] = {}

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """`work` is called for each life of the task; its return ends the task."""
        self._tasks[name] = asyncio.create_task(self._keep(name, work), name=name)

    async def stop(self, names: Iterable[str]) -> None:
        """All at once. Returns when they have ended, or do not within STOP_LIMIT_S."""
        ending = [task for name in names if (task := self._tasks.pop(name, None)) is not None]
        for task in ending:
            self._failures.pop(task.get_name(), None)
            task.cancel()
        if not ending:
            return
        _, stubborn = await asyncio.wait(ending, timeout=STOP_LIMIT_S)
        for task in stubborn:
            log.error("task_does_not_stop", task=task.get_name(), waited_s=STOP_LIMIT_S)

    async def run(self) -> None:
        """Until cancelled; then it stops every task. Raises what is fatal."""
        try:
            await self._ended.wait()
            if self._ended_by is not None:
                raise self._ended_by
        finally:
            await self.stop(tuple(self._tasks))

    def failures(self) -> tuple[TaskFailure, ...]:
        """Of the last SOUND_S seconds or, in a row, longer."""
        return tuple(self._failures.values())

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            began_s = self._clock.monotonic()
            try:
                await work()
            except self._fatal as error:
                self._ended_by = error
                self._ended.set()
                return
            except Exception as error:
                sound = self._clock.monotonic() - began_s > SOUND_S
                failures = 1 if sound else failures + 1
                log.exception("task_failed", task=name, in_a_row=failures)
                self._failures[name] = TaskFailure(
                    task=name,
                    what=f"{type(error).__name__}: {error}",
                    at=self._clock.now(),
                    in_a_row=failures,
                )
            else:
                return
            await self._clock.sleep(retry_delay_s(failures, self._randomness.random()))

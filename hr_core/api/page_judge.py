"""The one who judges stored pages, beside the requests that bring them."""

import asyncio

import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread

from hr_core.ingest.pages import OpenedPage, judge_next_page
from hr_core.store.errors import StorageError
from protocols.signing import SigningKey


class PageJudge:
    """`failure`: why the last attempt judged nothing; the page waits for the next `kick`."""

    def __init__(
        self, engine: sa.Engine, *, core_key: SigningKey, one_writer: CapacityLimiter
    ) -> None:
        self._engine = engine
        self._core_key = core_key
        self._one_writer = one_writer
        self._task: asyncio.Task[None] | None = None
        self._kicked = False
        self._opened: OpenedPage | None = None
        self.failure: StorageError | None = None

    def hand_over(self, page: OpenedPage) -> None:
        """What was just stored, and is likely to be judged next; one at most is held."""
        self._opened = page

    def kick(self) -> None:
        """A page waits. Safe to call at any time from the event loop."""
        self._kicked = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def wait(self, seconds: float) -> None:
        """Until nothing waits, `seconds` at most."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)

    async def aclose(self) -> None:
        """Ends behind the page that is being judged; others wait for the next start."""
        task, self._task = self._task, None
        if task is not None:
            self._kicked = False
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        while self._kicked:
            self._kicked = False
            try:
                while await to_thread.run_sync(self._judge, limiter=self._one_writer):
                    pass
                self.failure = None
            except StorageError as exc:
                self.failure = exc

    def _judge(self) -> bool:
        opened, self._opened = self._opened, None
        return judge_next_page(self._engine, core_key=self._core_key, opened=opened)

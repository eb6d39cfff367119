"""While the core is served: days are recomputed as punches come in, by a thread of its own."""

import asyncio
import logging
from time import perf_counter

import sqlalchemy as sa
from anyio import to_thread

from hr_core.attendance.live.recomputing import Recomputer
from hr_core.errors import CoreError
from hr_core.store.errors import StorageError

_LOOK_EVERY_S = 0.5
# Between two steps of a long piece of work: gateways' batches go first, and the log is moved.
_REST_PER_STEP = 1.0
_REST_AT_LEAST_S = 0.05

_log = logging.getLogger("hr_core.attendance")


class DayWatch:
    def __init__(self, recomputer: Recomputer) -> None:
        self._recomputer = recomputer

    async def run(self) -> None:
        """Until cancelled; a database that is away for a while is waited for."""
        while True:
            began = perf_counter()
            more = False
            try:
                more = await to_thread.run_sync(self._look)
            except (CoreError, StorageError, sa.exc.DatabaseError):
                _log.exception("days cannot be computed now")
            took = perf_counter() - began
            rest = max(_REST_AT_LEAST_S, _REST_PER_STEP * took) if more else _LOOK_EVERY_S
            await asyncio.sleep(rest)

    def _look(self) -> bool:
        return not self._recomputer.idle() and self._recomputer.step().more

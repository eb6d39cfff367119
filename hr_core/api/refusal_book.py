"""Counts what the API refuses, and logs each kind once an hour, not each attempt.

Written down in the background and together: whoever sends rubbish must not make the core sync its
disk for each piece of it.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from anyio import to_thread
from msgspec import Struct

from hr_core.api.errors import ApiError
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.refusals import STRANGER, add_refusals, known_names
from protocols.batch_chain import MAX_GATEWAY_BYTES

WRITE_EVERY_S = 0.5  # what a killed core has not counted
LOG_EVERY = timedelta(hours=1)
MAX_NAMES = 1_000  # between two writes; further inventions of names count as strangers

_log = logging.getLogger(__name__)
# Our own state, not the sender's fault.
_NOT_COUNTED = frozenset({"core_busy"})


class _Pending(Struct):
    times: int
    error: ApiError


class RefusalBook:
    def __init__(self, engine: sa.Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._logged: dict[tuple[str, str], datetime] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, claimed: str, error: ApiError) -> None:
        """`claimed`: the gateway that the request names, proven or not."""
        if error.status == 503 or error.code in _NOT_COUNTED:
            return
        name = claimed if 0 < len(claimed.encode()) <= MAX_GATEWAY_BYTES else STRANGER
        if len(self._pending) >= MAX_NAMES:
            name = STRANGER
        pending = self._pending.setdefault((name, error.code), _Pending(0, error))
        pending.times += 1
        pending.error = error
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        while self._pending:
            await asyncio.sleep(WRITE_EVERY_S)
            pending, self._pending = self._pending, {}
            try:
                await to_thread.run_sync(self._write, pending)
            except StorageError as exc:
                _log.error("refusals not counted: %s", exc)

    def _write(self, pending: dict[tuple[str, str], _Pending]) -> None:
        now = self._now()
        with writing(self._engine) as conn:
            names = known_names(conn, {name for name, _ in pending})
            for (name, code), one in pending.items():
                gateway = names[name]
                add_refusals(conn, gateway, code, times=one.times, what=one.error.what, at=now)
                self._log_once(gateway, code, one, now)

    def _log_once(self, gateway: str, code: str, one: _Pending, now: datetime) -> None:
        last = self._logged.get((gateway, code))
        if last is None or now - last >= LOG_EVERY:
            self._logged[gateway, code] = now
            _log.warning(
                "refused (%s) from %s: %s. %s. hr-core audit chains counts them",
                code, gateway or "a stranger", one.error.what, one.error.remedy,
            )  # fmt: skip

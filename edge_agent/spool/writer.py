"""The one thread that writes the spool, with natural group commit.

While one commit waits for the disk, new jobs queue; the next commit takes them all. So one producer
pays one fsync per job and a hundred producers share it, with no timer in between. (A linger timer
only slows: 15,000 rows/s against 244,000, specs/perf/baseline.md 2.)

Jobs of one pass of an event loop are handed over together. Otherwise the writer takes the first of
a hundred that were woken by one commit, and the other ninety-nine wait for its sync and for theirs.
"""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from msgspec import Struct

from drivers.ports import Clock
from edge_agent.spool.checkpoint import Checkpointer
from edge_agent.spool.errors import SpoolClosedError, SpoolError, SpoolFullError, storage_error
from edge_agent.spool.schema import connect

T = TypeVar("T")
Part = TypeVar("Part")
Job = Callable[[sqlite3.Connection], T]
"""Runs inside the group's transaction, on the writer thread. It may raise: then only it is undone.

It must be a pure function of the database: it starts anew when its caller tries again, or when
another job of its group raised.
"""
JointJob = Callable[[sqlite3.Connection, Sequence[Part]], Sequence[T]]
"""A job for many callers at once: an outcome for each one's part."""

# An idle writer comes round this often, so that the watchdog sees it alive.
IDLE_S = 1.0

# Errors of one job's own making; every other sqlite3.Error says that the storage failed.
_JOB_ERRORS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)


class _Queued(Struct, frozen=True):
    """`part` of a joint job; a job of its own has none."""

    future: asyncio.Future[Any]
    job: JointJob[Any, Any]
    part: Any


class _Raised(Struct, frozen=True):
    error: BaseException


class Writer:
    """Runs jobs in durable transactions. The queue is bounded by its users: each awaits its job."""

    def __init__(self, path: Path, clock: Clock, checkpointer: Checkpointer) -> None:
        self._path = path
        self._clock = clock
        self._checkpointer = checkpointer
        self._connection: sqlite3.Connection | None = None
        self._queue: SimpleQueue[list[_Queued] | None] = SimpleQueue()
        self._arriving: dict[asyncio.AbstractEventLoop, list[_Queued]] = {}
        self._door = Lock()  # nothing may enter the queue after it was emptied for the last time
        self._closed_because: str | None = None
        self._moved = clock.monotonic()
        self._commits = 0
        self._stopping = False
        # Until it was moved: after an I/O error, and at the start, as nobody knows how the process
        # before this one ended.
        self._log_in_doubt = True
        self._thread = Thread(target=self._run, name="spool-writer", daemon=True)
        self._thread.start()

    async def run(self, job: Job[T]) -> T:
        """The job's result, once it is durable. Raises SpoolError, or what the job raised.

        A caller that is cancelled leaves the job in the queue: it may still be done.
        """
        return await self.run_jointly(_alone, job)

    def run_jointly(self, job: JointJob[Part, T], part: Part) -> "asyncio.Future[T]":
        """As `run`. Parts of one job that queue behind each other are done by one call."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._door:
            if self._closed_because is not None:
                raise self._closed_error(self._closed_because)
            arriving = self._arriving.get(loop)
            if arriving is None:
                arriving = self._arriving[loop] = []
                loop.call_soon(self._hand_over, loop)
            arriving.append(_Queued(future, job, part))
        return future

    def progress(self) -> float:
        """The monotonic time at which the thread last finished a commit or found nothing to do."""
        return self._moved

    @property
    def commits(self) -> int:
        return self._commits

    def close(self) -> None:
        """Commits what is queued, then ends the thread. Safe to call twice."""
        with self._door:
            if self._closed_because is None:
                self._closed_because = "the spool was closed"
                self._queue.put(self._all_arriving())
                self._queue.put(None)
        self._thread.join()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._door:
            if arriving := self._arriving.pop(loop, None):
                self._queue.put(arriving)

    def _run(self) -> None:
        group: list[_Queued] = []
        try:
            while not self._stopping:
                group = self._next_group()
                if group:
                    self._commit(group)
                else:
                    self._checkpointer.idle()
                self._moved = self._clock.monotonic()
        except BaseException as exc:  # noqa: BLE001 - whatever ends this thread must reach those who wait
            self._abandon(group, exc)
        finally:
            self._drop_connection()

    def _next_group(self) -> list[_Queued]:
        """Everything queued; waits for the first one. Empty after IDLE_S without any."""
        group: list[_Queued] = []
        try:
            entry = self._queue.get(timeout=IDLE_S)
            while True:
                if entry is None:
                    self._stopping = True
                    return group
                group += entry
                entry = self._queue.get_nowait()
        except Empty:
            return group

    def _commit(self, group: list[_Queued]) -> None:
        try:
            connection = self._connection or self._open()
            before = connection.total_changes
            connection.execute("BEGIN IMMEDIATE")
            outcomes = _run_group(connection, group)
            connection.execute("COMMIT")
        except sqlite3.Error as exc:
            # After a failed write or fsync nobody knows what the disk holds.
            self._drop_connection()
            error = storage_error(exc, self._path)
            self._log_in_doubt |= not isinstance(error, SpoolFullError)
            _deliver(group, [_Raised(error)] * len(group))
            return
        self._commits += 1
        _deliver(group, outcomes)
        try:
            self._checkpointer.committed(connection, connection.total_changes - before)
        except sqlite3.Error as exc:  # the commit stands; only the moving of the log failed
            self._checkpointer.failed(exc)
            self._drop_connection()

    def _open(self) -> sqlite3.Connection:
        """A new connection, behind a log that can be trusted. Raises sqlite3.Error.

        Linux reports a failed fsync once and then takes the lost pages for clean, so a second
        fsync of the same log proves nothing, and commits behind its lost frames would be lost with
        them. So what the log holds is first written anew, into the database file, and synced there.
        """
        self._connection = connect(self._path)
        if self._log_in_doubt:
            self._checkpointer.empty_log(self._connection)
            self._log_in_doubt = False
        return self._connection

    def _abandon(self, group: list[_Queued], exc: BaseException) -> None:
        reason = f"the writer thread ended by {exc!r}"
        with self._door:
            self._closed_because = reason
            left = group + self._all_arriving()
            with suppress(Empty):
                while True:
                    left += self._queue.get_nowait() or []
        error = self._closed_error(reason)
        error.__cause__ = exc
        _deliver(left, [_Raised(error)] * len(left))

    def _all_arriving(self) -> list[_Queued]:
        """Takes them. The door is shut."""
        arriving = list(chain.from_iterable(self._arriving.values()))
        self._arriving.clear()
        return arriving

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # it is given up; its error was reported by the commit
                self._connection.close()
            self._connection = None

    def _closed_error(self, reason: str) -> SpoolError:
        return SpoolClosedError(
            reason,
            where=str(self._path),
            remedy="Restart the agent; devices keep what was not stored",
            code="spool_closed",
        )


def _alone(connection: sqlite3.Connection, jobs: Sequence[Job[T]]) -> list[T]:
    return [job(connection) for job in jobs]


def _run_group(connection: sqlite3.Connection, group: Sequence[_Queued]) -> list[Any]:
    """Result or `_Raised` of each. Raises sqlite3.Error when the storage failed.

    A savepoint for each job would cost more than most jobs, so the group is first tried without.
    """
    try:
        return _run_together(connection, group)
    except Exception as exc:
        if _storage_failed(exc):
            raise
    connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    return [_run_alone(connection, queued) for queued in group]


def _run_together(connection: sqlite3.Connection, group: Sequence[_Queued]) -> list[Any]:
    outcomes: list[Any] = []
    for job, entries in groupby(group, key=attrgetter("job")):
        outcomes += job(connection, [queued.part for queued in entries])
    return outcomes


def _run_alone(connection: sqlite3.Connection, queued: _Queued) -> Any:
    connection.execute("SAVEPOINT job")
    try:
        outcome, *_ = queued.job(connection, [queued.part])
    except Exception as exc:
        if _storage_failed(exc):
            raise
        connection.execute("ROLLBACK TO job")
        outcome = _Raised(exc)
    connection.execute("RELEASE job")
    return outcome


def _storage_failed(exc: Exception) -> bool:
    return isinstance(exc, sqlite3.Error) and not isinstance(exc, _JOB_ERRORS)


def _deliver(group: list[_Queued], outcomes: list[Any]) -> None:
    """Wakes each event loop once, however many of its futures are ready."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]]
    by_loop = defaultdict(list)
    for queued, outcome in zip(group, outcomes, strict=True):
        by_loop[queued.future.get_loop()].append((queued.future, outcome))
    for loop, settled in by_loop.items():
        with suppress(RuntimeError):  # a closed loop: nobody is left who waits
            loop.call_soon_threadsafe(_resolve, settled)


def _resolve(settled: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, outcome in settled:
        if future.done():  # its caller was cancelled
            continue
        if isinstance(outcome, _Raised):
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome)

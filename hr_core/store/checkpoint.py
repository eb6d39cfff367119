"""Checkpoints off the commit path: a thread of the serving process moves SQLite's write-ahead log into
the database file. Nobody else does while it runs (log_mover.py).

It runs PASSIVE checkpoints, which wait for nobody and hold nobody up. Under a load that never pauses
the log would still grow, because it can only start again at a moment when all of it was moved; past
HARD_BYTES the thread moves the rest itself and cuts the log, while writers wait for a moment.

Two things that SQLite leaves open are closed here. A sync that failed ends the process
(failed_sync.py). And no commit may start the log again while a checkpoint begins: SQLite before 3.51.3
can then take frames of the new log for moved, and loses them when the log starts again
(https://www.sqlite.org/wal.html#walresetbug).
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from hr_core.store.failed_sync import EndProcess, end_process, is_failed_sync

# A long log makes commits dearer, which look their pages up in it: under the fastest ingest 38 us of CPU
# a punch when it is moved each second, 30 so, as with SQLite's own checkpoints.
EVERY_S = 0.25
# Several times what the fastest ingest writes in between, so that writers seldom wait; a start reads
# and writes as much again before it serves.
HARD_BYTES = 64 * 1024 * 1024
# How long writers wait for readers at each step of that: less in all than a writer's time-out.
_HARD_PATIENCE_MS = 500

_log = logging.getLogger(__name__)


def connect(path: Path) -> sqlite3.Connection:
    """A connection beside SQLAlchemy's, to a file that exists. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None
    )
    try:
        connection.execute(f"PRAGMA busy_timeout = {_HARD_PATIENCE_MS}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class Checkpointer:
    def __init__(
        self,
        path: Path,
        *,
        every_s: float = EVERY_S,
        hard_bytes: int = HARD_BYTES,
        end: EndProcess = end_process,
    ) -> None:
        self._path = path
        self._every_s = every_s
        self._hard_bytes = self._limit = hard_bytes
        self._end = end
        self._log = path.with_name(f"{path.name}-wal")
        self._seen: tuple[int, int] | None = None  # size and time of the log that was moved last
        self._left = False  # a part could not be moved
        self._failure: str | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="core-checkpoint", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why the last checkpoint failed, None when it did not. Commits go on without it."""
        return self._failure

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while not self._stopping.wait(self._every_s):
            try:
                connection = connection or connect(self._path)
                self._look(connection)
                self._failure = None
            except (sqlite3.Error, OSError) as exc:
                self._failed(exc)
                _close(connection)
                connection = None
        _close(connection)

    def _failed(self, exc: Exception) -> None:
        if self._failure is None:
            _log.warning(
                "%s: its log cannot be moved into it (%s). Commits go on, and the log grows; look "
                "at the free space and the disk",
                self._path,
                exc,
            )
        self._failure = str(exc)

    def _look(self, connection: sqlite3.Connection) -> None:
        wish = wish_for_empty_log(self._path)
        if wish.exists() and empty_log(connection, self._path, self._end):
            wish.unlink(missing_ok=True)
        try:
            found = self._log.stat()
        except FileNotFoundError:
            return
        now = (found.st_size, found.st_mtime_ns)
        if now != self._seen or self._left:
            self._seen = now  # as it was before, so that what is written meanwhile is seen
            self.move(connection)

    def move(self, connection: sqlite3.Connection) -> bool:
        """True when all of the log was moved. Raises sqlite3.Error."""
        with _syncing(self._path, self._end), _log_goes_on(self._path):
            busy, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self._left = bool(busy) or moved != frames
        size = frames * int(connection.execute("PRAGMA page_size").fetchone()[0])
        if not self._left:
            self._limit = self._hard_bytes
        elif size > self._limit:
            emptied = empty_log(connection, self._path, self._end)
            # Readers who stay must not make the writers wait each second.
            self._limit = self._hard_bytes if emptied else size + self._hard_bytes
        return not self._left


def empty_log(connection: sqlite3.Connection, path: Path, end: EndProcess = end_process) -> bool:
    """Moves all of the log and cuts it to nothing; False where others work with it. For the one
    process that may (log_mover.py). Raises sqlite3.Error.
    """
    with _syncing(path, end):
        if not _leave_a_frame(connection):
            return False
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _leave_a_frame(connection: sqlite3.Connection) -> bool:
    """A frame that nobody has moved keeps commits from starting the log again. TRUNCATE needs that:
    where SQLite does not get the writers' lock it goes on without, as if it were PASSIVE.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    try:
        connection.execute(f"PRAGMA user_version = {version}")
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


@contextmanager
def _syncing(path: Path, end: EndProcess) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        if is_failed_sync(exc):
            end(path, exc.sqlite_errorname)
        raise


def wish_for_empty_log(path: Path) -> Path:
    """A file by which a command beside the server asks for it: it goes when it is done."""
    return path.with_name(f"{path.name}.empty-log")


@contextmanager
def _log_goes_on(path: Path) -> Iterator[None]:
    """Meanwhile no commit, of any process, starts the log again.

    A reader of the log keeps it from that. Where all of it was moved before, he reads the file
    instead, which keeps a checkpoint from moving anything.
    """
    with closing(connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM sqlite_schema").fetchone()
        yield


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        with suppress(sqlite3.Error):  # given up; a failure was noted
            connection.close()

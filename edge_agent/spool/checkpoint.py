"""Checkpoints off the commit path: a thread moves the write-ahead log into the database file.

It runs SQLite's PASSIVE checkpoint, which waits for nobody and holds nobody up, when enough was
written or when the writer is idle. Under a load that never pauses the log would still grow, because
it can only start again from its beginning at a moment when all of it was moved; past HARD_FRAMES
the writer therefore moves the rest itself, between two commits.

Two things that SQLite leaves open are closed here. A sync that failed ends the process
(failed_sync.py). And no commit may start the log again while a checkpoint begins: SQLite before
3.51.3 can then take frames of the new log for moved, and loses them when the log starts again
(https://www.sqlite.org/wal.html#walresetbug; seen here 9 times in 2,100,000).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread

from edge_agent.spool.errors import storage_error
from edge_agent.spool.failed_sync import EndProcess, end_process, is_failed_sync, write_log_again
from edge_agent.spool.schema import connect

# 4 MiB of pages: SQLite's own default, long enough that the tail pages are moved once, not often.
SOFT_FRAMES = 1_000
# 64 MiB: what a small box can spare, and several times what a checkpoint leaves behind under load.
HARD_FRAMES = 16_384

# What a commit adds to the log, roughly: the tail pages of the trees it touches, then its rows.
_FRAMES_PER_COMMIT = 4
_CHANGES_PER_FRAME = 8
_FRAME_BYTES = 4096 + 24


class Checkpointer:
    """`committed` and `idle` are called by the writer thread, everything else by the owner."""

    def __init__(
        self,
        path: Path,
        *,
        soft_frames: int = SOFT_FRAMES,
        hard_frames: int = HARD_FRAMES,
        end: EndProcess = end_process,
    ) -> None:
        self._path = path
        self._end = end
        self._turn = Lock()  # one checkpoint at a time, and none behind one that failed
        self._renew = False  # the thread's connection
        self._soft_frames = soft_frames
        self._hard_frames = hard_frames
        self._log = path.with_name(f"{path.name}-wal")
        self._log_bytes = 0  # size of its file, which grows only past the longest log so far
        self._written = 0  # frames since the last checkpoint, estimated
        self._log_frames = 0  # length of the log as the last checkpoint found it, exact
        self._failure: str | None = None
        self._due = Event()
        self._stopping = False
        self._thread = Thread(target=self._run, name="spool-checkpoint", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why the last checkpoint failed, None when it did not. Commits go on without it."""
        return self._failure

    def committed(self, writer: sqlite3.Connection, changes: int) -> None:
        """Notes a commit of `changes` rows; `writer` is the writing connection, now free.

        Raises sqlite3.Error when the log was too long and could not be moved.
        """
        estimated = _FRAMES_PER_COMMIT + changes // _CHANGES_PER_FRAME
        self._written += max(estimated, self._grown_frames())
        if self._log_frames > self._hard_frames:
            if self._checkpoint(writer):
                self._log_frames = 0  # the next commit starts the log again
        elif self._written >= self._soft_frames:
            self._due.set()

    def _grown_frames(self) -> int:
        """Exact where a log grows past all before it: a page of the spool is many frames."""
        try:
            size = self._log.stat().st_size
        except FileNotFoundError:
            size = 0
        grown, self._log_bytes = size - self._log_bytes, size
        return max(grown, 0) // _FRAME_BYTES

    def idle(self) -> None:
        if self._written:
            self._due.set()

    def failed(self, exc: sqlite3.Error) -> None:
        self._failure = str(storage_error(exc, self._path))

    def empty_log(self, writer: sqlite3.Connection) -> None:
        """Moves all of the log and cuts it to nothing. Raises sqlite3.Error; also while somebody
        reads from it.
        """
        with self._turn, self._syncing():
            write_log_again(writer, self._path)
            busy, *_ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise sqlite3.OperationalError("a reader holds the log that is in doubt")
            # To its descriptors Linux would still report the failure that was healed here.
            self._renew = True

    def close(self) -> None:
        self._stopping = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._due.wait() and not self._stopping:
            self._due.clear()
            if self._renew:
                self._renew = False
                _close(connection)
                connection = None
            try:
                connection = connection or connect(self._path)
                self._checkpoint(connection)
                self._failure = None
            except sqlite3.Error as exc:
                self.failed(exc)
                _close(connection)
                connection = None
        _close(connection)

    def _checkpoint(self, connection: sqlite3.Connection) -> bool:
        """True when all of the log was moved. False also while another checkpoint runs."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            self._written = 0  # before, so that commits during the checkpoint count for the next
            with self._syncing(), _log_goes_on(self._path):
                row = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            self._turn.release()
        busy, log_frames, moved = row
        if busy:
            return False
        self._log_frames = log_frames
        return bool(moved == log_frames)

    @contextmanager
    def _syncing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            if is_failed_sync(exc):
                self._end(self._path, exc.sqlite_errorname)
            raise


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

"""Checkpoints off the commit path: a thread moves the write-ahead log into the database file.

It runs SQLite's PASSIVE checkpoint, which waits for nobody and holds nobody up, when enough was
written or when the writer is idle. Under a load that never pauses the log would still grow, because
it can only start again from its beginning at a moment when all of it was moved; past HARD_FRAMES
the writer therefore moves the rest itself, between two commits.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from edge_agent.spool.errors import storage_error
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
        self, path: Path, *, soft_frames: int = SOFT_FRAMES, hard_frames: int = HARD_FRAMES
    ) -> None:
        self._path = path
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
        size = self._log.stat().st_size if self._log.exists() else 0
        grown, self._log_bytes = size - self._log_bytes, size
        return max(grown, 0) // _FRAME_BYTES

    def idle(self) -> None:
        if self._written:
            self._due.set()

    def failed(self, exc: sqlite3.Error) -> None:
        self._failure = str(storage_error(exc, self._path))

    def close(self) -> None:
        self._stopping = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._due.wait() and not self._stopping:
            self._due.clear()
            try:
                connection = connection or connect(self._path)
                self._checkpoint(connection)
                self._failure = None
            except sqlite3.Error as exc:
                self.failed(exc)
                if connection is not None:
                    with suppress(sqlite3.Error):  # given up; the failure is noted
                        connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _checkpoint(self, connection: sqlite3.Connection) -> bool:
        """True when all of the log was moved. False also while another checkpoint runs."""
        self._written = 0  # before, so that commits during the checkpoint count for the next
        row = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        busy, log_frames, moved = row
        if busy:
            return False
        self._log_frames = log_frames
        return bool(moved == log_frames)

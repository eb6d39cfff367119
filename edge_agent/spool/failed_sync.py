"""When the disk could not keep what was written to the spool.

After a checkpoint the process ends, and the next one moves the whole log again. SQLite counts frames
of the log as moved before the database file was synced, wherever commits go on beside the
checkpoint. Linux reports a failed sync once and then takes the pages that it lost for clean. So after
a failed sync the count is a lie, a later checkpoint would move only the rest, its sync would succeed,
and the next commit would overwrite the only copy of what was lost. The count lives in shared memory
and goes with the last process that has the file open; whoever opens it next counts from the first
frame. The log itself was synced by each commit.

After a commit that failed so, its frames stand in Linux' memory and not on the disk. Whoever opens the
log next may take them for committed and move them into the file; a power cut then puts what the disk
has of the log over a newer file, and mixes the two. So a log that is taken over is written again
first: what is read of it is then on the disk.
"""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NoReturn

from edge_agent.spool.errors import SpoolLockedError

EXIT_CODE = os.EX_IOERR
"""74. Nobody else ends the agent with it."""
_PIECE_BYTES = 1024 * 1024
PATIENCE_S = 5.0  # with a program that looks into the file and goes

EndProcess = Callable[[Path, str], NoReturn]


def is_failed_sync(exc: sqlite3.Error) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_FSYNC


def end_process(path: Path, what: str) -> NoReturn:
    """Like kill -9: nothing of this process may touch the log of the spool at `path` any more."""
    with suppress(OSError):  # it only serves the case that another program keeps the count alive
        os.close(os.open(_mark(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with suppress(OSError):  # nobody listens
        os.write(
            2,
            f"{path}: the disk could not keep what was written to it ({what}). The agent ends with "
            f"{EXIT_CODE}, so that its next start writes all of it again from the log; nothing that "
            "was acknowledged is lost. Check the disk (dmesg, smartctl)\n".encode(),
        )
    os._exit(EXIT_CODE)


def write_log_again(connection: sqlite3.Connection, path: Path) -> None:
    """Call with a connection to the spool at `path`, outside of a transaction, before anything is
    moved out of its log. Raises sqlite3.Error.
    """
    connection.execute("BEGIN IMMEDIATE")  # nobody writes to it meanwhile
    try:
        with path.with_name(f"{path.name}-wal").open("r+b", buffering=0) as log:
            place = 0
            while piece := os.pread(log.fileno(), _PIECE_BYTES, place):
                place += os.pwrite(log.fileno(), piece, place)
            if place:
                os.fdatasync(log.fileno())
    except FileNotFoundError:
        pass  # no log: the file is new
    except OSError as exc:
        error = sqlite3.OperationalError(f"the log cannot be written again ({exc.strerror})")
        full = exc.errno in {errno.ENOSPC, errno.EDQUOT}
        error.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR_WRITE
        raise error from exc
    finally:
        connection.execute("ROLLBACK")


def recover(path: Path) -> None:
    """Call before anything else opens the file, with the spool's lock held: after `end_process`, no
    other program may keep the count alive. Raises SpoolLockedError when one does, sqlite3.Error.
    """
    if not _mark(path).exists():
        return
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(
        sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE_S)
    ) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            write_log_again(connection, path)
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            busy = True
    if busy:
        raise SpoolLockedError(
            "the disk failed when the agent ran last, and another program has kept the file open "
            "since",
            where=str(path),
            remedy=f"End it (lsof {path} names it), then start the agent",
            code="spool_in_use",
        )
    _mark(path).unlink()


def _mark(path: Path) -> Path:
    """Need not outlive a power cut: the count does not either."""
    return path.with_name(f"{path.name}.failed-sync")

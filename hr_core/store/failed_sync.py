"""When the disk could not keep what was written to the core's SQLite file: the process ends, and the
next one moves the whole log again.

SQLite may count frames of the log as moved before the database file was synced. Linux reports a
failed sync once and then takes the pages that it lost for clean. So after a failed sync of a
checkpoint the count is a lie: a later one would move only the rest, and the next commit would
overwrite the only copy of what was lost. The count goes with the last process that has the file
open; whoever opens it next counts from the first frame.

After a failed sync of a commit, its frames stand in Linux' memory and not on the disk. Whoever opens
the log next may take them for committed and move them into the file; a power cut then puts the disk's
log over a newer file. So a log that is taken over is written again first.

The gateway's spool is guarded in the same way (edge_agent/spool/failed_sync.py); edge and core share
no code.
"""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NoReturn

from hr_core.store.errors import StorageBusyError

EXIT_CODE = os.EX_IOERR
"""74. Nothing else ends the core with it."""
_PIECE_BYTES = 1024 * 1024
PATIENCE_S = 5.0  # with a command that looks into the file and goes

EndProcess = Callable[[Path, str], NoReturn]


def is_failed_sync(exc: BaseException) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_FSYNC


def end_process(path: Path, what: str) -> NoReturn:
    """Like kill -9: nothing of this process may touch the log of the file at `path` any more."""
    with suppress(OSError):  # it only serves the case that another program keeps the count alive
        os.close(os.open(_mark(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with suppress(OSError):  # nobody listens
        os.write(
            2,
            f"{path}: the disk could not keep what was written to it ({what}). hr-core ends with "
            f"{EXIT_CODE}, so that its next start writes all of it again from the log; nothing that "
            "was acknowledged is lost. Check the disk (dmesg, smartctl)\n".encode(),
        )
    os._exit(EXIT_CODE)


def take_over_log(path: Path, connect: Callable[[Path], sqlite3.Connection]) -> None:
    """Call before anything else of this process opens the file, as the one that may move its log.

    Raises StorageBusyError when the disk failed before and another program has kept the file open
    since; sqlite3.Error.
    """
    if _mark(path).exists():
        _begin_count_again(path, connect)
    log = _log_of(path)
    if log.exists() and log.stat().st_size:
        with closing(connect(path)) as connection:
            write_log_again(connection, path)


def write_log_again(connection: sqlite3.Connection, path: Path) -> None:
    """What stands in the log of `path` is on the disk when it returns. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")  # nobody writes to it meanwhile
    try:
        with _log_of(path).open("r+b", buffering=0) as log:
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


def _begin_count_again(path: Path, connect: Callable[[Path], sqlite3.Connection]) -> None:
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {round(PATIENCE_S * 1000)}")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            write_log_again(connection, path)
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            busy = True
    if busy:
        raise StorageBusyError(
            "the disk failed when hr-core ran last, and another program has kept the file open since",
            where=str(path),
            remedy=f"End it (lsof {path} names it), then start hr-core",
            code="storage_in_use",
        )
    _mark(path).unlink()


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _mark(path: Path) -> Path:
    """Need not outlive a power cut: the count does not either."""
    return path.with_name(f"{path.name}.failed-sync")

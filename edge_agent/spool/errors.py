"""How the spool can fail. Standard library only: the fast status command imports this too."""

import os
import resource
import sqlite3
from pathlib import Path


class SpoolError(Exception):
    """`what` happened, `where` (the file), and the `remedy` for the person who reads it.

    `code` is a stable word for programs (`spool_full`, `spool_locked`, `spool_corrupt`, …).
    """

    def __init__(self, what: str, *, where: str, remedy: str, code: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy
        self.code = code


class SpoolFullError(SpoolError):
    """No space. Stop pulling: the terminals keep their logs until there is room again."""


class SpoolCorruptError(SpoolError):
    """The file is damaged or is no spool. It was not changed."""


class SpoolLockedError(SpoolError):
    """Another process writes this spool."""


class SpoolClosedError(SpoolError):
    """The spool was closed, or its writer thread ended: nothing can be stored any more."""


_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# What SQLite makes of EFBIG, and of ENOSPC for its shared memory: whether it is room is asked for.
# Never of a failed fsync: after that nobody knows what the disk holds.
_WRITE_FAILED = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
_TOO_LITTLE_BYTES = 1024 * 1024
_PRIMARY_CODE = 0xFF  # the low byte of an extended result code


def storage_error(exc: sqlite3.Error, path: Path) -> SpoolError:
    """`exc` as what a person can act on. Judged by SQLite's result code, never by text."""
    code = getattr(exc, "sqlite_errorcode", 0)
    primary = code & _PRIMARY_CODE
    name = getattr(exc, "sqlite_errorname", type(exc).__name__)
    where = str(path)
    if primary == sqlite3.SQLITE_FULL or (code in _WRITE_FAILED and _cannot_grow(path)):
        return SpoolFullError(
            "the disk is full, or the file may not grow",
            where=where,
            remedy=f"Free space on the file system of {path.parent}; the agent resumes by itself",
            code="spool_full",
        )
    if primary in _CORRUPT:
        return SpoolCorruptError(
            f"the file is damaged or is not a database ({name})",
            where=where,
            remedy="Stop the agent, keep a copy of the file with its -wal, and move it away",
            code="spool_corrupt",
        )
    return SpoolError(
        f"the storage failed ({name}: {exc})",
        where=where,
        remedy="Check the disk (dmesg, smartctl), its free space and the owner of the file",
        code="spool_io_error",
    )


def _cannot_grow(path: Path) -> bool:
    """Whether a write failed because a file had no room: no space, or the process's file limit."""
    file_system = os.statvfs(path.parent)
    if file_system.f_bavail * file_system.f_frsize < _TOO_LITTLE_BYTES:
        return True
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return False
    sizes = (file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.is_file())
    return max(sizes, default=0) + _TOO_LITTLE_BYTES > limit

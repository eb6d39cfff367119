"""How the spool can fail. Standard library only: the fast status command imports this too."""

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
_PRIMARY_CODE = 0xFF  # the low byte of an extended result code


def storage_error(exc: sqlite3.Error, path: Path) -> SpoolError:
    """`exc` as what a person can act on. Judged by SQLite's result code, never by text."""
    primary = getattr(exc, "sqlite_errorcode", 0) & _PRIMARY_CODE
    name = getattr(exc, "sqlite_errorname", type(exc).__name__)
    where = str(path)
    if primary == sqlite3.SQLITE_FULL:
        return SpoolFullError(
            "the disk is full",
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

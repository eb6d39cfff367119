"""Connections to the spool file, and its numbered migrations."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

from edge_agent.spool import row_folding
from edge_agent.spool.errors import SpoolCorruptError, SpoolError, storage_error

APPLICATION_ID = 0x436C6B53  # "ClkS": tells a spool from any other SQLite file

# Only another process that looks into the file (sqlite3, a backup) can hold a lock for long.
BUSY_TIMEOUT_S = 5.0


def connect(path: Path) -> sqlite3.Connection:
    """A connection that commits durably and never checkpoints by itself. Raises sqlite3.Error.

    The file must exist: a file that went away is an error, never a new empty spool.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def session(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for the length of a `with`. What SQLite raises in it becomes SpoolError."""
    try:
        with closing(connect(path)) as connection:
            yield connection
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc


def prepare(path: Path) -> None:
    """Makes `path` a sound spool of the present schema. Raises SpoolError.

    Checks every page, then runs the migrations that it lacks. The caller holds the lock.
    """
    with session(path) as connection:
        _refuse_foreign_file(connection, path)
        _check_pages(connection, path)
        _use_wal(connection, path)
        _migrate(connection, path)


def create_file(path: Path) -> None:
    """An empty file of mode 0600, unless there is one. Raises SpoolError."""
    if not path.parent.is_dir():
        raise SpoolError(
            f"there is no folder {path.parent}",
            where=str(path),
            remedy="Create it, owned by the agent's user, or set the spool's path in the site file",
            code="spool_no_folder",
        )
    try:
        # Before SQLite would, because its -wal and -shm take their mode from this file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise SpoolError(
            f"cannot open the file for writing ({exc.strerror})",
            where=str(path),
            remedy="Check the owner and mode of the file and its folder, and the free space",
            code="spool_no_access",
        ) from exc


def _refuse_foreign_file(connection: sqlite3.Connection, path: Path) -> None:
    application = _number(connection, "PRAGMA application_id")
    tables = _number(connection, "SELECT count(*) FROM sqlite_schema")
    if tables and application != APPLICATION_ID:
        raise SpoolCorruptError(
            "this is an SQLite file, but not a spool of Clockline",
            where=str(path),
            remedy="Set the spool's path in the site file to another file",
            code="spool_foreign",
        )


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    first = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if first != "ok":
        raise SpoolCorruptError(
            f"quick_check found damage: {first}",
            where=str(path),
            remedy="Stop the agent, keep a copy of the file with its -wal, and move it away",
            code="spool_corrupt",
        )


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise SpoolError(
            f"the file system gives no write-ahead log (journal mode is {mode})",
            where=str(path),
            remedy="Put the spool on a local disk (ext4, xfs, f2fs), not on a network share",
            code="spool_no_wal",
        )


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    scripts = migrations()
    present = _number(connection, "PRAGMA user_version")
    if present > len(scripts):
        raise SpoolError(
            f"the file has schema {present}, this version of the agent knows {len(scripts)}",
            where=str(path),
            remedy="Install the newer agent again, or give this one another file",
            code="spool_schema_newer",
        )
    row_folding.register(connection)
    for number, script in enumerate(scripts[present:], start=present + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def migrations() -> tuple[str, ...]:
    """The SQL of migration 1, 2, …; each runs once, in one transaction."""
    folder = resources.files("edge_agent.spool") / "migrations"
    files = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    for number, name in enumerate(files, start=1):
        if not name.startswith(f"{number:04d}_"):
            raise ValueError(f"{name} should be migration {number:04d}")
    return tuple((folder / name).read_text(encoding="utf-8") for name in files)


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])

"""Connections to the spool file, and its numbered migrations."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

from edge_agent.spool import row_folding
from edge_agent.spool.codec import is_sound_envelope
from edge_agent.spool.errors import SpoolCorruptError, SpoolError, storage_error
from edge_agent.spool.failed_sync import recover, write_log_again
from edge_agent.spool.file_image import FileImage
from edge_agent.spool.page_body import is_intact
from edge_agent.spool.read_ends import are_sound_ends

APPLICATION_ID = 0x436C6B53  # "ClkS": tells a spool from any other SQLite file

# A number further off than any release is a damaged header, not a newer agent.
_PLAUSIBLY_NEWER = 10

# Small tables, read whole at the start: their texts too must be texts.
_READ_WHOLE = (
    "boots", "devices", "sinks", "batches", "unsettled", "dead_letters", "quarantine",
    "read_marks", "holds", "acts",
)  # fmt: skip
_ENDS = """
    SELECT ends FROM devices WHERE ends IS NOT NULL UNION ALL SELECT ends FROM read_marks"""
_PAGES = "SELECT first_arrival, lane, zone, flags, body FROM pages"

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
    _refuse_untouched(path)
    _recover(path)
    with session(path) as connection:
        write_log_again(connection, path)
        _refuse_foreign_file(connection, path)
        _check_pages(connection, path)
        _check_schema(connection, path)
        _use_wal(connection, path)
        _migrate(connection)
        _check_rows(connection, path)


def sync(path: Path) -> None:
    """What was written to a file, or renamed in a folder, is on the disk when it returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_folder(path: Path) -> None:
    """Raises SpoolError when the folder of `path` is missing."""
    if not path.parent.is_dir():
        raise SpoolError(
            f"there is no folder {path.parent}",
            where=str(path),
            remedy="Create it, owned by the agent's user, or set the spool's path in the site file",
            code="spool_no_folder",
        )


def create_file(path: Path) -> None:
    """An empty file of mode 0600, unless there is one. Raises SpoolError."""
    require_folder(path)
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


def _refuse_untouched(path: Path) -> None:
    """What SQLite must not see: opening and closing a file moves its log, even of a newer agent's;
    and behind a damaged page of the log it forgets commits without a word.
    """
    try:
        with closing(FileImage(path)) as image:
            present, log = image.user_version, image.log
            lost_head = not image.file_bytes and (log.pages or log.lost)
    except OSError as exc:
        raise SpoolError(
            f"cannot be read ({exc.strerror})",
            where=str(path),
            remedy="Check the disk (dmesg, smartctl), and the owner of the file",
            code="spool_io_error",
        ) from exc
    known = len(migrations())
    if known < present <= known + _PLAUSIBLY_NEWER:
        raise SpoolError(
            f"the file has schema {present}, this version of the agent knows {known}",
            where=str(path),
            remedy="Nothing was touched. Install the newer agent again, or give this one another "
            "state_dir",
            code="spool_schema_newer",
        )
    if log.damaged or lost_head or present > known:
        raise _corrupt(path, "the write-ahead log or the header of the file is damaged")


def _recover(path: Path) -> None:
    try:
        recover(path)
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc


def _corrupt(path: Path, what: str) -> SpoolCorruptError:
    return SpoolCorruptError(
        what,
        where=str(path),
        remedy="Start the agent: it sets the file aside and saves what can be read",
        code="spool_corrupt",
    )


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
        raise _corrupt(path, f"quick_check found damage: {first}")


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """What quick_check does not see: flipped bytes of the schema's text."""
    present = _number(connection, "PRAGMA user_version")
    try:
        found = _schema_of(connection)
    except sqlite3.OperationalError as exc:
        if getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
            raise
        raise _corrupt(path, f"a table's text is none ({exc})") from exc
    if found != _schema_at(present):
        raise _corrupt(path, "its tables are not those of a spool")


def _check_rows(connection: sqlite3.Connection, path: Path) -> None:
    """What quick_check does not see either: flipped bytes of content."""
    try:
        for table in _READ_WHOLE:
            for _ in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our own names
                pass
        for (ends,) in connection.execute(_ENDS):
            if not are_sound_ends(ends):
                raise _corrupt(path, f"a mark of a read is not what was written: {ends!r:.200}")
        for first, *envelope, body in connection.execute(_PAGES):
            if not (is_intact(body) and is_sound_envelope(*envelope)):
                raise _corrupt(path, f"page {first} is not what was written")
    except sqlite3.OperationalError as exc:
        if getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
            raise
        raise _corrupt(path, f"a text is none ({exc})") from exc


def _schema_of(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    ).fetchall()


def _schema_at(number: int) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        row_folding.register(fresh)
        for script in migrations()[:number]:
            fresh.executescript(script)
        return _schema_of(fresh)


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise SpoolError(
            f"the file system gives no write-ahead log (journal mode is {mode})",
            where=str(path),
            remedy="Put the spool on a local disk (ext4, xfs, f2fs), not on a network share",
            code="spool_no_wal",
        )


def _migrate(connection: sqlite3.Connection) -> None:
    scripts = migrations()
    present = _number(connection, "PRAGMA user_version")
    row_folding.register(connection)
    for number, script in enumerate(scripts[present:], start=present + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {number};\nCOMMIT;"
            )
            # A log of every migration is twice the spool: on a small or full disk that is all of it.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
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

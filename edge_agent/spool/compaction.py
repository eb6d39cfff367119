"""Gives the free space inside a spool back to the disk, while no agent runs."""

import sqlite3
from contextlib import closing
from pathlib import Path

from edge_agent.spool.errors import SpoolError, storage_error
from edge_agent.spool.lock import SpoolLock
from edge_agent.spool.schema import connect, prepare, require_folder, sync


def compact(path: Path) -> tuple[int, int]:
    """Bytes of the file before and after. Raises SpoolError, SpoolLockedError while an agent runs.

    The new file takes the old one's place in one step: a power cut leaves one of both, whole.
    """
    require_folder(path)
    if not path.is_file():
        raise SpoolError(
            "there is no spool",
            where=str(path),
            remedy="Name the site file whose spool you mean",
            code="spool_missing",
        )
    lock = SpoolLock(path)
    part = path.with_name(f"{path.name}.compact")
    try:
        prepare(path)
        before = path.stat().st_size
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with closing(connect(path)) as connection:
            # Its log must be gone before another file stands in its place.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM INTO ?", (str(part),))
        with closing(connect(part)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        sync(part)
        part.replace(path)
        sync(path.parent)
        return before, path.stat().st_size
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    finally:
        part.unlink(missing_ok=True)
        lock.release()

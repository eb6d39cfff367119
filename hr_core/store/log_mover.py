"""Which process may move the write-ahead log of the core's SQLite file: one, which holds a lock.

`hr-core serve` for as long as it runs; a command while no server runs. A command beside them writes
to the log and leaves it alone, also when it closes the file as the last one: SQLite would then move
the log, behind a count that a failed server may have left wrong.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from hr_core.store.checkpoint import Checkpointer, connect, empty_log, wish_for_empty_log
from hr_core.store.database import database_file, describe, sick_database
from hr_core.store.errors import StorageBusyError, StorageError
from hr_core.store.failed_sync import take_over_log

# A command that runs without a server has the lock: most end within seconds.
WAITS_FOR_LOCK_S = 30.0
# The server looks several times a second, and readers may hold it up.
_WAITS_FOR_SERVER_S = 10.0
_PAUSE_S = 0.05

EmptyLog = Callable[[], bool]
"""Takes what was overwritten out of the log too; False when somebody held it up: it goes later."""


@contextmanager
def serving(engine: sa.Engine) -> Iterator[None]:
    """Meanwhile a thread moves the log. Disposes of the engine in the end, which was not used before.

    Raises StorageBusyError when another process has the lock, StorageError.
    """
    path = database_file(engine)
    if path is None:  # PostgreSQL; memory
        with _closing(engine):
            yield
        return
    with _lock(engine, path, wait_s=WAITS_FOR_LOCK_S) as alone:
        if not alone:
            raise StorageBusyError(
                "another hr-core serves it",
                where=describe(engine),
                remedy=f"Stop that one first (lsof {_lock_of(path)} names it)",
                code="storage_served",
            )
        _take_over(engine, path)
        checkpointer = Checkpointer(path)
        try:
            yield
        finally:
            checkpointer.close()
            engine.dispose()


@contextmanager
def visiting(engine: sa.Engine) -> Iterator[EmptyLog]:
    """For a command, with or without a server beside it. Disposes of the engine in the end, which
    was not used before.

    Raises StorageError.
    """
    path = database_file(engine)
    if path is None:
        with _closing(engine):
            yield lambda: True
        return
    with ExitStack() as stack:
        alone = stack.enter_context(_lock(engine, path, wait_s=0.0))
        if alone:
            _take_over(engine, path)
        else:
            stack.enter_context(_never_last(engine, path))
        stack.callback(engine.dispose)
        yield (lambda: _empty_here(path)) if alone else (lambda: _empty_there(path))


@contextmanager
def _closing(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    finally:
        engine.dispose()


@contextmanager
def _lock(engine: sa.Engine, path: Path, *, wait_s: float) -> Iterator[bool]:
    """True when it was free within `wait_s`. The kernel frees it when the process dies.

    A file of its own: closing any descriptor of the database would drop SQLite's locks on it.
    """
    try:
        descriptor = os.open(_lock_of(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StorageError(
            f"cannot open {_lock_of(path)} ({exc.strerror})",
            where=describe(engine),
            remedy="Check that the folder exists and belongs to the core's user",
            code="storage_failed",
        ) from exc
    try:
        deadline = time.monotonic() + wait_s
        while not (taken := _locked(descriptor)) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)  # noqa: TID251 - before or beside any loop
        yield taken
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take_over(engine: sa.Engine, path: Path) -> None:
    try:
        take_over_log(path, connect)
    except sqlite3.Error as exc:
        raise sick_database(engine, exc) from exc


@contextmanager
def _never_last(engine: sa.Engine, path: Path) -> Iterator[None]:
    """A connection that cannot move the log, closed after the others."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as keeper:
        try:
            keeper.execute("SELECT 1 FROM sqlite_schema").fetchone()  # SQLite opens it only now
        except sqlite3.Error as exc:
            raise sick_database(engine, exc) from exc
        yield


def _empty_here(path: Path) -> bool:
    with closing(connect(path)) as connection:
        return empty_log(connection, path)


def _empty_there(path: Path) -> bool:
    wish = wish_for_empty_log(path)
    wish.touch(mode=0o600)
    deadline = time.monotonic() + _WAITS_FOR_SERVER_S
    while wish.exists() and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)  # noqa: TID251 - before or beside any loop
    return not wish.exists()


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")

"""A process that has a sync fail at the worst moment. Each line on standard output acknowledges the
rows that it has stored.

    python -m tests.reliability.failed_sync_run spool|core FILE checkpoint ends|goes_on
        Moves a part of its log, then the rest, and begins the log again. Started again, it goes on.
    python -m tests.reliability.failed_sync_run spool|core FILE commit written_again|as_it_is
        Commits, and commits again; then dies. Started again, it takes the log over.
"""

import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

import hr_core.store.failed_sync
from edge_agent.spool import checkpoint as spool_checkpoint
from edge_agent.spool import schema
from edge_agent.spool.failed_sync import EXIT_CODE, end_process
from hr_core.store import checkpoint as core_checkpoint
from hr_core.store.database import open_database, writing

NEXT = "the next one fails"
FIRST, SECOND, LAST = range(2, 400, 2), range(400, 430), range(430, 490)
BETWEEN = range(101, 151, 2)  # into full pages of the first
_LONG = "b" * 400  # ten rows a page of the spool
_NEVER_S = 3600.0


class SpoolFile:
    query = "SELECT boot FROM boots"
    connect = staticmethod(schema.connect)

    def __init__(self, path):
        self.path = path
        schema.create_file(path)
        schema.prepare(path)
        self.writer = schema.connect(path)

    def checkpointer(self, *, ends):
        end = end_process if ends else _go_on
        return spool_checkpoint.Checkpointer(self.path, end=end)._checkpoint

    def store(self, numbers):
        rows = [(number, f"{number}{_LONG}") for number in numbers]
        self.writer.execute("BEGIN")
        self.writer.executemany("INSERT INTO boots VALUES (?, ?, 0)", rows)
        self.writer.execute("COMMIT")

    def close(self):
        self.writer.close()

    @staticmethod
    def take_over_as_it_is():
        schema.write_log_again = _go_on


class CoreFile:
    query = "SELECT boot FROM boots"
    connect = staticmethod(core_checkpoint.connect)

    def __init__(self, path):
        self.path = path
        hr_core.store.failed_sync.take_over_log(path, self.connect)
        self.engine = open_database(f"sqlite:///{path}")
        with writing(self.engine) as conn:
            conn.execute(
                sa.text("CREATE TABLE IF NOT EXISTS boots (boot INTEGER PRIMARY KEY, name TEXT)")
            )

    def checkpointer(self, *, ends):
        end = hr_core.store.failed_sync.end_process if ends else _go_on
        return core_checkpoint.Checkpointer(self.path, every_s=_NEVER_S, end=end).move

    def store(self, numbers):
        rows = [{"boot": number, "name": f"{number}{_LONG}"} for number in numbers]
        with writing(self.engine) as conn:
            conn.execute(sa.text("INSERT INTO boots VALUES (:boot, :name)"), rows)

    def close(self):
        self.engine.dispose()

    @staticmethod
    def take_over_as_it_is():
        hr_core.store.failed_sync.write_log_again = _go_on


FILES = {"spool": SpoolFile, "core": CoreFile}


def checkpoint(file, *, ends) -> None:
    move, path = file.checkpointer(ends=ends), file.path
    with closing(file.connect(path)) as mover:
        if not _stored(file, mover):
            _store(file, FIRST)
            with closing(file.connect(path)) as reader:
                reader.execute("BEGIN")
                _stored(file, reader)
                _store(file, SECOND)
                assert not move(mover), "the reader leaves a part in the log"
            print(NEXT, flush=True)
            with suppress(sqlite3.OperationalError):
                move(mover)
        assert move(mover), "all is moved now"
        log = path.with_name(f"{path.name}-wal")
        before = log.read_bytes()[:32]
        _store(file, LAST)
        assert log.read_bytes()[:32] != before, "the log has started again"
        os._exit(0)  # before a closing connection moves anything


def commit(file) -> None:
    _store(file, FIRST)
    with closing(file.connect(file.path)) as mover:
        mover.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _store(file, SECOND)
    print(NEXT, flush=True)
    try:
        _store(file, BETWEEN)
    except sqlite3.OperationalError:
        os._exit(EXIT_CODE)
    os._exit(0)


def _store(file, numbers) -> None:
    file.store(numbers)
    print(*numbers, flush=True)


def _stored(file, connection) -> int:
    return len(connection.execute(file.query).fetchall())


def _go_on(_path, _what) -> None:
    """As if nothing had been: a control."""


if __name__ == "__main__":
    _, whose, file_, what, how = sys.argv
    kind, path_ = FILES[whose], Path(file_)
    if how == "as_it_is":
        kind.take_over_as_it_is()
    if what == "checkpoint":
        checkpoint(kind(path_), ends=how == "ends")
    elif path_.exists():
        kind(path_)  # with what stands in the log, of which Linux knows more than the disk
        os._exit(0)
    else:
        path_.touch()
        commit(kind(path_))

"""A process that has a sync fail at the worst moment. Each line on standard output acknowledges the
boots that it has stored.

    python -m tests.reliability.failed_sync_run FILE checkpoint ends|goes_on
        Moves a part of its log, then the rest, and begins the log again. Started again, it goes on.
    python -m tests.reliability.failed_sync_run FILE commit written_again|as_it_is
        Commits, and commits again; then dies. Started again, it takes the log over.
"""

import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

from edge_agent.spool import schema
from edge_agent.spool.checkpoint import Checkpointer
from edge_agent.spool.failed_sync import EXIT_CODE, end_process
from edge_agent.spool.schema import connect, create_file, prepare

NEXT = "the next one fails"
FIRST, SECOND, LAST = range(2, 400, 2), range(400, 430), range(430, 490)
BETWEEN = range(101, 151, 2)  # into full pages of the first
_LONG = "b" * 400  # ten rows a page


def checkpoint(path: Path, end) -> None:
    create_file(path)
    prepare(path)
    with closing(connect(path)) as writer, closing(connect(path)) as mover:
        checkpointer = Checkpointer(path, end=end)
        if not _stored(writer):
            _store(writer, FIRST)
            with closing(connect(path)) as reader:
                reader.execute("BEGIN")
                _stored(reader)
                _store(writer, SECOND)
                assert not checkpointer._checkpoint(mover), "the reader leaves a part in the log"
            print(NEXT, flush=True)
            with suppress(sqlite3.OperationalError):
                checkpointer._checkpoint(mover)
        assert checkpointer._checkpoint(mover), "all is moved now"
        log = path.with_name(f"{path.name}-wal")
        before = log.read_bytes()[:32]
        _store(writer, LAST)
        assert log.read_bytes()[:32] != before, "the log has started again"
        os._exit(0)  # before a closing connection moves anything


def commit(path: Path) -> None:
    if path.exists():
        prepare(path)  # with what stands in the log, of which Linux knows more than the disk
        os._exit(0)
    create_file(path)
    prepare(path)
    writer = connect(path)
    _store(writer, FIRST)
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _store(writer, SECOND)
    print(NEXT, flush=True)
    try:
        _store(writer, BETWEEN)
    except sqlite3.OperationalError:
        os._exit(EXIT_CODE)
    os._exit(0)


def _store(writer, numbers) -> None:
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO boots VALUES (?, ?, 0)", [(n, f"{n}{_LONG}") for n in numbers])
    writer.execute("COMMIT")
    print(*numbers, flush=True)


def _stored(connection) -> int:
    return connection.execute("SELECT count(*) FROM boots").fetchone()[0]


def _go_on(_path, _what) -> None:
    """As if nothing had been: a control."""


if __name__ == "__main__":
    _, file, what, how = sys.argv
    if what == "checkpoint":
        checkpoint(Path(file), end_process if how == "ends" else _go_on)
    else:
        if how == "as_it_is":
            schema.write_log_again = _go_on
        commit(Path(file))

"""The process whose checkpoint fails: it moves a part of its log, then the rest, and begins the log
again. `python -m tests.reliability.failed_checkpoint_run FILE ends|goes_on`

Each line on standard output acknowledges the boots that it has stored. Started again, it goes on.
"""

import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

from edge_agent.spool.checkpoint import Checkpointer
from edge_agent.spool.failed_sync import end_process
from edge_agent.spool.schema import connect, create_file, prepare

MOVING = "moving the rest"
FIRST, SECOND, LAST = range(1, 200), range(200, 202), range(202, 260)
_LONG = "b" * 400  # ten rows a page


def main(path: Path, end) -> None:
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
            print(MOVING, flush=True)
            with suppress(sqlite3.OperationalError):
                checkpointer._checkpoint(mover)
        assert checkpointer._checkpoint(mover), "all is moved now"
        log = path.with_name(f"{path.name}-wal")
        before = log.read_bytes()[:32]
        _store(writer, LAST)
        assert log.read_bytes()[:32] != before, "the log has started again"
        os._exit(0)  # before a closing connection moves anything


def _store(writer, numbers) -> None:
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO boots VALUES (?, ?, 0)", [(n, f"{n}{_LONG}") for n in numbers])
    writer.execute("COMMIT")
    print(*numbers, flush=True)


def _stored(connection) -> int:
    return connection.execute("SELECT count(*) FROM boots").fetchone()[0]


def _go_on(_path, _what) -> None:
    """As if nothing had been: the control."""


if __name__ == "__main__":
    main(Path(sys.argv[1]), end_process if sys.argv[2] == "ends" else _go_on)

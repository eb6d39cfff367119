"""What a checkpoint must not do: count frames of a log that has started again, or go on after a sync
that failed. (The power cut behind it: tests/reliability/test_failed_sync.py.)
"""

import subprocess
import sys
from contextlib import closing

import pytest

from drivers.contract import Delivery
from edge_agent.spool import failed_sync
from edge_agent.spool.checkpoint import Checkpointer
from edge_agent.spool.errors import SpoolLockedError
from edge_agent.spool.schema import connect, create_file, prepare
from edge_agent.spool.store import Spool
from tests.edge_agent.spool.deliveries import append, punches

SALTS = slice(16, 24)  # in the head of the log: another value each time that it starts again


class Meddled:
    """A connection, with something that happens at the moment at which its checkpoint begins."""

    def __init__(self, connection, meddle):
        self.connection, self.meddle = connection, meddle

    def execute(self, sql):
        self.meddle()
        return self.connection.execute(sql)


@pytest.fixture
def log(path):
    create_file(path)
    prepare(path)
    return path.with_name(f"{path.name}-wal")


@pytest.fixture
def checkpointer(path, log):
    found = Checkpointer(path)
    yield found
    found.close()


def commit(connection, number):
    connection.execute("INSERT INTO boots VALUES (?, ?, 0)", (number, str(number)))


def test_no_commit_starts_the_log_again_while_a_checkpoint_begins(path, log, checkpointer):
    """SQLite's "WAL-reset bug" needs just that: https://www.sqlite.org/wal.html#walresetbug"""

    def meddle():
        with closing(connect(path)) as other:
            assert other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0
        commit(writer, 2)

    with closing(connect(path)) as writer, closing(connect(path)) as mover:
        commit(writer, 1)
        salts = log.read_bytes()[SALTS]
        assert not checkpointer._checkpoint(Meddled(mover, meddle)), "the second commit is left"
        assert log.read_bytes()[SALTS] == salts
        assert checkpointer._checkpoint(mover)
        commit(writer, 3)
        assert log.read_bytes()[SALTS] != salts, "it does start again in between"


def test_a_checkpoint_that_had_nothing_to_move_moves_nothing(path, log, checkpointer):
    """Then nothing holds the log; so it may start again, but not be counted."""
    with closing(connect(path)) as writer, closing(connect(path)) as mover:
        commit(writer, 1)
        assert checkpointer._checkpoint(mover)
        salts, size = log.read_bytes()[SALTS], path.read_bytes()
        assert not checkpointer._checkpoint(Meddled(mover, lambda: commit(writer, 2)))
        assert log.read_bytes()[SALTS] != salts
        assert path.read_bytes() == size
        assert checkpointer._checkpoint(mover)
        assert path.read_bytes() != size


async def test_nothing_is_stored_behind_what_a_process_before_left(path, clock, log):
    """A program beside keeps the log alive from one agent to the next."""
    with closing(connect(path)) as beside:
        beside.execute("SELECT count(*) FROM boots").fetchone()
        commit(beside, 77)
        salts = log.read_bytes()[SALTS]
        spool = Spool.open(path, clock=clock, boot_id="next")
        assert log.read_bytes()[SALTS] == salts
        try:
            await append(spool, Delivery(serial="SN1", records=punches(range(3))))
            assert log.read_bytes()[SALTS] != salts
        finally:
            spool.close()


def test_after_a_failed_sync_no_other_program_may_keep_the_count_alive(path, log, monkeypatch):
    monkeypatch.setattr(failed_sync, "PATIENCE_S", 0.05)
    mark = path.with_name("spool.db.failed-sync")
    mark.touch()
    with closing(connect(path)) as beside:
        beside.execute("SELECT count(*) FROM boots").fetchone()
        with pytest.raises(SpoolLockedError) as refused:
            prepare(path)
        assert refused.value.code == "spool_in_use"
        assert mark.exists()
    prepare(path)
    assert not mark.exists()


def test_the_process_ends_with_a_word(path, log):
    script = (
        "import sys; from pathlib import Path; from edge_agent.spool.failed_sync import end_process;"
        "end_process(Path(sys.argv[1]), 'SQLITE_IOERR_FSYNC')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == failed_sync.EXIT_CODE == 74
    for words in (str(path), "SQLITE_IOERR_FSYNC", "dmesg"):
        assert words in done.stderr
    assert path.with_name("spool.db.failed-sync").exists()

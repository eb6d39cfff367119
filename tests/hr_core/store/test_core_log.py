"""Who moves the core's write-ahead log, when, and what must not happen meanwhile. (The power cut behind
a failed sync: tests/reliability/test_failed_sync.py.)
"""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa

from hr_core.store import checkpoint, database, failed_sync, log_mover
from hr_core.store.checkpoint import Checkpointer, connect, empty_log, wish_for_empty_log
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.errors import StorageBusyError
from hr_core.store.log_mover import serving, visiting

SALTS = slice(16, 24)  # in the head of the log: another value each time that it starts again
NEVER_S = 3_600.0
PAGE = 16_384


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "core.db"
    engine = open_database(f"sqlite:///{path}")
    initialise(engine)
    with writing(engine) as conn:
        conn.execute(sa.text("CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT)"))
    engine.dispose()
    return path


@pytest.fixture
def log(path):
    return path.with_name("core.db-wal")


@pytest.fixture
def engine(path):
    engine = open_database(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def checkpointer(path):
    with running(path) as found:
        yield found


@contextmanager
def running(path, **more):
    found = Checkpointer(path, **({"every_s": NEVER_S} | more))
    try:
        yield found
    finally:
        found.close()


def note(engine, number, size=10):
    with writing(engine) as conn:
        conn.execute(sa.text("INSERT INTO notes VALUES (:n, :t)"), {"n": number, "t": "x" * size})


def numbers(path):
    with closing(connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM notes ORDER BY number")]


class Meddled:
    """A connection, with something that happens at the moment at which its checkpoint begins."""

    def __init__(self, connection, meddle):
        self.connection, self.meddle = connection, meddle

    def execute(self, sql):
        if "wal_checkpoint" in sql:
            self.meddle()
        return self.connection.execute(sql)


def test_no_commit_moves_anything(path, engine, log):
    before = path.read_bytes()
    for number in range(100):
        note(engine, number, size=PAGE)
    assert log.stat().st_size > 100 * PAGE
    assert path.read_bytes() == before


def test_no_commit_starts_the_log_again_while_a_checkpoint_begins(path, engine, log, checkpointer):
    """SQLite's "WAL-reset bug" needs just that: https://www.sqlite.org/wal.html#walresetbug"""

    def meddle():
        with closing(connect(path)) as other:
            assert other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0
        note(engine, 2)

    note(engine, 1)
    with closing(connect(path)) as mover:
        salts = log.read_bytes()[SALTS]
        assert not checkpointer.move(Meddled(mover, meddle)), "the second commit is left"
        assert log.read_bytes()[SALTS] == salts
        assert checkpointer.move(mover)
    note(engine, 3)
    assert log.read_bytes()[SALTS] != salts, "it does start again in between"


def test_nor_at_the_moment_at_which_the_log_is_cut(path, engine, log):
    """Where SQLite does not get the writers' lock for that, it goes on as if it were PASSIVE."""
    note(engine, 1)
    salts = []

    def meddle():
        salts.append(log.read_bytes()[SALTS])
        note(engine, 2)
        salts.append(log.read_bytes()[SALTS])

    with closing(connect(path)) as mover:
        mover.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert empty_log(Meddled(mover, meddle), path)
    before, after = salts
    assert before == after
    assert log.stat().st_size == 0
    assert numbers(path) == [1, 2]


def test_a_long_log_is_cut_under_a_load_that_never_pauses(path, engine, log):
    with running(path, hard_bytes=10 * PAGE) as checkpointer, closing(connect(path)) as mover:
        longest = 0
        for number in range(60):
            # A commit comes in between, so that never all is moved.
            note(engine, 2 * number, size=PAGE)
            checkpointer.move(Meddled(mover, lambda n=number: note_once(engine, path, 2 * n + 1)))
            longest = max(longest, log.stat().st_size)
    assert longest < 40 * PAGE
    assert len(numbers(path)) == 120


def note_once(engine, path, number):
    if number not in numbers(path):
        note(engine, number)


def test_behind_a_reader_who_stays_commits_are_refused_in_the_end(path, engine, log, monkeypatch):
    monkeypatch.setattr(database, "LOG_MOST_BYTES", 30 * PAGE)
    with running(path, hard_bytes=10 * PAGE) as checkpointer, closing(connect(path)) as mover:
        mover.execute("PRAGMA busy_timeout = 1")
        with closing(connect(path)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM notes").fetchone()
            refused = grown_until_refused(engine, lambda: checkpointer.move(mover))
        assert refused.code == "storage_log_full"
        assert "lsof" in refused.remedy
        assert log.stat().st_size < 40 * PAGE
        assert empty_log(mover, path), "the reader has gone"
        note(engine, 1_000)


def grown_until_refused(engine, after_each):
    for number in range(100):
        try:
            note(engine, number, size=PAGE)
        except StorageBusyError as refused:
            return refused
        after_each()
    return pytest.fail("the log grows without an end")


def test_the_server_moves_what_commands_beside_it_wrote(path, engine, log, monkeypatch):
    monkeypatch.setattr(Checkpointer.__init__, "__kwdefaults__", KWDEFAULTS | {"every_s": 0.01})
    with serving(engine):
        note(engine, 1)
        beside = open_database(f"sqlite:///{path}")
        with visiting(beside) as empty_log_:
            note(beside, 2)
            assert empty_log_()
            assert log.stat().st_size == 0
            assert not wish_for_empty_log(path).exists()
    assert numbers(path) == [1, 2]


KWDEFAULTS = Checkpointer.__init__.__kwdefaults__

# Serves, and dies without closing anything when it is told to.
SERVER = """
import os, sys
from pathlib import Path
from hr_core.store.database import open_database, writing
from hr_core.store.log_mover import serving
import sqlalchemy as sa
engine = open_database(f"sqlite:///{sys.argv[1]}")
with serving(engine):
    with writing(engine) as conn:
        conn.execute(sa.text("INSERT INTO notes VALUES (1, 'one')"))
    print("serves", flush=True)
    sys.stdin.readline()
    os._exit(9)
"""


def test_a_command_does_not_move_the_log_of_a_server_that_died(path, log):
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout.readline() == "serves\n"
        engine = open_database(f"sqlite:///{path}")
        with visiting(engine):
            note(engine, 2)
            server.communicate("\n")
            assert server.returncode == 9
            note(engine, 3)
            before = path.read_bytes()
        assert path.read_bytes() == before
        assert log.stat().st_size > 0
    engine = open_database(f"sqlite:///{path}")
    with visiting(engine):  # alone: takes the log over, and leaves one file
        note(engine, 4)
    assert not log.exists()
    assert numbers(path) == [1, 2, 3, 4]


def test_one_serves_and_a_command_alone_is_waited_for(path, engine, monkeypatch):
    monkeypatch.setattr(log_mover, "WAITS_FOR_LOCK_S", 0.1)
    other = open_database(f"sqlite:///{path}")
    with visiting(engine):
        with pytest.raises(StorageBusyError) as refused, serving(other):
            pytest.fail("it is served beside a command that may move the log")
        assert refused.value.code == "storage_served"
    with serving(other):
        note(other, 1)


def test_after_a_failed_sync_no_other_program_may_keep_the_count_alive(path, engine, monkeypatch):
    monkeypatch.setattr(failed_sync, "PATIENCE_S", 0.05)
    mark = path.with_name("core.db.failed-sync")
    mark.touch()
    with closing(connect(path)) as beside:
        beside.execute("SELECT count(*) FROM notes").fetchone()
        with pytest.raises(StorageBusyError) as refused, visiting(engine):
            pytest.fail("it goes on behind a count that may be a lie")
        assert refused.value.code == "storage_in_use"
        assert mark.exists()
    with visiting(engine):
        assert not mark.exists()


def test_a_log_that_is_taken_over_is_written_again(path, engine, log, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(os.fstat(descriptor)))
    with closing(connect(path)) as beside:  # keeps the log from being moved at each close
        beside.execute("SELECT count(*) FROM notes").fetchone()
        with visiting(engine):
            note(engine, 1)
        assert not synced, "there was no log"
        found = log.stat()
        with visiting(engine):
            assert [(one.st_ino, one.st_size) for one in synced] == [(found.st_ino, found.st_size)]


def test_a_failing_checkpoint_is_told_once_and_tried_again(path, engine, caplog, monkeypatch):
    sound, tries = checkpoint.connect, []

    def broken(path):
        tries.append(path)
        if len(tries) < 4:
            raise sqlite3.OperationalError("no room")
        return sound(path)

    monkeypatch.setattr(checkpoint, "connect", broken)
    note(engine, 1, size=10 * PAGE)
    size = path.stat().st_size
    with running(path, every_s=0.01) as checkpointer:
        deadline = time.monotonic() + 30
        while (path.stat().st_size == size or checkpointer.failure) and time.monotonic() < deadline:
            time.sleep(0.002)  # noqa: TID251 - no loop here
        assert checkpointer.failure is None
    assert path.stat().st_size > size
    assert [record.args[1].args for record in caplog.records] == [("no room",)]


def test_the_process_ends_with_a_word(path):
    script = (
        "import sys; from pathlib import Path; from hr_core.store.failed_sync import end_process;"
        "end_process(Path(sys.argv[1]), 'SQLITE_IOERR_FSYNC')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == failed_sync.EXIT_CODE == 74
    for words in (str(path), "SQLITE_IOERR_FSYNC", "dmesg"):
        assert words in done.stderr
    assert path.with_name("core.db.failed-sync").exists()

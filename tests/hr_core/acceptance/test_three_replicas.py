"""N7: three PostgreSQL servers in step; the first one dies with its disk, and no committed row is lost.

They stand on one machine here: what is shown is that the core promises nothing before two others hold
it too, not that a data centre may burn.
"""

import shutil
import threading
from datetime import UTC, datetime

import pytest

from hr_core.audit import log
from hr_core.errors import CoreError
from hr_core.store.database import initialise, open_database, writing
from tests.postgres_server import PASSWORD, USER, PostgresServer

NOW = datetime(2026, 11, 22, tzinfo=UTC)
COPIES = ("copy_1", "copy_2")

pytestmark = pytest.mark.slow


class Standby(PostgresServer):
    """A copy of `source`, which streams what is committed there. Without fsync, as all servers of the
    tests: processes are killed here, machines lose no power.
    """

    def __init__(self, source, name):
        super().__init__()
        address = f"host=127.0.0.1 port={source.port} user={USER} password={PASSWORD}"
        self._run(
            "pg_basebackup", "-D", self.folder / "data", "--checkpoint=fast", "--no-sync", "-R",
            "-d", f"{address} application_name={name}",
        )  # fmt: skip
        self.start()

    def promote(self):
        self._run("pg_ctl", "-D", self.folder / "data", "--wait", "promote")


@pytest.fixture
def three():
    """(the first, its copies): a commit is answered when both copies have written it, too."""
    first = PostgresServer(settings={"wal_level": "replica"})
    copies = []
    try:
        first.create()
        first.start()
        copies += [Standby(first, name) for name in COPIES]
        first.admin(f"ALTER SYSTEM SET synchronous_standby_names = 'ANY 2 ({', '.join(COPIES)})'")
        first.admin("SELECT pg_reload_conf()")
        yield first, copies
    finally:
        for server in (first, *copies):
            server.remove()


def rows_of(url):
    engine = open_database(url)
    with engine.connect() as conn:
        assert log.verify(conn).faults == ()
        found = [row.subject for row in log.entries(conn)]
    engine.dispose()
    return found


@pytest.fixture
def core(three):
    """(URL of the core, its engine)"""
    first, _ = three
    database = first.new_database()
    engine = open_database(first.url(database))
    initialise(engine)
    yield database, engine
    engine.dispose()


def write(engine, subject):
    with writing(engine) as conn:
        log.append(conn, NOW, "ann", "test.write", subject, None, {}, "")


def test_while_a_copy_is_away_nothing_is_promised(three, core):
    _, copies = three
    _, engine = core
    copies[1].stop()
    writer = threading.Thread(target=write, args=(engine, "row"))
    writer.start()
    writer.join(1)
    assert writer.is_alive(), "answered although only one copy holds it"
    copies[1].start()
    writer.join(30)
    assert not writer.is_alive()


def test_the_first_one_is_lost_and_every_committed_row_is_there(three, core):
    first, copies = three
    database, engine = core
    committed = [f"row {n}" for n in range(40)]
    for subject in committed:
        write(engine, subject)
    first.stop()  # killed, and its disk with it
    shutil.rmtree(first.folder / "data")
    with pytest.raises(CoreError):
        write(engine, "row of nobody")
    for copy in copies:
        copy.promote()
        assert rows_of(copy.url(database))[-len(committed) :] == committed
    again = open_database(copies[0].url(database))
    write(again, "after")
    again.dispose()
    assert rows_of(copies[0].url(database))[-1] == "after"

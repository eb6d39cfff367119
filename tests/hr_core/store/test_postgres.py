"""What is PostgreSQL's own: a server that goes away, refuses, is full; and passwords nobody sees."""

import threading

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from hr_core.store import database
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.errors import StorageBusyError, StorageError
from hr_core.store.events import count_events, gateways
from hr_core.store.postgres import sick_postgres
from tests.hr_core.conftest import CoreServer, opened
from tests.hr_core.ingest.batch_samples import NOW, punch_batch
from tests.hr_core.signed_batches import ingest
from tests.postgres_server import PASSWORD, USER, postgres_server

GATEWAY_ROW = {"name": "g", "site": "s", "created_at": NOW}


@pytest.fixture
def core_url(postgres_core):
    with postgres_core.database() as url:
        yield url


@pytest.fixture
def core(core_url):
    with opened(core_url) as engine:
        yield engine


@pytest.fixture(scope="module")
def own_server():
    """One that a test may stop."""
    with postgres_server() as server:
        yield CoreServer(server)


def shown(engine, name):
    with engine.connect() as conn:
        return conn.exec_driver_sql(f"SHOW {name}").scalar_one()


def kill_sessions(url):
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def punches(engine):
    with engine.connect() as conn:
        return count_events(conn)["punch"]


def test_each_session_is_prepared(core):
    for _ in range(2):
        assert shown(core, "lock_timeout") == "10s"
        assert shown(core, "tcp_keepalives_idle") == "30"
        assert shown(core, "transaction_isolation") == "repeatable read"
        assert shown(core, "application_name") == "hr-core"
        core.dispose()


def test_a_promise_is_kept_where_the_database_was_set_to_break_it(core_url, core):
    with psycopg.connect(core_url, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
        try:
            with psycopg.connect(core_url) as control:
                assert control.execute("SHOW synchronous_commit").fetchone() == ("off",)
            assert shown(core, "synchronous_commit") == "on"
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} RESET synchronous_commit").format(name))


def test_the_short_address_takes_our_driver():
    assert open_database("postgresql://u@h/hr").url.drivername == "postgresql+psycopg"


def test_a_session_that_was_ended_is_replaced_unseen(core_url, core):
    ingest(core, punch_batch(2))
    kill_sessions(core_url)
    ingest(core, punch_batch(2, first=2, number=2))
    assert punches(core) == 4


def test_a_connection_lost_in_a_write_is_blamed_and_nothing_stays(core_url, core):
    def lose_it():
        with writing(core) as conn:
            conn.execute(gateways.insert().values(**GATEWAY_ROW))
            kill_sessions(core_url)
            conn.execute(sa.select(gateways)).all()

    with pytest.raises(StorageError) as caught:
        lose_it()
    assert caught.value.code in {"storage_failed", "storage_unreachable"}
    with core.connect() as conn:
        assert conn.execute(sa.select(gateways)).all() == []


def test_a_connection_lost_in_a_copy_is_blamed_and_the_batch_may_come_again(
    core_url, core, monkeypatch
):
    from hr_core.store import event_inserts

    def rows_of(rows):
        yield from rows[:1]
        kill_sessions(core_url)
        yield from rows[1:] * 20_000  # more than any buffer on the way

    class Dying(list):
        def __iter__(self):
            return rows_of(self[:])

    add = event_inserts.add_new_events
    with monkeypatch.context() as patched:
        patched.setattr("hr_core.ingest.storing.add_new_events", lambda c, r: add(c, Dying(r)))
        with pytest.raises(StorageError) as caught:
            ingest(core, punch_batch(5))
    assert caught.value.code in {"storage_failed", "storage_unreachable"}
    assert punches(core) == 0
    ingest(core, punch_batch(5))
    assert punches(core) == 5


def test_a_stopped_server_is_named_without_its_password_and_answers_after_its_return(own_server):
    with own_server.database() as url, opened(url) as engine:
        ingest(engine, punch_batch(2))
        own_server.server.stop()
        for work in (lambda: ingest(engine, punch_batch(2, first=2, number=2)), engine.connect):
            with pytest.raises(StorageError) as caught:
                work()
            assert caught.value.code == "storage_unreachable"
            assert "gateways keep their records" in caught.value.remedy
            assert PASSWORD not in str(caught.value)
            assert USER in str(caught.value)
        own_server.server.start()
        ingest(engine, punch_batch(2, first=2, number=2))
        assert punches(engine) == 4


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (PASSWORD, "wrong-password", "storage_unreachable"),
        ("/test_", "/no_such_", "storage_unreachable"),
    ],
)
def test_who_is_not_let_in_reads_why(core_url, old, new, code):
    with opened(core_url.replace(old, new)) as engine:
        with pytest.raises(StorageError) as caught:
            initialise(engine)
        assert caught.value.code == code
        assert "wrong-password" not in str(caught.value)
        assert PASSWORD not in str(caught.value)


def test_a_user_who_may_not_create_tables_reads_why(postgres_core):
    with postgres_core.new_database() as url:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        try:
            with opened(url.replace(f"{USER}:{PASSWORD}", "guest:guest")) as engine:
                with pytest.raises(StorageError, match="permission denied") as caught:
                    initialise(engine)
                assert caught.value.code == "storage_refused"
        finally:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute("DROP ROLE guest")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (psycopg.errors.DiskFull, StorageError, "storage_full"),
        (psycopg.errors.SerializationFailure, StorageBusyError, "storage_busy"),
        (psycopg.errors.DeadlockDetected, StorageBusyError, "storage_busy"),
        (psycopg.errors.LockNotAvailable, StorageBusyError, "storage_busy"),
        (psycopg.errors.TooManyConnections, StorageBusyError, "storage_busy"),
        (psycopg.errors.CannotConnectNow, StorageBusyError, "storage_busy"),
        (psycopg.errors.AdminShutdown, StorageError, "storage_failed"),
        (psycopg.errors.ReadOnlySqlTransaction, StorageError, "storage_failed"),
        (psycopg.errors.DataCorrupted, StorageError, "storage_failed"),
        (psycopg.errors.IoError, StorageError, "storage_failed"),
        (psycopg.OperationalError, StorageError, "storage_unreachable"),
    ],
)
def test_what_ails_the_server_has_a_word_for_programs(error, kind, code):
    sick = sick_postgres(error("some words\nand a detail"), "database x")
    assert type(sick) is kind
    assert sick.code == code
    assert "\n" not in str(sick)


@pytest.mark.parametrize(
    "error",
    [psycopg.errors.UniqueViolation, psycopg.errors.SyntaxError, psycopg.InterfaceError, OSError],
)
def test_our_own_mistakes_are_not_blamed_on_the_server(error):
    assert sick_postgres(error("ours"), "database x") is None


def test_a_limit_of_the_server_is_blamed_on_the_server(core):
    """Of room for temporary files: a disk that is full would need a disk of its own."""
    with core.connect() as conn:
        conn.exec_driver_sql("SET temp_file_limit = 0")
        conn.commit()
        with pytest.raises(StorageError) as caught:
            conn.exec_driver_sql(
                "SET LOCAL work_mem = '64kB'; "
                "SELECT count(*) FROM (SELECT n FROM generate_series(1, 100000) n ORDER BY -n) s"
            ).all()
    assert caught.value.code == "storage_failed"


def test_a_writer_that_waits_too_long_goes_away_busy(core, core_url, monkeypatch):
    """From another program, as hr-core beside the server is."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    held, done = threading.Event(), threading.Event()

    def hold():
        with opened(core_url) as other, writing(other):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        with pytest.raises(StorageBusyError) as caught:
            ingest(core, punch_batch(1))
        assert caught.value.code == "storage_busy"
    finally:
        done.set()
        holder.join()
    ingest(core, punch_batch(1))
    assert punches(core) == 1


def test_an_address_may_name_a_socket_and_what_else_libpq_knows(postgres_core, core_url):
    server = postgres_core.server
    by_socket = core_url.replace(f"127.0.0.1:{server.port}", "")
    with opened(f"{by_socket}?host={server.folder}&port={server.port}&sslmode=prefer") as engine:
        ingest(engine, punch_batch(1))
        assert punches(engine) == 1

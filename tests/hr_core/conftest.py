"""Databases of both kinds: what hr_core stores is tested on SQLite and on PostgreSQL."""

import contextlib

import psycopg
import pytest

from hr_core.store import all_tables
from hr_core.store.database import initialise, metadata, open_database, schema_version
from tests.postgres_server import postgres_server

assert all_tables  # imported for the tables it defines

DATABASES = ("sqlite", "postgresql")


@contextlib.contextmanager
def opened(url):
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def guards_in(connection):
    query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname"
    return connection.execute(query).fetchall()


class CoreServer:
    """A PostgreSQL whose databases are emptied and used again: 5 ms where a new one takes 150."""

    def __init__(self, server):
        self.server = server
        self._template = server.new_database()
        with opened(server.url(self._template)) as engine:
            initialise(engine)
        self._free = []
        with psycopg.connect(server.url(self._template)) as connection:
            self._guards = guards_in(connection)

    @contextlib.contextmanager
    def database(self):
        """The URL of an initialised one, whose tables are not to be changed. One whose guards a test
        took away is not used again.
        """
        name = self._free.pop() if self._free else self.server.new_database(self._template)
        yield self.server.url(name)
        with psycopg.connect(self.server.url(name), autocommit=True) as connection:
            connection.execute(_EMPTY)
            whole = guards_in(connection) == self._guards
        if whole:
            self._free.append(name)
        else:
            self.server.drop(name)

    @contextlib.contextmanager
    def new_database(self):
        """The URL of one without tables."""
        name = self.server.new_database()
        yield self.server.url(name)
        self.server.drop(name)


_DELETE = [
    str(table.delete()) for name, table in metadata.tables.items() if name != schema_version.name
]
_EMPTY = f"""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET session_replication_role = replica; -- whatever refers to whatever
    {"; ".join(_DELETE)};
    SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'
"""  # noqa: S608 - our own names


@pytest.fixture(scope="session")
def postgres_core():
    with postgres_server() as server:
        yield CoreServer(server)


@pytest.fixture(params=DATABASES)
def database_kind(request):
    return request.param


@pytest.fixture
def new_database_url(database_kind, request, tmp_path):
    """Of a database without tables."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/core.db"
        return
    with request.getfixturevalue("postgres_core").new_database() as url:
        yield url


@pytest.fixture
def database_url(database_kind, request, tmp_path):
    """Of an initialised database."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path}/core.db"
        with opened(url) as engine:
            initialise(engine)
        yield url
        return
    with request.getfixturevalue("postgres_core").database() as url:
        yield url


@pytest.fixture
def engine(database_url):
    """Of an initialised database, SQLite and PostgreSQL."""
    with opened(database_url) as engine:
        yield engine


@pytest.fixture
def fresh_core(database_kind, request):
    """A context in which there is an engine of an empty core: for tests that need many."""

    @contextlib.contextmanager
    def make():
        if database_kind == "sqlite":
            with opened("sqlite://") as engine:
                initialise(engine)
                yield engine
            return
        with request.getfixturevalue("postgres_core").database() as url, opened(url) as engine:
            yield engine

    return make


@pytest.fixture
def sqlite_engine(tmp_path):
    """For what is SQLite's own: its files, its log, its pragmas."""
    with opened(f"sqlite:///{tmp_path}/core.db") as engine:
        initialise(engine)
        yield engine

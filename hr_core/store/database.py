"""The core's database: one SQLAlchemy Core metadata, SQLite by default, portable SQL.

Every module of hr_core defines its tables on `metadata`. Writers go through `writing`, one at a time
on both databases: on SQLite it takes the write lock at BEGIN, because a transaction that reads first
and writes later fails at once when another writer came between, whatever the busy time-out; on
PostgreSQL an advisory lock (postgres.py). Readers see one moment from their first statement to
their last.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from typing_extensions import override

from hr_core.store import failed_sync, postgres
from hr_core.store.errors import SchemaVersionError, StorageBusyError, StorageError

# Longer than the slowest month-close write seen, shorter than a gateway's HTTP time-out (30 s),
# so that a gateway hears "keep" instead of nothing.
BUSY_TIMEOUT_MS = 10_000

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


@sa.event.listens_for(sa.Table, "after_parent_attach")
def _sort_by_code_point(table: sa.Table, parent: sa.MetaData) -> None:
    for column in table.columns if parent is metadata else ():
        if type(column.type) is sa.Text:
            column.type = postgres.TEXT


schema_version = sa.Table(
    "schema_version",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

_MIGRATIONS = Path(__file__).with_name("migrations") / "versions"
# Of the newest migration: 0003_attendance.py brings a database to version 3.
SCHEMA_VERSION = max(int(file.name[:4]) for file in _MIGRATIONS.glob("[0-9]*.py"))

# A row of raw_events has some 350 bytes. Four times SQLite's default takes a third off the commit of
# a batch; a single punch costs some five such pages of log, 80 kB.
_PAGE_BYTES = 16_384

# The write-ahead log is cut at 64 MiB (checkpoint.py) unless somebody reads from it for hours. That
# must not fill the disk for everybody: past this, gateways keep what they have.
LOG_MOST_BYTES = 1024 * 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRITE = "clockline_write"
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SICK = _BUSY | {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


class UtcInstant(sa.TypeDecorator[datetime]):
    """An aware UTC instant, stored as int64 microseconds since 1970.

    SQLite's own DateTime drops the zone without a word; an integer cannot be misread, sorts, and
    loads straight into a packed int64 key.
    """

    impl = sa.BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    @override
    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


def to_microseconds(instant: datetime) -> int:
    """Raises TypeError for a naive datetime."""
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    return _EPOCH + value * _MICROSECOND


def open_database(url: str) -> sa.Engine:
    """An engine for `url` (`sqlite:////var/lib/clockline/core.db`, `postgresql://user@host/name`);
    touches no file and no server yet. What ails the database is raised as StorageError.

    Raises sqlalchemy.exc.ArgumentError for another database or driver.
    """
    address = sa.make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername=postgres.DRIVER)
    if address.drivername == postgres.DRIVER:
        engine = _postgres_engine(address)
    elif address.get_backend_name() == "sqlite":
        engine = sa.create_engine(address, hide_parameters=True)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        sa.event.listen(engine, "handle_error", _end_after_failed_sync)
    else:
        raise sa.exc.ArgumentError(f"no core runs on {address.drivername}")
    sa.event.listen(engine, "handle_error", _blame_database)
    return engine


def _postgres_engine(address: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        address,
        # Amounts and bank accounts are among them, and errors reach logs.
        hide_parameters=True,
        connect_args=postgres.connect_arguments(),
        isolation_level="REPEATABLE READ",
        # The server may have been restarted since: a request must not fail for that.
        pool_pre_ping=True,
    )
    sa.event.listen(engine, "connect", _prepare_postgres)
    sa.event.listen(engine, "begin", _begin_postgres)
    return engine


def database_file(engine: sa.Engine) -> Path | None:
    """None for another database, and for one in memory."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or name in {None, "", ":memory:"}:
        return None
    return Path(str(name))


def initialise(engine: sa.Engine) -> int | None:
    """Creates the tables in an empty database; brings an older one to this schema (migrate.py).

    Returns the version that it had, None for an empty one. Only tables whose modules were imported
    are known: the command line imports all of them. Raises SchemaVersionError, StorageError.
    """
    with writing(engine) as conn:
        found = stored_version(conn)
        if found is None:
            metadata.create_all(conn)
            conn.execute(schema_version.insert().values(id=1, version=SCHEMA_VERSION))
    if found is not None and found < SCHEMA_VERSION:
        from hr_core.store.migrate import migrate  # noqa: PLC0415 - Alembic takes 0.2 s to load

        migrate(engine)
    elif found is not None and found > SCHEMA_VERSION:
        raise SchemaVersionError(where=describe(engine), found=found, expected=SCHEMA_VERSION)
    return found


def stored_version(conn: sa.Connection) -> int | None:
    """The schema of the database; None when no core has written to it."""
    if not sa.inspect(conn).has_table(schema_version.name):
        return None
    found: int = conn.execute(sa.select(schema_version.c.version)).scalar_one()
    return found


@contextmanager
def writing(engine: sa.Engine, *, checks_references: bool = True) -> Iterator[sa.Connection]:
    """A write transaction: commits at the end, rolls back on an error. One writer at a time.

    Without `checks_references` SQLite leaves foreign keys alone (PostgreSQL never does).

    Raises StorageBusyError, StorageError.
    """
    _refuse_endless_log(engine)
    with engine.connect() as conn:
        options: dict[str, object] = {_WRITE: True}
        if engine.dialect.name == "postgresql":
            options["isolation_level"] = "READ COMMITTED"  # see postgres.lock_out_writers
        conn.execution_options(**options)
        if not checks_references:
            _check_references(conn, on=False)
        try:
            with conn.begin():
                yield conn
        finally:
            if not checks_references:
                _check_references(conn, on=True)


def insert_or_ignore(conn: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT that leaves a row alone whose key is there already; its `rowcount` says which it was."""
    if conn.dialect.name == "postgresql":
        insert = postgresql.insert(table).on_conflict_do_nothing()
        return insert.execution_options(preserve_rowcount=True)
    return sqlite.insert(table).on_conflict_do_nothing()


def describe(engine: sa.Engine) -> str:
    """For messages: the database's address without its password."""
    return f"database {shown(engine.url)}"


def shown(url: sa.URL) -> str:
    """Without passwords, also of those that stand behind the question mark."""
    hidden = {name: "***" for name in url.query if "password" in name.lower()}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # None: the module must not begin transactions behind SQLAlchemy's back (see _begin_sqlite).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a file that is yet to be made
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: an answer to a gateway is a promise; NORMAL loses the last commits on a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # A batch of 5,000 rows is 2 MB; SQLite's default would write it to the log while it comes.
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # one thread does: checkpoint.py


def _begin_sqlite(conn: sa.Connection) -> None:
    write = conn.get_execution_options().get(_WRITE, False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _check_references(conn: sa.Connection, *, on: bool) -> None:
    """Outside of a transaction: inside of one SQLite ignores it without a word."""
    raw = conn.connection.dbapi_connection
    if conn.dialect.name == "sqlite" and raw is not None:
        raw.cursor().execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")


def _prepare_postgres(connection: Any, _record: Any) -> None:
    postgres.prepare_session(connection, busy_timeout_ms=BUSY_TIMEOUT_MS)


def _begin_postgres(conn: sa.Connection) -> None:
    if conn.get_execution_options().get(_WRITE, False):
        postgres.lock_out_writers(conn)


def _end_after_failed_sync(context: sa.engine.ExceptionContext) -> None:
    exc, engine = context.original_exception, context.engine
    if failed_sync.is_failed_sync(exc) and engine is not None:
        path = database_file(engine)
        assert path is not None  # noqa: S101 - memory is not synced
        failed_sync.end_process(path, "SQLITE_IOERR_FSYNC")


def _blame_database(context: sa.engine.ExceptionContext) -> None:
    """Raises StorageError for what is no mistake of the statement."""
    exc, engine = context.original_exception, context.engine
    if engine is None:
        return
    sick = None
    if engine.dialect.name == "postgresql":
        sick = postgres.sick_postgres(exc, describe(engine))
    elif _primary_code(exc) in _SICK:
        sick = sick_database(engine, exc)
    if sick is not None:
        raise sick


def _refuse_endless_log(engine: sa.Engine) -> None:
    path = database_file(engine)
    if path is None:
        return
    try:
        size = path.with_name(f"{path.name}-wal").stat().st_size
    except FileNotFoundError:
        return
    if size > LOG_MOST_BYTES:
        raise StorageBusyError(
            f"its write-ahead log has grown to {size // 2**20} MiB: a program reads from the "
            "database without an end, or hr-core serve does not run",
            where=describe(engine),
            remedy=f"End that program (lsof {path} names it); the log is cut within seconds then",
            code="storage_log_full",
        )


def sick_database(engine: sa.Engine, exc: BaseException | None) -> StorageError:
    """What SQLite raised, for people and gateways."""
    where = describe(engine)
    primary = _primary_code(exc)
    if primary in _BUSY:
        return StorageBusyError(
            "another writer holds the database",
            where=where,
            remedy="It is tried again by itself; if it repeats, look for a long-running command",
            code="storage_busy",
        )
    if primary == sqlite3.SQLITE_FULL:
        return StorageError(
            "the disk is full",
            where=where,
            remedy="Free space on that disk; gateways keep their records and send them again",
            code="storage_full",
        )
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StorageError(
            f"it is not a sound core database ({exc})",
            where=where,
            remedy="Point --db or CLOCKLINE_DB at the right file, or restore this one from a backup",
            code="storage_failed",
        )
    return StorageError(
        f"the database failed ({exc})",
        where=where,
        remedy="Check that the folder exists, its owner and permissions, and the disk",
        code="storage_failed",
    )


def _primary_code(exc: BaseException | None) -> int:
    """SQLite's primary result code; 0 for another database."""
    code: int = getattr(exc, "sqlite_errorcode", 0)
    return code & 0xFF

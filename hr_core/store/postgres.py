"""What PostgreSQL needs where SQLite needs something else: sessions, the writers' lock, its failures."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from typing_extensions import override

from hr_core.store.errors import StorageBusyError, StorageError

DRIVER = "postgresql+psycopg"


class _Text(sa.TypeDecorator[str]):
    """As SQLite keeps texts: sorted by code point, whatever the language of the server, so that lists
    come in one order everywhere. PostgreSQL holds no NUL; whoever looks for one finds nothing.
    """

    impl = postgresql.TEXT
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value.replace("\0", "\ufffd") if value and "\0" in value else value


TEXT = sa.Text().with_variant(_Text(collation="C"), "postgresql")

# Any number that no other program in this database uses for an advisory lock.
_WRITERS_LOCK = int.from_bytes(b"clckline", "big")

# A machine that lost its power in a write transaction must not keep the others from writing for two
# hours, which is how long Linux waits by itself.
_SILENCE_S = 30
_PROBES = 3
_PROBE_S = 10
_CONNECTS_WITHIN_S = 10

_BUSY = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "55P03",  # lock_not_available
        "57014",  # query_canceled: a time-out of the server's own settings
        "57P03",  # cannot_connect_now: it starts, or recovers
    }
)
_FULL = "53100"
_NOT_ALLOWED = frozenset({"28000", "28P01", "3D000", "42501"})
_READ_ONLY = "25006"
# 08 connection, 53 resources, 57P operator, 58 outside of PostgreSQL, XX internal or corrupted
_SICK_CLASSES = ("08", "53", "57P", "58", "XX")


def connect_arguments() -> dict[str, object]:
    return {
        "application_name": "hr-core",
        "connect_timeout": _CONNECTS_WITHIN_S,
        "keepalives_idle": _SILENCE_S,
        "keepalives_interval": _PROBE_S,
        "keepalives_count": _PROBES,
    }


def prepare_session(connection: Any, *, busy_timeout_ms: int) -> None:
    """Of a new psycopg connection. The server's side gets the same patience as ours."""
    settings = {
        "lock_timeout": busy_timeout_ms,
        "tcp_keepalives_idle": _SILENCE_S,
        "tcp_keepalives_interval": _PROBE_S,
        "tcp_keepalives_count": _PROBES,
    }
    connection.autocommit = True
    for name, value in settings.items():
        connection.execute(f"SET {name} = {value}")
    # An answer to a gateway is a promise: what a role or database was set to must not undo it.
    if connection.execute("SHOW synchronous_commit").fetchone()[0] == "off":
        connection.execute("SET synchronous_commit = on")
    connection.autocommit = False


def lock_out_writers(conn: sa.Connection) -> None:
    """Until the end of the transaction, which must be READ COMMITTED: then each statement behind
    this one sees what the last writer has left, and nothing can fail to serialize.
    """
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")


def sick_postgres(exc: BaseException | None, where: str) -> StorageError | None:
    """None: wrong SQL or a broken constraint, which is our mistake."""
    import psycopg  # noqa: PLC0415 - sites on SQLite need not load it

    if isinstance(exc, psycopg.Error) and exc.sqlstate is not None:
        return _as_the_server_says(exc.sqlstate, _first_line(exc), where)
    if isinstance(exc, psycopg.OperationalError):  # libpq's own
        return StorageError(
            f"there is no connection to the server ({_first_line(exc)})",
            where=where,
            remedy="Check that PostgreSQL runs there and takes connections from this machine, and "
            "user and password; gateways keep their records meanwhile",
            code="storage_unreachable",
        )
    return None


def _as_the_server_says(state: str, words: str, where: str) -> StorageError | None:
    if state in _BUSY:
        return StorageBusyError(
            f"the server is busy ({words})",
            where=where,
            remedy="It is tried again by itself; if it repeats, look for a long-running command",
            code="storage_busy",
        )
    if state == _FULL:
        return StorageError(
            "the disk of the server is full",
            where=where,
            remedy="Free space on that disk; gateways keep their records and send them again",
            code="storage_full",
        )
    if state in _NOT_ALLOWED:
        return StorageError(
            f"the server refuses ({words})",
            where=where,
            remedy="Check user, password and the name of the database; the user must own it "
            "(docs/core-database.md)",
            code="storage_refused",
        )
    if state == _READ_ONLY or state.startswith(_SICK_CLASSES):
        return StorageError(
            f"the database failed ({words})",
            where=where,
            remedy="Look at the log of the PostgreSQL server; a standby takes no writes",
            code="storage_failed",
        )
    return None


def _first_line(exc: BaseException) -> str:
    return str(exc).partition("\n")[0].strip() or type(exc).__name__

"""Rows into raw_events, each unless its id is there: past SQLAlchemy, whose own insert takes three
times as long for a row as the database does.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from hr_core.store.database import describe
from hr_core.store.event_rows import EventRow
from hr_core.store.events import raw_events
from hr_core.store.postgres import sick_postgres

_COLUMNS = ", ".join(raw_events.columns.keys())
_INTO_SQLITE = (
    f"INSERT INTO raw_events ({_COLUMNS}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' * len(raw_events.columns))}) ON CONFLICT DO NOTHING"
)
# Of a few hundred rows the processor still has at hand what was made of them: of 5,000 at once, the
# insert takes a tenth longer.
_ROWS_AT_A_TIME = 250

# COPY is the fastest way into PostgreSQL, and the only one that cannot leave out what is there: so it
# fills a table of the session's own, which every COMMIT empties and which is never synced.
_MAKE_ROOM = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_events (LIKE raw_events) ON COMMIT DELETE ROWS"
)
_COPY = f"COPY incoming_events ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_TAKE_OVER = (
    f"INSERT INTO raw_events ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming_events "  # noqa: S608 - as above
    "ON CONFLICT DO NOTHING"
)

# A binary COPY converts nothing: each field must come as its column's type.
_TYPE_NAMES = {sa.LargeBinary: "bytea", sa.Integer: "int4"}
_TYPES = [
    "text" if isinstance(column.type, sa.Text) else _TYPE_NAMES.get(type(column.type), "int8")
    for column in raw_events.columns
]


def add_new_events(conn: sa.Connection, rows: Sequence[EventRow]) -> int:
    """Adds those whose id is not here; returns how many. In the caller's write transaction."""
    if not rows:
        return 0
    if conn.dialect.name == "postgresql":
        return _copy(conn, rows)
    return sum(
        conn.exec_driver_sql(_INTO_SQLITE, _bound(rows[start : start + _ROWS_AT_A_TIME])).rowcount
        for start in range(0, len(rows), _ROWS_AT_A_TIME)
    )


def _bound(rows: Sequence[EventRow]) -> list[tuple[object, ...]]:
    """As sqlite3 takes them fastest: plain tuples, because the fields of any other sequence it takes
    one call at a time (1 us a row), and bytearrays, because for each `bytes` it first looks for
    somebody who adapts it (0.2 us a value). Both are stored as blobs.
    """
    return [
        (
            bytearray(event_id), kind, device, user_id, at, zone, received_at, clock_offset_ms,
            flags, gateway, batch, position, bytearray(salt), ingested_at, bytearray(body),
            bytearray(raw),
        )
        for (
            event_id, kind, device, user_id, at, zone, received_at, clock_offset_ms,
            flags, gateway, batch, position, salt, ingested_at, body, raw,
        ) in rows
    ]  # fmt: skip


def _copy(conn: sa.Connection, rows: Sequence[EventRow]) -> int:
    import psycopg  # noqa: PLC0415 - sites on SQLite need not load it
    from psycopg.types.string import BytesBinaryDumper  # noqa: PLC0415 - as above

    conn.exec_driver_sql(_MAKE_ROOM)
    cursor: Any = conn.connection.cursor()
    # Of those that know bytea psycopg takes the one that was registered last, and that is a slow one.
    cursor.adapters.register_dumper(bytes, BytesBinaryDumper)
    try:
        with cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            write = copy.write_row
            for row in rows:
                write(row)
    except psycopg.Error as exc:  # SQLAlchemy, which tells database._blame_database, saw nothing
        sick = sick_postgres(exc, describe(conn.engine))
        if sick is None:
            raise
        raise sick from exc
    finally:
        cursor.close()
    return conn.exec_driver_sql(_TAKE_OVER).rowcount

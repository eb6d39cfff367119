"""The ledger of a spool, read beside a running agent, with nothing but the standard library.

`edge-agent status` must answer in a blink, so this module imports neither msgspec nor pydantic nor
asyncio (specs/perf/baseline.md 8); the file describes itself (table `lanes`).
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.spool.completeness import Completeness, completeness
from edge_agent.spool.errors import SpoolError, storage_error

# What the tables read here mean; a test holds it to the number of migrations.
KNOWN_SCHEMA = 5

_BUSY_TIMEOUT_S = 2.0
# What a reader gets that cannot create the files of the write-ahead log beside the database.
_CANNOT_MAKE_LOG = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DEVICES = """
    SELECT device, serial, name, on_device, log_rows, received, stored, known, quarantined,
        quarantined_again, deleted, thinned, last_fetch_at
    FROM devices ORDER BY name, serial"""

# As page_body.py has it; a test holds them equal.
MAX_PAGE_ROWS = 5_000

_BACKLOG = f"""
    SELECT sinks.sink, lanes.name,
        (SELECT coalesce(sum(last_arrival - max(first_arrival, sinks.position + 1) + 1), 0)
            FROM pages WHERE pages.lane = sinks.lane AND last_arrival > sinks.position
            AND first_arrival > sinks.position - {MAX_PAGE_ROWS})
        + (SELECT count(*) FROM unsettled
            WHERE unsettled.sink = sinks.sink AND unsettled.lane = sinks.lane)
    FROM sinks JOIN lanes USING (lane) ORDER BY sinks.sink, lanes.lane"""  # noqa: S608 - our own number


# Exports beside the core have their own pace; what they lack is no doubt in what the core has.
_CORE = "core"

# Pages are numbered as they arrive.
_OLDEST = """
    SELECT (SELECT received_at FROM pages ORDER BY first_arrival LIMIT 1)"""

_REPLACEMENTS = """
    SELECT name, old, new, ordered_at, ordered_by, settled_at FROM replacements ORDER BY id"""


def read_ledger(path: Path) -> dict[str, Any]:
    """The counters of a spool file, from one snapshot. Raises SpoolError.

    schema, file_bytes, oldest_received_at (of the rows that are here), quarantined (rows),
    dead_letters {sink: rows}, backlog {sink: {lane: rows}}, given_up {sink: rows},
    positions {sink: the last arrival that it has settled}
    devices: list of
        name, serial
        on_device          what the device counted at the last whole read of its log, or None
        fetched            rows of its log that were read: in that whole read when there was one,
                           else all that it ever sent, each once
        stored             events of it that are here or were
        acked_by           {sink: events that the sink has (accepted or duplicate)}
        acked              the core's; without a core the smallest, 0 without any sink
        received = stored + known + quarantined + quarantined_again (rows handed over, ever)
        deleted, thinned   of the stored: rows that went by age or for room, readings thinned
        complete_until, held_by  at the core, see completeness.py; ISO 8601 UTC or None, word or None
        last_fetch_at      ISO 8601 UTC or None
    replacements: list of name, old, new (serials), ordered_at, ordered_by, settled_at (None until a
        unit was read after the order), in the order of the orders
    """
    try:
        with closing(open_ledger(path)) as connection:
            connection.execute("BEGIN")
            return {"schema": KNOWN_SCHEMA, **ledger(connection), "file_bytes": file_bytes(path)}
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc


def open_ledger(path: Path) -> sqlite3.Connection:
    """A read-only connection to a spool of the schema known here. Raises SpoolError and
    sqlite3.Error.
    """
    if not path.is_file():
        raise SpoolError(
            "there is no spool",
            where=str(path),
            remedy="Start the agent once, or name the site file whose spool you mean",
            code="spool_missing",
        )
    connection = _open(path)
    schema = connection.execute("PRAGMA user_version").fetchone()[0]
    if schema == KNOWN_SCHEMA:
        return connection
    connection.close()
    raise SpoolError(
        f"the file has schema {schema}, this command reads schema {KNOWN_SCHEMA}",
        where=str(path),
        remedy="Use the edge-agent command of the version that runs here",
        code="spool_schema_newer" if schema > KNOWN_SCHEMA else "spool_schema_older",
    )


def ledger(connection: sqlite3.Connection) -> dict[str, Any]:
    """The counters, see `read_ledger`. The caller holds a transaction, so that they agree."""
    backlog: dict[str, dict[str, int]] = {}
    for sink, lane, rows in connection.execute(_BACKLOG):
        backlog.setdefault(sink, {})[lane] = rows
    return {
        "devices": _devices(connection, sinks=list(backlog)),
        "backlog": backlog,
        "dead_letters": dict(
            connection.execute("SELECT sink, count(*) FROM dead_letters GROUP BY sink")
        ),
        "positions": dict(
            connection.execute("SELECT sink, max(position) FROM sinks GROUP BY sink")
        ),
        "given_up": dict(connection.execute("SELECT sink, given_up FROM batches")),
        "quarantined": connection.execute(
            "SELECT count(*) FROM quarantine WHERE settled_by IS NULL"
        ).fetchone()[0],
        "replacements": _replacements(connection),
        "oldest_received_at": _iso(connection.execute(_OLDEST).fetchone()[0]),
    }


def file_bytes(path: Path) -> int:
    """The database and its write-ahead log."""
    return sum(file.stat().st_size for file in (path, _log_of(path)) if file.exists())


def set_aside_files(path: Path) -> list[Path]:
    """Damaged files of earlier days beside the spool at `path`, the oldest first."""
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted(file for file in found if not file.name.endswith(("-wal", "-shm")))


def _devices(connection: sqlite3.Connection, *, sinks: list[str]) -> list[dict[str, Any]]:
    acked: dict[int, dict[str, int]] = {}
    for device, sink, count in connection.execute(
        "SELECT device, sink, accepted + duplicate FROM sink_devices"
    ):
        acked.setdefault(device, {})[sink] = count
    complete = completeness(connection, _CORE)
    rows = connection.execute(_DEVICES)
    names = [column[0] for column in rows.description]
    devices = []
    for values in rows:
        row = dict(zip(names, values, strict=True))
        device = row.pop("device")
        acked_by = dict.fromkeys(sinks, 0) | acked.get(device, {})
        log_rows = row.pop("log_rows")
        row["fetched"] = row["stored"] + row["quarantined"] if log_rows is None else log_rows
        row["acked_by"] = acked_by
        row["acked"] = acked_by.get(_CORE, min(acked_by.values(), default=0))
        row["last_fetch_at"] = _iso(row["last_fetch_at"])
        until, row["held_by"] = complete.get(device, Completeness(None, None))
        row["complete_until"] = _iso(until)
        devices.append(row)
    return devices


def _replacements(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = connection.execute(_REPLACEMENTS)
    names = [column[0] for column in rows.description]
    orders = [dict(zip(names, values, strict=True)) for values in rows]
    for order in orders:
        order["ordered_at"] = _iso(order["ordered_at"])
        order["settled_at"] = _iso(order["settled_at"])
    return orders


def _iso(since_epoch: int | None) -> str | None:
    """From microseconds to ISO 8601 UTC."""
    if since_epoch is None:
        return None
    return (_EPOCH + timedelta(microseconds=since_epoch)).isoformat()


def _open(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(
        f"{uri}?mode=ro", uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as exc:
        connection.close()
        if exc.sqlite_errorcode & 0xFF not in _CANNOT_MAKE_LOG or _log_of(path).exists():
            raise
        # A clean copy in a folder that we may not write (a backup): no log to read, nothing moves.
        return sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")

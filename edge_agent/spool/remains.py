"""What is left of a damaged spool's small tables, as far as SQLite reads them."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

# Read in this order; `pages` is carved.
LEDGER_TABLES = (
    "boots", "devices", "sinks", "batches", "sent_batches", "unsettled", "sink_devices",
    "dead_letters", "quarantine", "units", "replacements", "lifetime", "days",
    "holds", "acts", "discarded",
)  # fmt: skip

# A tree whose damage leads round in circles ends somewhere.
_MOST_ROWS = 5_000_000

Row = dict[str, Any]


class Table(Struct, frozen=True):
    """`whole`: SQLite read it to its end."""

    rows: list[Row]
    whole: bool


def read_remains(path: Path) -> Mapping[str, Table]:
    """Each table of LEDGER_TABLES, empty where nothing reads. Changes nothing, never raises for what
    the file holds.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=2.0
        )
    except sqlite3.Error:
        return {name: Table([], whole=False) for name in LEDGER_TABLES}
    with closing(connection):
        # Else SQLite reads nothing at all of a file whose end is cut off. (It is opened read-only.)
        connection.execute("PRAGMA writable_schema = ON")
        return {name: _read(connection, name) for name in LEDGER_TABLES}


def _read(connection: sqlite3.Connection, name: str) -> Table:
    rows: list[Row] = []
    try:
        cursor = connection.execute(f"SELECT * FROM {name}")  # noqa: S608 - of our own list
        columns = [column[0] for column in cursor.description]
        for values in cursor:
            rows.append(dict(zip(columns, values, strict=True)))
            if len(rows) > _MOST_ROWS:
                return Table([], whole=False)
    except (sqlite3.Error, ValueError, OverflowError, MemoryError):
        return Table(rows, whole=False)
    return Table(rows, whole=True)

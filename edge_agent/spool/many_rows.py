"""INSERT of many rows by few statements.

A statement of its own for each row, which is what executemany runs, costs as much as the row: 4.7 us
against 3.0 in the table events, 1.9 against 1.0 in the outbox. And the writer thread gives the
interpreter away and takes it back around every statement.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

ROWS_A_STATEMENT = 100  # more gain nothing; SQLite takes 32,766 values in one statement


class ManyRows:
    """`INSERT INTO {target} VALUES (?, …), … {conflict}`; `target` and `conflict` are our own SQL."""

    def __init__(self, target: str, *, columns: int, conflict: str = "") -> None:
        row = f"({', '.join('?' * columns)})"
        head = f"INSERT INTO {target} VALUES "  # noqa: S608 - written in this package, no input
        self._one = f"{head}{row} {conflict}"
        self._many = f"{head}{', '.join([row] * ROWS_A_STATEMENT)} {conflict}"

    def insert(self, connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """How many came to be; the others met `conflict`."""
        before = connection.total_changes
        whole = len(rows) - len(rows) % ROWS_A_STATEMENT
        for first in range(0, whole, ROWS_A_STATEMENT):
            values = chain.from_iterable(rows[first : first + ROWS_A_STATEMENT])
            connection.execute(self._many, tuple(values))
        connection.executemany(self._one, rows[whole:])
        return connection.total_changes - before

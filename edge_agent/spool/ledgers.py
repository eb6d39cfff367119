"""What storing a delivery must know of its device, read once for a whole group of them."""

import sqlite3
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from msgspec import Struct, json

from edge_agent.spool.lanes import Lane
from edge_agent.spool.read_marks import note_rows

_LEDGERS = """
    SELECT serial, device, newest_time, ends FROM devices
    WHERE serial IN (SELECT value FROM json_each(?))"""

_WRITTEN = "SELECT max(first_arrival), (SELECT data_version FROM pragma_data_version) FROM pages"


class Ledger(Struct):
    """A row of `devices`, as it is behind the deliveries taken so far.

    newest   of its stored rows, as pages.last_time
    """

    device: int
    newest: int | None
    ends: str | None

    def is_new(self, moment: int) -> bool:
        """Nothing is stored that is as late: a device writes its log in order of time."""
        return self.newest is None or moment > self.newest

    def note(self, newest: int, lane: Lane, last_arrival: int) -> None:
        self.newest = newest if self.newest is None else max(self.newest, newest)
        self.ends = note_rows(self.ends, lane.number, last_arrival)


def begin_ledger(connection: sqlite3.Connection, serial: str, name: str) -> Ledger:
    device = connection.execute(
        "INSERT INTO devices (serial, name) VALUES (?, ?) RETURNING device", (serial, name)
    ).fetchone()[0]
    return Ledger(device, None, None)


class _Written(NamedTuple):
    """Differs once anybody has written: this connection, another one, or once what was written is
    undone (a rollback leaves `changes`, but takes the last page away; numbers are not used again).
    """

    changes: int
    last_page: int | None
    version: int


class KnownLedgers:
    """Ledgers of the last group, which the next one uses again while nothing else was written:
    reading a hundred of them takes as long as writing their counters.
    """

    def __init__(self) -> None:
        self._ledgers: dict[str, Ledger] = {}
        self._connection: sqlite3.Connection | None = None
        self._written: _Written | None = None
        self._begun: AbstractSet[str] = frozenset()

    def take(self, connection: sqlite3.Connection, serials: AbstractSet[str]) -> dict[str, Ledger]:
        """By serial, at least those of `serials` that have a row. They are the caller's, who may
        fail: nothing is known until the next `keep`.
        """
        known, self._ledgers = self._ledgers, {}
        written = _Written(connection.total_changes, *connection.execute(_WRITTEN).fetchone())
        if connection is not self._connection or written != self._written:
            known = {}
        self._connection, self._written = connection, written
        missing = serials - known.keys()
        if missing:
            found = connection.execute(_LEDGERS, (json.encode(sorted(missing)),))
            known |= {serial: Ledger(*ledger) for serial, *ledger in found}
        self._begun = missing - known.keys()
        return known

    def keep(self, ledgers: dict[str, Ledger], last_page: int | None) -> None:
        """`ledgers` say what is written since `take`. `last_page`: the first arrival of the last
        page among it, None without any.
        """
        if self._connection is None or self._written is None:
            raise ValueError("nothing was taken")
        for serial in self._begun:  # undone without a trace where it has no page yet
            ledgers.pop(serial, None)
        self._ledgers = ledgers
        self._written = _Written(
            self._connection.total_changes,
            self._written.last_page if last_page is None else last_page,
            self._written.version,
        )

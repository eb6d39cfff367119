"""Which rows of a delivery the spool holds already.

No index has an entry per row. A device writes its log in order of time, so a row later than all
that is stored of it is new; for others the pages whose time overlaps are read and compared.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache

from edge_agent.spool.page_body import ids_of_body, rows_of_body
from protocols.identity import event_moment
from protocols.records import Record

Row = tuple[bytes, Record]  # event id, record

_NEWEST = "SELECT newest_time FROM devices WHERE device = ?"
_OVERLAPPING = """
    SELECT first_arrival, body FROM pages
    WHERE device IS :device AND last_time >= :first AND first_time <= :last"""


def distinct(rows: Sequence[Row]) -> Sequence[Row]:
    """Each event once, in their order."""
    if len(rows) < 2:
        return rows
    first_of: dict[bytes, Row] = {}
    for row in rows:
        first_of.setdefault(row[0], row)
    return list(first_of.values())


def new_rows(
    connection: sqlite3.Connection, device: int | None, rows: Sequence[Row]
) -> Sequence[Row]:
    """The rows that are not stored, each once, in their order."""
    rows = distinct(rows)
    if not rows:
        return rows
    moments = [event_moment(identity) for identity, _ in rows]
    first, last = min(moments), max(moments)
    if _is_later_than_all(connection, device, first):
        return rows
    pages = connection.execute(_OVERLAPPING, {"device": device, "first": first, "last": last})
    asked = {identity for identity, _ in rows}
    known: set[bytes] = set()
    for first_arrival, body in pages:
        known |= asked & _ids(first_arrival, body)
        if len(known) == len(asked):
            break
    return [row for row in rows if row[0] not in known]


def _is_later_than_all(connection: sqlite3.Connection, device: int | None, moment: int) -> bool:
    """Whether nothing is stored of `device` that is as late as `moment` (ms, see pages)."""
    if device is None:
        return False
    newest = connection.execute(_NEWEST, (device,)).fetchone()[0]
    return newest is None or moment > newest


def rows_at(connection: sqlite3.Connection, device: int, moment: int) -> list[Record]:
    """The stored rows of `device` with this time (ms, see pages)."""
    pages = connection.execute(_OVERLAPPING, {"device": device, "first": moment, "last": moment})
    return [
        record
        for first_arrival, body in pages
        for identity, record in rows_of_body(body, where=f"page {first_arrival}")
        if event_moment(identity) == moment
    ]


# A log that comes again comes page by page, and a page of it overlaps the same few stored ones.
@lru_cache(maxsize=8)
def _ids(first_arrival: int, body: bytes) -> frozenset[bytes]:
    return ids_of_body(body, where=f"page {first_arrival}")

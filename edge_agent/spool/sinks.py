"""Sinks beside the core: where a new one begins, what an old one no longer holds back, its end."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from edge_agent.spool.codec import microseconds
from edge_agent.spool.schema import session
from edge_agent.spool.stored_rows import LAST_ARRIVAL

_TABLES = ("sinks", "batches", "sent_batches", "unsettled", "sink_devices", "dead_letters",
           "published")  # fmt: skip

_IN_FLIGHT = """
    SELECT sum(rows), max(received_at) FROM (
        SELECT min(last_arrival, batch_end) - max(first_arrival, position + 1) + 1 AS rows,
            received_at
        FROM sinks JOIN pages ON pages.lane = sinks.lane
            AND last_arrival > position AND first_arrival <= batch_end
        WHERE sink = :sink AND batch_end > position
        UNION ALL
        SELECT 1, (SELECT received_at FROM pages WHERE first_arrival <= unsettled.arrival
            ORDER BY first_arrival DESC LIMIT 1)
        FROM unsettled WHERE sink = :sink AND in_batch = 1)"""

# Of one lane, the last arrival of the pages that lie before the first young one.
_OLD_END = """
    SELECT coalesce(
        (SELECT min(first_arrival) - 1 FROM pages
            WHERE lane = :lane AND last_arrival > :position AND received_at >= :before),
        (SELECT max(last_arrival) FROM pages WHERE lane = :lane),
        0)"""

_ROWS_BETWEEN = """
    SELECT coalesce(sum(min(last_arrival, :end) - max(first_arrival, :position + 1) + 1), 0)
    FROM pages WHERE lane = :lane AND last_arrival > :position AND first_arrival <= :end"""

_DROP_OLD_KEPT = """
    DELETE FROM unsettled WHERE sink = :sink AND in_batch = 0 AND :before > (
        SELECT received_at FROM pages WHERE first_arrival <= unsettled.arrival
        ORDER BY first_arrival DESC LIMIT 1)"""


class Forgotten(Struct, frozen=True, kw_only=True):
    """What went with a sink. The records themselves stay."""

    waiting: int
    dead_letters: int


def is_known(connection: sqlite3.Connection, sink: str) -> bool:
    row = connection.execute("SELECT 1 FROM batches WHERE sink = ?", (sink,)).fetchone()
    return row is not None


def start(connection: sqlite3.Connection, sink: str, at: Literal["now", "all"]) -> None:
    """Sets the position of a sink that the spool does not know; any other keeps its own."""
    if is_known(connection, sink):
        return
    last = connection.execute("SELECT coalesce(max(last_arrival), 0) FROM pages").fetchone()[0]
    position = last if at == "now" else 0
    connection.execute("INSERT INTO batches (sink) VALUES (?)", (sink,))
    connection.execute(
        """INSERT INTO sinks (sink, lane, position, batch_end)
        SELECT :sink, lane, :position, :position FROM lanes""",
        {"sink": sink, "position": position},
    )


def give_up(connection: sqlite3.Connection, sink: str, before: datetime) -> int:
    """Passes over what arrived before and is not settled. Returns how many records.

    A batch in flight goes as a whole or stays: what the other system may have of it must not
    come again in another batch.
    """
    about: dict[str, Any] = {"sink": sink, "before": microseconds(before)}
    passed = 0
    row = connection.execute("SELECT in_flight FROM batches WHERE sink = ?", (sink,)).fetchone()
    if row is None:
        return 0
    if row[0]:
        rows, newest = connection.execute(_IN_FLIGHT, about).fetchone()
        if newest is not None and newest >= about["before"]:
            return 0
        passed += rows or 0
        connection.execute("UPDATE sinks SET position = batch_end WHERE sink = :sink", about)
        connection.execute("DELETE FROM unsettled WHERE sink = :sink AND in_batch = 1", about)
        connection.execute("UPDATE batches SET in_flight = 0 WHERE sink = :sink", about)
    passed += connection.execute(_DROP_OLD_KEPT, about).rowcount
    lanes = connection.execute("SELECT lane, position FROM sinks WHERE sink = :sink", about)
    for lane, position in lanes.fetchall():
        passed += _pass_over(connection, sink, lane, position, about["before"])
    connection.execute(
        "UPDATE batches SET given_up = given_up + :passed WHERE sink = :sink",
        {**about, "passed": passed},
    )
    return passed


def names_of_devices(connection: sqlite3.Connection) -> dict[str, str]:
    """By serial, the name under which each was last read."""
    return dict(connection.execute("SELECT serial, name FROM devices"))


def forget(path: Path, sink: str) -> Forgotten | None:
    """Ends a sink, beside a running agent that does not use it. None when there is none of this
    name. Raises SpoolError.
    """
    with session(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not is_known(connection, sink):
            connection.execute("ROLLBACK")
            return None
        waiting = sum(
            connection.execute(
                _ROWS_BETWEEN, {"lane": lane, "position": position, "end": LAST_ARRIVAL}
            ).fetchone()[0]
            for lane, position in connection.execute(
                "SELECT lane, position FROM sinks WHERE sink = ?", (sink,)
            ).fetchall()
        )
        gone = {
            table: connection.execute(
                f"DELETE FROM {table} WHERE sink = ?",  # noqa: S608 - our own names
                (sink,),
            ).rowcount
            for table in _TABLES
        }
        connection.execute("COMMIT")
    return Forgotten(waiting=waiting + gone["unsettled"], dead_letters=gone["dead_letters"])


def _pass_over(
    connection: sqlite3.Connection, sink: str, lane: int, position: int, before: int
) -> int:
    """One lane, up to its first page that is young enough."""
    about: dict[str, int | str] = {"sink": sink, "lane": lane, "position": position}
    end = connection.execute(_OLD_END, {**about, "before": before}).fetchone()[0]
    if end <= position:
        return 0
    about["end"] = end
    rows = int(connection.execute(_ROWS_BETWEEN, about).fetchone()[0])
    connection.execute(
        "UPDATE sinks SET position = :end, batch_end = :end WHERE sink = :sink AND lane = :lane",
        about,
    )
    return rows

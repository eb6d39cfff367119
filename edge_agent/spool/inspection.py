"""Questions about stored events that change nothing."""

import sqlite3
from itertools import islice

from edge_agent.spool.codec import PastReading, instant
from edge_agent.spool.lanes import LANE_BY_NUMBER, Lane
from edge_agent.spool.page_body import MAX_PAGE_ROWS
from edge_agent.spool.results import Backlog, DeadLetter, StoredEvent
from edge_agent.spool.stored_rows import (
    LAST_ARRIVAL,
    row_of_arrival,
    row_of_event,
    rows_of_lane,
)
from protocols.uplink import Observation

_BACKLOG_OF_LANE = f"""
    SELECT coalesce(sum(last_arrival - max(first_arrival, :position + 1) + 1), 0)
    FROM pages
    WHERE lane = :lane AND first_arrival > :position - {MAX_PAGE_ROWS}
        AND last_arrival > :position"""  # noqa: S608 - our own number

# Pages are numbered as they arrive.
_FIRST_OF_LANE = f"""
    SELECT received_at FROM pages
    WHERE lane = :lane AND first_arrival > :position - {MAX_PAGE_ROWS}
        AND last_arrival > :position
    ORDER BY first_arrival LIMIT 1"""  # noqa: S608 - our own number

_KEPT_OF_LANE = """
    SELECT count(*), min(received_at) FROM unsettled JOIN pages ON pages.first_arrival = (
        SELECT max(first_arrival) FROM pages WHERE first_arrival <= unsettled.arrival)
    WHERE sink = :sink AND unsettled.lane = :lane"""


def cursor_of(connection: sqlite3.Connection, serial: str) -> bytes | None:
    row = connection.execute("SELECT cursor FROM devices WHERE serial = ?", (serial,)).fetchone()
    return None if row is None else row[0]


def last_reading_of(connection: sqlite3.Connection, serial: str) -> PastReading | None:
    row = connection.execute(
        "SELECT read_from, clock_offset_ms FROM devices WHERE serial = ?", (serial,)
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return PastReading(read_from=instant(row[0]), offset_ms=row[1])


def last_trusted_at(connection: sqlite3.Connection) -> int | None:
    """In microseconds, the latest receipt of any device while the gateway's clock was sure."""
    latest: int | None = connection.execute("SELECT max(last_trusted_at) FROM devices").fetchone()[
        0
    ]
    return latest


def backlog_of(connection: sqlite3.Connection, sink: str) -> Backlog:
    rows: dict[Lane, int] = {}
    oldest: list[int] = []
    positions = dict(connection.execute("SELECT lane, position FROM sinks WHERE sink = ?", (sink,)))
    for number, lane in LANE_BY_NUMBER.items():
        place = {"sink": sink, "lane": number, "position": positions.get(number, 0)}
        fresh = connection.execute(_BACKLOG_OF_LANE, place).fetchone()[0]
        first_fresh = (connection.execute(_FIRST_OF_LANE, place).fetchone() or (None,))[0]
        kept, first_kept = connection.execute(_KEPT_OF_LANE, place).fetchone()
        rows[lane] = fresh + kept
        oldest += (moment for moment in (first_fresh, first_kept) if moment is not None)
    return Backlog(rows=rows, oldest_received_at=instant(min(oldest)) if oldest else None)


def peek_at(connection: sqlite3.Connection, sink: str, limit: int) -> tuple[Observation, ...]:
    """The first unsettled records of `sink` in order of arrival, holes included."""
    positions = dict(connection.execute("SELECT lane, position FROM sinks WHERE sink = ?", (sink,)))
    kept = connection.execute(
        "SELECT arrival FROM unsettled WHERE sink = ? ORDER BY arrival LIMIT ?", (sink, limit)
    ).fetchall()
    waiting = [row_of_arrival(connection, arrival) for (arrival,) in kept]
    for number in LANE_BY_NUMBER:
        fresh = rows_of_lane(connection, number, after=positions.get(number, 0), until=LAST_ARRIVAL)
        waiting += islice(fresh, limit)
    waiting.sort(key=lambda row: row.arrival)
    return tuple(row.observation() for row in waiting[:limit])


def dead_letters_of(
    connection: sqlite3.Connection, sink: str, limit: int
) -> tuple[DeadLetter, ...]:
    """The newest first."""
    letters = connection.execute(
        """SELECT arrival, code, detail, at FROM dead_letters WHERE sink = ?
        ORDER BY at DESC, event_id DESC LIMIT ?""",
        (sink, limit),
    ).fetchall()
    return tuple(
        DeadLetter(
            sink=sink,
            code=code,
            detail=detail,
            at=instant(at),
            observation=row_of_arrival(connection, arrival).observation(),
        )
        for arrival, code, detail, at in letters
    )


def find_event(connection: sqlite3.Connection, identity: bytes) -> StoredEvent | None:
    row = row_of_event(connection, identity)
    if row is None:
        return None
    boot_id = connection.execute("SELECT boot_id FROM boots WHERE boot = ?", (row.boot,)).fetchone()
    device = connection.execute(
        "SELECT serial, name FROM devices WHERE device = ?", (row.device,)
    ).fetchone()
    serial, device_name = device or (None, None)
    return StoredEvent(
        observation=row.observation(),
        serial=serial,
        device_name=device_name,
        lane=LANE_BY_NUMBER[row.lane],
        arrival=row.arrival,
        boot_id=boot_id[0],
        monotonic_ms=row.monotonic_ms,
        sinks=_progress(connection, identity, row.lane, row.arrival),
    )


def _progress(
    connection: sqlite3.Connection, identity: bytes, lane: int, arrival: int
) -> dict[str, str]:
    rows = connection.execute(
        """SELECT sinks.sink, CASE
            WHEN unsettled.in_batch = 1 THEN 'in_flight'
            WHEN unsettled.arrival IS NOT NULL THEN 'kept'
            WHEN dead_letters.event_id IS NOT NULL THEN 'dead'
            WHEN :arrival <= sinks.position THEN 'settled'
            WHEN :arrival <= sinks.batch_end THEN 'in_flight'
            ELSE 'waiting' END
        FROM sinks
        LEFT JOIN unsettled ON unsettled.sink = sinks.sink AND unsettled.lane = sinks.lane
            AND unsettled.arrival = :arrival
        LEFT JOIN dead_letters ON dead_letters.sink = sinks.sink
            AND dead_letters.event_id = :identity
        WHERE sinks.lane = :lane""",
        {"identity": identity, "lane": lane, "arrival": arrival},
    )
    return dict(rows.fetchall())

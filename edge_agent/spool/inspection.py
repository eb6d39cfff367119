"""Questions about stored events that change nothing."""

import sqlite3

from edge_agent.spool.codec import OBSERVATION_WIDTH, PastReading, instant, observation
from edge_agent.spool.lanes import LANE_BY_NUMBER, Lane
from edge_agent.spool.results import Backlog, DeadLetter, StoredEvent
from protocols.uplink import Observation

_BACKLOG_OF_LANE = """
    SELECT
        (SELECT count(*) FROM outbox WHERE lane = :lane AND arrival > :position),
        (SELECT event_id FROM outbox WHERE lane = :lane AND arrival > :position
            ORDER BY arrival LIMIT 1),
        (SELECT count(*) FROM unsettled WHERE sink = :sink AND lane = :lane),
        (SELECT event_id FROM unsettled WHERE sink = :sink AND lane = :lane
            ORDER BY arrival LIMIT 1)"""


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
        fresh, first_fresh, kept, first_kept = connection.execute(
            _BACKLOG_OF_LANE,
            {"sink": sink, "lane": number, "position": positions.get(number, 0)},
        ).fetchone()
        rows[lane] = fresh + kept
        oldest += (
            connection.execute(
                "SELECT received_at FROM events WHERE event_id = ?", (identity,)
            ).fetchone()[0]
            for identity in (first_fresh, first_kept)
            if identity is not None
        )
    return Backlog(rows=rows, oldest_received_at=instant(min(oldest)) if oldest else None)


def peek_at(connection: sqlite3.Connection, sink: str, limit: int) -> tuple[Observation, ...]:
    """The first unsettled records of `sink` in order of arrival, holes included."""
    rows = connection.execute(
        """WITH waiting (arrival, event_id) AS (
            SELECT outbox.arrival, outbox.event_id FROM outbox
            LEFT JOIN sinks ON sinks.sink = :sink AND sinks.lane = outbox.lane
            WHERE outbox.arrival > coalesce(sinks.position, 0)
            UNION ALL SELECT arrival, event_id FROM unsettled WHERE sink = :sink
            ORDER BY 1 LIMIT :limit)
        SELECT observations.* FROM waiting
        JOIN observations USING (event_id) ORDER BY waiting.arrival""",
        {"sink": sink, "limit": limit},
    )
    return tuple(map(observation, rows))


def dead_letters_of(
    connection: sqlite3.Connection, sink: str, limit: int
) -> tuple[DeadLetter, ...]:
    """The newest first."""
    rows = connection.execute(
        """SELECT observations.*, dead_letters.code, dead_letters.detail, dead_letters.at
        FROM dead_letters JOIN observations USING (event_id)
        WHERE dead_letters.sink = ? ORDER BY dead_letters.at DESC, event_id DESC LIMIT ?""",
        (sink, limit),
    )
    return tuple(
        DeadLetter(
            sink=sink,
            code=row[OBSERVATION_WIDTH],
            detail=row[OBSERVATION_WIDTH + 1],
            at=instant(row[OBSERVATION_WIDTH + 2]),
            observation=observation(row[:OBSERVATION_WIDTH]),
        )
        for row in rows
    )


def find_event(connection: sqlite3.Connection, identity: bytes) -> StoredEvent | None:
    row = connection.execute(
        """SELECT observations.*, devices.serial, devices.name, events.lane,
            events.arrival, boots.boot_id, events.monotonic_ms
        FROM observations JOIN events USING (event_id) JOIN boots USING (boot)
        LEFT JOIN devices ON devices.device = events.device WHERE events.event_id = ?""",
        (identity,),
    ).fetchone()
    if row is None:
        return None
    serial, device_name, lane, arrival, boot_id, monotonic_ms = row[OBSERVATION_WIDTH:]
    return StoredEvent(
        observation=observation(row[:OBSERVATION_WIDTH]),
        serial=serial,
        device_name=device_name,
        lane=LANE_BY_NUMBER[lane],
        arrival=arrival,
        boot_id=boot_id,
        monotonic_ms=monotonic_ms,
        sinks=_progress(connection, identity, lane, arrival),
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

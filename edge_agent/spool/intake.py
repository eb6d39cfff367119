"""The transaction that stores one delivery: records, quarantine, counters and cursor, or nothing."""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b

from drivers.contract import Delivery
from edge_agent.spool.codec import Envelope, encode_flags, encode_record, microseconds
from edge_agent.spool.many_rows import ManyRows
from edge_agent.spool.results import Appended
from protocols.identity import event_id
from protocols.records import Flag, Quarantined, Record

# Not INSERT OR IGNORE: that would also swallow a broken NOT NULL, and with it a punch.
_EVENTS = ManyRows(
    """events (event_id, arrival, lane, device, kind, body, received_at, clock_offset_ms, zone,
    flags, suspect, boot, monotonic_ms)""",
    columns=13,
    conflict="ON CONFLICT (event_id) DO NOTHING",
)
_OUTBOX = ManyRows("outbox (lane, arrival, event_id)", columns=3)

_INSERT_QUARANTINE = """
    INSERT INTO quarantine (device, source, offset, digest, reason, raw, first_seen, last_seen,
        seen)
    VALUES (:device, :source, :offset, :digest, :reason, :raw, :now, :now, 1)
    ON CONFLICT (source, offset, digest) DO UPDATE SET seen = seen + 1, last_seen = :now
        WHERE length(quarantine.raw) <= :small OR last_seen <= :now - :day
    RETURNING seen"""

# A row is rewritten whole, its bytes too: a held-back log of 4 MB would be at each start of the
# agent. Of large rows the last sighting is kept to the day.
_SMALL_RAW_BYTES = 4_096
_DAY_US = 86_400_000_000

# A whole read tells how many rows it yielded and how many the device says it holds: both or none.
_UPDATE_DEVICE = """
    UPDATE devices SET
        name = :name,
        cursor = coalesce(:cursor, cursor),
        on_device = coalesce(:on_device, on_device),
        log_rows = CASE WHEN :on_device IS NULL THEN log_rows ELSE :log_rows END,
        received = received + :received,
        stored = stored + :stored,
        known = known + :known,
        quarantined = quarantined + :quarantined,
        quarantined_again = quarantined_again + :quarantined_again,
        last_fetch_at = :now,
        last_trusted_at = CASE WHEN :trusted
            THEN max(coalesce(last_trusted_at, :now), :now) ELSE last_trusted_at END
    WHERE device = :device"""

_LAST_ARRIVAL = """
    SELECT max(
        coalesce((SELECT max(arrival) FROM outbox WHERE outbox.lane = lanes.lane), 0),
        coalesce((SELECT max(batch_end) FROM sinks WHERE sinks.lane = lanes.lane), 0))
    FROM lanes ORDER BY 1 DESC LIMIT 1"""


class EventLog:
    """Appends to the tables `events` and `outbox`. Lives on the writer thread.

    Numbers arrivals from memory: this process is the only writer. A transaction that is undone, and
    a row that was known, leave a gap in the numbers, which means nothing.
    """

    def __init__(self, connection: sqlite3.Connection, *, boot: int) -> None:
        self._boot = boot
        # Also after the positions: rows that every sink has settled may be gone.
        self._next_arrival = int(connection.execute(_LAST_ARRIVAL).fetchone()[0]) + 1

    def append(
        self, connection: sqlite3.Connection, delivery: Delivery, envelope: Envelope
    ) -> Appended:
        device = _device(connection, delivery.serial, envelope.device_name)
        stored = self.store(connection, delivery.records, envelope, device=device)
        now = microseconds(envelope.received_at)
        first_seen = sum(
            _quarantine(connection, row, device=device, now=now) for row in delivery.quarantined
        )
        known = len(delivery.records) - stored
        connection.execute(
            _UPDATE_DEVICE,
            {
                "device": device,
                "name": envelope.device_name,
                "cursor": delivery.cursor,
                "on_device": delivery.on_device,
                "log_rows": delivery.log_rows,
                "received": len(delivery.records) + len(delivery.quarantined),
                "stored": stored,
                "known": known,
                "quarantined": first_seen,
                "quarantined_again": len(delivery.quarantined) - first_seen,
                "now": now,
                "trusted": Flag.GATEWAY_CLOCK_SUSPECT not in envelope.flags,
            },
        )
        return Appended(stored=stored, known=known, quarantined=len(delivery.quarantined))

    def store(
        self,
        connection: sqlite3.Connection,
        records: Iterable[Record],
        envelope: Envelope,
        *,
        device: int | None,
    ) -> int:
        """How many of `records` are new. `device` None: the gateway itself says them."""
        lane = envelope.lane.number
        flags, suspect = encode_flags(envelope.flags)
        arrival_columns = (
            microseconds(envelope.received_at),
            envelope.clock_offset_ms,
            envelope.zone,
            flags,
            suspect,
            self._boot,
            envelope.monotonic_ms,
        )
        first = self._next_arrival
        rows = [
            (
                event_id(record),
                arrival,
                lane,
                device,
                type(record).__struct_config__.tag,
                encode_record(record),
                *arrival_columns,
            )
            for arrival, record in enumerate(records, start=first)
        ]
        self._next_arrival += len(rows)
        stored = _EVENTS.insert(connection, rows)
        queued = [(lane, arrival, identity) for identity, arrival, *_ in rows]
        if stored < len(rows):
            queued = [entry for entry in queued if _is_stored(connection, entry)]
        return _OUTBOX.insert(connection, queued)


def _is_stored(connection: sqlite3.Connection, entry: tuple[int, int, bytes]) -> bool:
    """Whether the event came to be by this arrival, and not by an earlier one."""
    _, arrival, identity = entry
    row = connection.execute("SELECT arrival FROM events WHERE event_id = ?", (identity,))
    return bool(row.fetchone()[0] == arrival)


def _device(connection: sqlite3.Connection, serial: str, name: str) -> int:
    row = connection.execute("SELECT device FROM devices WHERE serial = ?", (serial,)).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO devices (serial, name) VALUES (?, ?) RETURNING device", (serial, name)
        ).fetchone()
    return int(row[0])


def _quarantine(connection: sqlite3.Connection, row: Quarantined, *, device: int, now: int) -> bool:
    """True when this row was never seen before."""
    told = connection.execute(
        _INSERT_QUARANTINE,
        {
            "device": device,
            "source": row.source,
            "offset": row.offset,
            "digest": blake2b(row.raw, digest_size=16).digest(),
            "reason": row.reason,
            "raw": row.raw,
            "now": now,
            "small": _SMALL_RAW_BYTES,
            "day": _DAY_US,
        },
    ).fetchone()
    return told is not None and bool(told[0] == 1)

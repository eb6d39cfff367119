"""The transaction that stores one delivery: records, quarantine, counters and cursor, or nothing."""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from msgspec import json
from msgspec.structs import replace

from drivers.contract import Delivery
from edge_agent.spool.codec import Envelope, encode_flags, microseconds
from edge_agent.spool.paging import Page, fit_one_page, page_of_columns, pages_of_rows
from edge_agent.spool.read_marks import (
    newest_until,
    note_holds,
    note_read,
    note_rows,
    own_time,
)
from edge_agent.spool.recognition import is_later_than_all, new_rows
from edge_agent.spool.results import Appended
from protocols.identity import event_id
from protocols.records import DeviceEvent, Flag, Punch, Quarantined, Record
from protocols.uplink import MAX_BATCH_BYTES

# Half a batch: the rest is its envelope, and what a form of transport adds.
MAX_RECORD_BYTES = MAX_BATCH_BYTES // 2

_INSERT_PAGE = """
    INSERT INTO pages (first_arrival, last_arrival, lane, device, punches, first_time, last_time,
        received_at, clock_offset_ms, zone, flags, suspect, boot, monotonic_ms, json_bytes, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_INSERT_QUARANTINE = """
    INSERT INTO quarantine (device, source, offset, digest, reason, raw, first_seen, last_seen,
        seen, until)
    VALUES (:device, :source, :offset, :digest, :reason, :raw, :now, :now, 1, :until)
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
        newest_time = max(coalesce(newest_time, :newest), coalesce(:newest, newest_time)),
        last_fetch_at = :now,
        read_from = coalesce(:read_from, read_from),
        clock_offset_ms = coalesce(:read_offset_ms, clock_offset_ms),
        last_trusted_at = CASE WHEN :trusted
            THEN max(coalesce(last_trusted_at, :now), :now) ELSE last_trusted_at END
    WHERE device = :device"""

# Also after the positions: rows that every sink has settled may be gone.
_LAST_ARRIVAL = """
    SELECT max(
        coalesce((SELECT max(last_arrival) FROM pages), 0),
        coalesce((SELECT max(batch_end) FROM sinks), 0),
        coalesce((SELECT max(position) FROM sinks), 0))"""


class EventLog:
    """Appends pages. Lives on the writer thread.

    Numbers arrivals from memory: this process is the only writer. A transaction that is undone
    leaves a gap in the numbers, which means nothing.
    """

    def __init__(self, connection: sqlite3.Connection, *, boot: int) -> None:
        self._boot = boot
        self._next_arrival = int(connection.execute(_LAST_ARRIVAL).fetchone()[0]) + 1

    def append(
        self, connection: sqlite3.Connection, delivery: Delivery, envelope: Envelope
    ) -> Appended:
        delivery = _without_giants(delivery)
        device = _device(connection, delivery.serial, envelope.device_name)
        stored = self._store_delivery(connection, delivery, envelope, device)
        handed_over = _rows_in(delivery)
        now = microseconds(envelope.received_at)
        first_seen = sum(
            _quarantine(connection, row, device=device, now=now) for row in delivery.quarantined
        )
        reading = envelope.reading
        connection.execute(
            _UPDATE_DEVICE,
            {
                "device": device,
                "name": envelope.device_name,
                "cursor": delivery.cursor,
                "on_device": delivery.on_device,
                "log_rows": delivery.log_rows,
                "received": handed_over + len(delivery.quarantined),
                "stored": stored.rows,
                "known": handed_over - stored.rows,
                "quarantined": first_seen,
                "quarantined_again": len(delivery.quarantined) - first_seen,
                "newest": stored.newest,
                "now": now,
                "read_from": None if reading is None else microseconds(reading.read_from),
                "read_offset_ms": None if reading is None else reading.offset_ms,
                "trusted": Flag.GATEWAY_CLOCK_SUSPECT not in envelope.flags,
            },
        )
        note_read(connection, device, delivery, envelope)
        return Appended(
            stored=stored.rows,
            known=handed_over - stored.rows,
            quarantined=len(delivery.quarantined),
        )

    def store(
        self,
        connection: sqlite3.Connection,
        records: Iterable[Record],
        envelope: Envelope,
        *,
        device: int | None,
    ) -> "Stored":
        """`device` None: the gateway itself says them."""
        rows = [(event_id(record), record) for record in records]
        fresh = new_rows(connection, device, rows)
        if device is not None:
            note_holds(connection, device, (record for _, record in fresh), envelope)
        return self._store_pages(connection, pages_of_rows(fresh), envelope, device)

    def _store_delivery(
        self,
        connection: sqlite3.Connection,
        delivery: Delivery,
        envelope: Envelope,
        device: int,
    ) -> "Stored":
        packed = delivery.packed
        if (
            packed is not None
            and fit_one_page(packed)
            and is_later_than_all(connection, device, packed.times[0])
        ):
            if packed.flags or Flag.CLOCK_SUSPECT in envelope.flags:
                note_holds(connection, device, packed.punches(), envelope)
            return self._store_pages(connection, [page_of_columns(packed)], envelope, device)
        return self.store(connection, delivery.every_record(), envelope, device=device)

    def _store_pages(
        self,
        connection: sqlite3.Connection,
        pages: Iterable[Page],
        envelope: Envelope,
        device: int | None,
    ) -> "Stored":
        flags, suspect = encode_flags(envelope.flags)
        rows, newest, lowest = 0, None, None
        for page in pages:
            first = self._next_arrival
            self._next_arrival += page.rows
            rows += page.rows
            newest = page.last_time if newest is None else max(newest, page.last_time)
            lowest = page.first_time if lowest is None else min(lowest, page.first_time)
            connection.execute(
                _INSERT_PAGE,
                (
                    first,
                    first + page.rows - 1,
                    envelope.lane.number,
                    device,
                    page.punches,
                    page.first_time,
                    page.last_time,
                    microseconds(envelope.received_at),
                    envelope.clock_offset_ms,
                    envelope.zone,
                    flags,
                    suspect,
                    self._boot,
                    envelope.monotonic_ms,
                    page.body.json_bytes,
                    page.body.content,
                ),
            )
        if device is not None and lowest is not None:
            self._note_arrivals(connection, device, envelope, lowest)
        return Stored(rows, newest)

    def _note_arrivals(
        self, connection: sqlite3.Connection, device: int, envelope: Envelope, lowest: int
    ) -> None:
        ends = connection.execute("SELECT ends FROM devices WHERE device = ?", (device,))
        last = self._next_arrival - 1
        connection.execute(
            """UPDATE devices SET ends = :ends, lowest = min(coalesce(lowest, :lowest), :lowest)
            WHERE device = :device""",
            {
                "ends": note_rows(ends.fetchone()[0], envelope.lane.number, last),
                "lowest": own_time(lowest, envelope.zone, envelope.clock_offset_ms),
                "device": device,
            },
        )


class Stored(NamedTuple):
    """How many rows are new, and the latest of their times (ms), None without any."""

    rows: int
    newest: int | None


def _without_giants(delivery: Delivery) -> Delivery:
    """A record that no batch may carry would stall every sink: it goes to quarantine. (What comes
    in columns has a cap of its own.)
    """
    giants = [
        Quarantined(
            source=delivery.serial,
            offset=place,
            reason=f"larger than a batch may be ({_bulk(record)} bytes)",
            raw=record.raw or json.encode(record),
        )
        for place, record in enumerate(delivery.records)
        if _bulk(record) > MAX_RECORD_BYTES
    ]
    if not giants:
        return delivery
    fitting = tuple(record for record in delivery.records if _bulk(record) <= MAX_RECORD_BYTES)
    return replace(delivery, records=fitting, quarantined=(*delivery.quarantined, *giants))


def _bulk(record: Record) -> int:
    """About its bytes in a batch, where they can grow."""
    size = len(record.raw) * 4 // 3
    if isinstance(record, DeviceEvent):
        size += sum(len(key) + 4 * len(str(value)) for key, value in record.detail.items())
    elif isinstance(record, Punch):
        size += 4 * len(record.user_id)
    return size


def _rows_in(delivery: Delivery) -> int:
    return len(delivery.records if delivery.packed is None else delivery.packed)


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
            "until": newest_until(connection, device),
            "small": _SMALL_RAW_BYTES,
            "day": _DAY_US,
        },
    ).fetchone()
    return told is not None and bool(told[0] == 1)

"""The transaction that stores one delivery: records, quarantine, counters and cursor, or nothing."""

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from drivers.contract import Delivery
from edge_agent.spool.codec import Envelope, encode_flags, microseconds
from edge_agent.spool.giants import without_giants
from edge_agent.spool.ledgers import KnownLedgers, Ledger, begin_ledger
from edge_agent.spool.paging import Page, fit_one_page, page_of_columns, page_of_row, pages_of_rows
from edge_agent.spool.read_marks import (
    newest_until,
    note_holds,
    note_read,
    note_rows,
    own_time,
)
from edge_agent.spool.recognition import distinct, new_rows
from edge_agent.spool.results import Appended
from protocols.identity import event_id, event_moment
from protocols.records import Flag, Quarantined, Record

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

# Places, not names, here and above: they take a third off the cost of a lone punch.
_COUNT = """
    UPDATE devices SET
        name = ?2,
        received = received + ?3,
        stored = stored + ?4,
        known = known + ?5,
        quarantined = quarantined + ?6,
        quarantined_again = quarantined_again + ?7,
        newest_time = ?8,
        ends = ?9,
        lowest = min(coalesce(lowest, ?10), coalesce(?10, lowest)),
        last_fetch_at = ?11,
        last_trusted_at = CASE WHEN ?12
            THEN max(coalesce(last_trusted_at, ?11), ?11) ELSE last_trusted_at END
    WHERE device = ?1"""

# What a lone punch does not bring. A whole read tells how many rows it yielded and how many the
# device says it holds: both or none.
_NOTE_PLACE = """
    UPDATE devices SET
        cursor = coalesce(?2, cursor),
        on_device = coalesce(?3, on_device),
        log_rows = CASE WHEN ?3 IS NULL THEN log_rows ELSE ?4 END,
        read_from = coalesce(?5, read_from),
        clock_offset_ms = coalesce(?6, clock_offset_ms)
    WHERE device = ?1"""

_NOTE_ARRIVALS = """
    UPDATE devices SET ends = :ends, lowest = min(coalesce(lowest, :lowest), :lowest)
    WHERE device = :device"""

# Also after the positions: rows that every sink has settled may be gone.
_LAST_ARRIVAL = """
    SELECT max(
        coalesce((SELECT max(last_arrival) FROM pages), 0),
        coalesce((SELECT max(batch_end) FROM sinks), 0),
        coalesce((SELECT max(position) FROM sinks), 0))"""


Arrival: TypeAlias = tuple[Delivery, Envelope]
PageRow: TypeAlias = tuple[object, ...]


class EventLog:
    """Appends pages. Lives on the writer thread.

    Numbers arrivals from memory: this process is the only writer. A transaction that is undone
    leaves a gap in the numbers, which means nothing.
    """

    def __init__(self, connection: sqlite3.Connection, *, boot: int) -> None:
        self._boot = boot
        self._next_arrival = int(connection.execute(_LAST_ARRIVAL).fetchone()[0]) + 1
        self._ledgers = KnownLedgers()

    @property
    def last_arrival(self) -> int:
        return self._next_arrival - 1

    def append(
        self, connection: sqlite3.Connection, delivery: Delivery, envelope: Envelope
    ) -> Appended:
        return self.append_all(connection, [(delivery, envelope)])[0]

    def append_all(
        self, connection: sqlite3.Connection, arrivals: Sequence[Arrival]
    ) -> list[Appended]:
        """What became of each, in their order."""
        serials = {delivery.serial for delivery, _ in arrivals}
        ledgers = self._ledgers.take(connection, serials)
        group = _Group(connection, self, ledgers)
        appended = [group.append(delivery, envelope) for delivery, envelope in arrivals]
        group.write()
        self._ledgers.keep(ledgers, group.last_page)
        return appended

    def store(
        self,
        connection: sqlite3.Connection,
        records: Iterable[Record],
        envelope: Envelope,
        *,
        device: int | None,
    ) -> "Stored":
        """`device` None: the gateway itself says them."""
        fresh = new_rows(connection, device, [(event_id(record), record) for record in records])
        if device is not None:
            note_holds(connection, device, (record for _, record in fresh), envelope)
        pages = tuple(pages_of_rows(fresh))
        stored = _stored(pages)
        _insert_pages(connection, self.rows_of_pages(pages, envelope, device))
        if device is not None and stored.lowest is not None:
            ends = connection.execute("SELECT ends FROM devices WHERE device = ?", (device,))
            known = ends.fetchone()[0]
            connection.execute(
                _NOTE_ARRIVALS,
                {
                    "ends": note_rows(known, envelope.lane.number, self.last_arrival),
                    "lowest": own_time(stored.lowest, envelope.zone, envelope.clock_offset_ms),
                    "device": device,
                },
            )
        return stored

    def rows_of_pages(
        self, pages: Iterable[Page], envelope: Envelope, device: int | None
    ) -> list[PageRow]:
        """Rows of the table `pages`, numbered behind all others."""
        flags, suspect = encode_flags(envelope.flags)
        lane, received_at = envelope.lane.number, microseconds(envelope.received_at)
        rows: list[PageRow] = []
        for page in pages:
            first = self._next_arrival
            self._next_arrival += page.rows
            rows.append(
                (
                    first,
                    first + page.rows - 1,
                    lane,
                    device,
                    page.punches,
                    page.first_time,
                    page.last_time,
                    received_at,
                    envelope.clock_offset_ms,
                    envelope.zone,
                    flags,
                    suspect,
                    self._boot,
                    envelope.monotonic_ms,
                    page.body.json_bytes,
                    page.body.content,
                )
            )
        return rows


class _Group:
    """Deliveries of one transaction, stored together: their pages by one statement, their counters
    by another, their cursors by a third. What waits is written before anything that asks for it.
    """

    def __init__(
        self, connection: sqlite3.Connection, log: EventLog, ledgers: dict[str, Ledger]
    ) -> None:
        self._connection = connection
        self._log = log
        self._ledgers = ledgers
        self.last_page: int | None = None  # where the last page begins, None without any
        self._pages: list[PageRow] = []
        self._counts: list[tuple[object, ...]] = []
        self._places: list[tuple[object, ...]] = []

    def append(self, delivery: Delivery, envelope: Envelope) -> Appended:
        delivery = without_giants(delivery)
        ledger = self._ledgers.get(delivery.serial) or self._begin_ledger(delivery, envelope)
        stored = self._store_delivery(delivery, envelope, ledger)
        handed_over = _rows_in(delivery)
        now = microseconds(envelope.received_at)
        first_seen = sum(
            _quarantine(self._connection, row, device=ledger.device, now=now)
            for row in delivery.quarantined
        )
        self._counts.append(
            (
                ledger.device,
                envelope.device_name,
                handed_over + len(delivery.quarantined),
                stored.rows,
                handed_over - stored.rows,
                first_seen,
                len(delivery.quarantined) - first_seen,
                ledger.newest,
                ledger.ends,
                None
                if stored.lowest is None
                else own_time(stored.lowest, envelope.zone, envelope.clock_offset_ms),
                now,
                int(Flag.GATEWAY_CLOCK_SUSPECT not in envelope.flags),
            )
        )
        reading = envelope.reading
        if (delivery.cursor, delivery.on_device, reading) != (None, None, None):
            self._places.append(
                (
                    ledger.device,
                    delivery.cursor,
                    delivery.on_device,
                    delivery.log_rows,
                    None if reading is None else microseconds(reading.read_from),
                    None if reading is None else reading.offset_ms,
                )
            )
        if delivery.on_device is not None:
            self.write()  # marks ask for `ends`, and holds of later deliveries for `log_rows`
            note_read(self._connection, ledger.device, delivery, envelope)
        return Appended(
            stored=stored.rows,
            known=handed_over - stored.rows,
            quarantined=len(delivery.quarantined),
        )

    def write(self) -> None:
        if self._counts or self._pages:
            _insert_pages(self._connection, self._pages)
            self._connection.executemany(_COUNT, self._counts)
            self._connection.executemany(_NOTE_PLACE, self._places)
            self._pages, self._counts, self._places = [], [], []

    def _begin_ledger(self, delivery: Delivery, envelope: Envelope) -> Ledger:
        ledger = begin_ledger(self._connection, delivery.serial, envelope.device_name)
        self._ledgers[delivery.serial] = ledger
        return ledger

    def _store_delivery(self, delivery: Delivery, envelope: Envelope, ledger: Ledger) -> "Stored":
        pages = self._new_pages(delivery, envelope, ledger)
        stored = _stored(pages)
        if stored.newest is not None:
            self._pages += self._log.rows_of_pages(pages, envelope, ledger.device)
            last = self._log.last_arrival
            self.last_page = last - pages[-1].rows + 1
            ledger.note(stored.newest, envelope.lane, last)
        return stored

    def _new_pages(
        self, delivery: Delivery, envelope: Envelope, ledger: Ledger
    ) -> tuple[Page, ...]:
        """Of what is not stored yet."""
        packed = delivery.packed
        if packed is not None and fit_one_page(packed) and ledger.is_new(packed.times[0]):
            if packed.flags or Flag.CLOCK_SUSPECT in envelope.flags:
                note_holds(self._connection, ledger.device, packed.punches(), envelope)
            return (page_of_columns(packed),)
        rows = distinct([(event_id(record), record) for record in delivery.every_record()])
        if not rows:
            return ()
        if not ledger.is_new(event_moment(min(rows, key=itemgetter(0))[0])):
            self.write()
            rows = new_rows(self._connection, ledger.device, rows)
        records = [record for _, record in rows]
        note_holds(self._connection, ledger.device, records, envelope)
        return (page_of_row(rows[0]),) if len(rows) == 1 else tuple(pages_of_rows(rows))


class Stored(NamedTuple):
    """How many rows are new, the latest and the earliest of their times (ms), None without any."""

    rows: int
    newest: int | None
    lowest: int | None


_NOTHING = Stored(0, None, None)


def _stored(pages: Sequence[Page]) -> Stored:
    if not pages:
        return _NOTHING
    if len(pages) == 1:
        return Stored(pages[0].rows, pages[0].last_time, pages[0].first_time)
    return Stored(
        sum([page.rows for page in pages]),
        max([page.last_time for page in pages]),
        min([page.first_time for page in pages]),
    )


def _rows_in(delivery: Delivery) -> int:
    return len(delivery.records if delivery.packed is None else delivery.packed)


def _insert_pages(connection: sqlite3.Connection, rows: Sequence[PageRow]) -> None:
    connection.executemany(_INSERT_PAGE, rows)


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

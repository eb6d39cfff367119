"""Makes room by thinning readings of cumulative counters that no sink was sent yet.

A counter's readings between two others say only when the pieces came, not how many. Of each five
minutes the first and the last stay, and so do the readings on both sides of every edge: another
badge, boot or quality, a value that fell (reset). Shifts begin and end on whole five minutes, so no
edge of a shift is crossed. What went is a row itself: the event `counts_thinned`.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from edge_agent.spool.codec import Envelope
from edge_agent.spool.intake import EventLog
from edge_agent.spool.lanes import Lane
from edge_agent.spool.page_body import body_of_records
from edge_agent.spool.stored_rows import PAGE_COLUMNS, StoredRow, rows_of_page
from protocols.identity import event_moment
from protocols.records import Count, DeviceEvent

COUNT_LANES = (Lane.COUNT_LIVE, Lane.COUNT_BACKLOG)
SLOT_S = 300
PAGES_AT_A_TIME = 500  # of one transaction

_UNSENT = f"""
    SELECT {PAGE_COLUMNS} FROM pages
    WHERE lane = :lane AND first_arrival > max(:after, (
        SELECT coalesce(max(max(position, batch_end)), 0) FROM sinks WHERE lane = :lane))
    ORDER BY first_arrival LIMIT {PAGES_AT_A_TIME}"""  # noqa: S608 - our own words

_SHORTEN = """
    UPDATE pages SET last_arrival = ?, first_time = ?, last_time = ?, json_bytes = ?, body = ?
    WHERE first_arrival = ?"""


class Thinned(Struct, frozen=True, kw_only=True):
    """Of one step. `after`: where the next step goes on; `more`: whether there is one."""

    readings: int
    after: int
    more: bool


class _Gone(Struct):
    """Readings of one counter that went: how many, and the times of first and last."""

    zone: str
    count: int
    first: datetime
    last: datetime


def thin_counts(
    connection: sqlite3.Connection, log: EventLog, lane: Lane, after: int, envelope: Envelope
) -> Thinned:
    """One step. `envelope` is for the rows that tell what went."""
    pages = connection.execute(_UNSENT, {"lane": lane.number, "after": after}).fetchall()
    if not pages:
        return Thinned(readings=0, after=after, more=False)
    rows = [rows_of_page(page) for page in pages]
    going = superfluous([row for page in rows for row in page])
    by_device: Counter[int | None] = Counter()
    for page in rows:
        if kept := _thin_page(connection, page, going):
            by_device[page[0].device] += kept
    for device, count in by_device.items():
        connection.execute(
            "UPDATE devices SET thinned = thinned + ? WHERE device = ?", (count, device)
        )
    _tell(connection, log, [row for page in rows for row in page if row.arrival in going], envelope)
    return Thinned(
        readings=by_device.total(), after=pages[-1][0], more=len(pages) == PAGES_AT_A_TIME
    )


def superfluous(rows: Sequence[StoredRow]) -> frozenset[int]:
    """Arrivals of the readings that say nothing which their neighbours do not say."""
    runs: dict[tuple[object, ...], list[tuple[StoredRow, Count]]] = {}
    going: set[int] = set()
    for row in rows:
        reading = row.record
        if not isinstance(reading, Count):
            continue
        counter = (row.device, reading.source, reading.tag, reading.metric, reading.reject_code)
        run = runs.setdefault(counter, [])
        if run and not _continues(run[-1], (row, reading)):
            run.clear()
        run.append((row, reading))
        if len(run) == 3:
            going.add(run.pop(1)[0].arrival)
    return frozenset(going)


def _continues(before: tuple[StoredRow, Count], now: tuple[StoredRow, Count]) -> bool:
    (row, reading), (next_row, next_reading) = before, now
    return next_reading.value >= reading.value and _stretch(row, reading) == _stretch(
        next_row, next_reading
    )


def _stretch(row: StoredRow, reading: Count) -> tuple[object, ...]:
    """What does not change between two edges."""
    slot = int(reading.source_time.timestamp()) // SLOT_S
    return (
        reading.boot_id,
        reading.badge,
        reading.quality,
        reading.flags,
        slot,
        row.boot,
        row.flags,
        row.suspect,
    )


def _thin_page(connection: sqlite3.Connection, page: list[StoredRow], going: frozenset[int]) -> int:
    """How many rows of it went."""
    kept = [row for row in page if row.arrival not in going]
    first = page[0].arrival
    if not kept:
        connection.execute("DELETE FROM pages WHERE first_arrival = ?", (first,))
    elif len(kept) < len(page):
        body = body_of_records([row.record for row in kept])
        moments = [event_moment(row.event_id) for row in kept]
        end = first + len(kept) - 1
        connection.execute(
            _SHORTEN, (end, min(moments), max(moments), body.json_bytes, body.content, first)
        )
    return len(page) - len(kept)


def _tell(
    connection: sqlite3.Connection, log: EventLog, gone: Sequence[StoredRow], envelope: Envelope
) -> None:
    counters: dict[tuple[str, str], _Gone] = {}
    for row in gone:
        reading = row.record
        assert isinstance(reading, Count)  # noqa: S101 - `superfluous` names no others
        at = reading.source_time
        about = counters.setdefault((reading.source, reading.tag), _Gone(row.zone, 0, at, at))
        about.count += 1
        about.first, about.last = min(about.first, at), max(about.last, at)
    for (source, tag), about in counters.items():
        event = DeviceEvent(
            serial=source,
            code="counts_thinned",
            device_time=envelope.received_at.replace(tzinfo=None),
            detail={
                "tag": tag,
                "readings": about.count,
                "first": about.first.isoformat(),
                "last": about.last.isoformat(),
            },
            # Two steps of one second are two events.
            raw=f"{tag} {gone[0].arrival}".encode(),
        )
        log.store(connection, (event,), replace(envelope, zone="UTC"), device=None)

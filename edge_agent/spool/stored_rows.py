"""Rows as the pages hold them: what is asked for by lane, by arrival, by event id."""

import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from edge_agent.spool.codec import decode_flags, instant
from edge_agent.spool.page_body import MAX_PAGE_ROWS, rows_of_body
from edge_agent.spool.read_marks import held_until
from protocols.identity import event_moment
from protocols.records import Record
from protocols.uplink import Observation

LAST_ARRIVAL = 2**63 - 1

PAGE_COLUMNS = """first_arrival, lane, device, received_at, clock_offset_ms, zone, flags, suspect, boot,
    monotonic_ms, body"""

# `first_arrival` is bounded from below too, so that the index finds the first page at once.
_PAGES_OF_LANE = f"""
    SELECT {PAGE_COLUMNS} FROM pages
    WHERE lane = :lane AND first_arrival > :after - {MAX_PAGE_ROWS} AND last_arrival > :after
        AND first_arrival <= :until
    ORDER BY first_arrival"""  # noqa: S608 - our own words

_PAGE_OF_ARRIVAL = f"""
    SELECT {PAGE_COLUMNS} FROM pages WHERE first_arrival <= :arrival
    ORDER BY first_arrival DESC LIMIT 1"""  # noqa: S608 - our own words

_PAGES_OF_MOMENT = f"""
    SELECT {PAGE_COLUMNS} FROM pages
    WHERE device IS :device AND last_time >= :moment AND first_time <= :moment"""  # noqa: S608

_PAGES_BETWEEN = f"""
    SELECT {PAGE_COLUMNS} FROM pages
    WHERE device IS :device AND last_time >= :first AND first_time <= :last"""  # noqa: S608


class StoredRow(Struct, frozen=True, gc=False):
    """One record, its number, and what the gateway knows of its arrival."""

    arrival: int
    lane: int
    device: int | None
    event_id: bytes
    record: Record
    received_at: int
    clock_offset_ms: int | None
    zone: str
    flags: str
    suspect: int
    boot: int
    monotonic_ms: int

    def held_until(self, connection: sqlite3.Connection) -> int | None:
        """See read_marks.held_until."""
        return held_until(
            connection,
            self.device,
            self.lane,
            self.arrival,
            moment_ms=event_moment(self.event_id),
            zone=self.zone,
            offset_ms=self.clock_offset_ms,
        )

    def observation(self) -> Observation:
        return Observation(
            event_id=self.event_id.hex(),
            record=self.record,
            received_at=instant(self.received_at),
            clock_offset_ms=self.clock_offset_ms,
            zone=self.zone,
            flags=decode_flags(self.flags, self.suspect),
        )


def rows_of_lane(
    connection: sqlite3.Connection, lane: int, *, after: int, until: int
) -> Iterator[StoredRow]:
    """Those with `after` < arrival <= `until`, in order of arrival."""
    pages = connection.execute(_PAGES_OF_LANE, {"lane": lane, "after": after, "until": until})
    for page in pages:
        for row in rows_of_page(page):
            if after < row.arrival <= until:
                yield row


def row_of_arrival(connection: sqlite3.Connection, arrival: int) -> StoredRow:
    """Raises LookupError when its page is gone."""
    page = connection.execute(_PAGE_OF_ARRIVAL, {"arrival": arrival}).fetchone()
    rows = [] if page is None else rows_of_page(page)
    place = 0 if page is None else arrival - page[0]
    if place >= len(rows):
        raise LookupError(f"no page holds arrival {arrival}")
    return rows[place]


def row_of_event(connection: sqlite3.Connection, identity: bytes) -> StoredRow | None:
    """Looks into the pages whose time fits, device by device."""
    moment = event_moment(identity)
    devices = [None, *(row[0] for row in connection.execute("SELECT device FROM devices"))]
    for device in devices:
        found = connection.execute(_PAGES_OF_MOMENT, {"device": device, "moment": moment})
        for page in found:
            for row in rows_of_page(page):
                if row.event_id == identity:
                    return row
    return None


def rows_of_moments(
    connection: sqlite3.Connection, first: int, last: int
) -> Iterator[tuple[StoredRow, tuple[int, int]]]:
    """Those with `first` <= own time <= `last` (ms, see pages), each with its page's arrivals."""
    devices = [None, *(row[0] for row in connection.execute("SELECT device FROM devices"))]
    for device in devices:
        about = {"device": device, "first": first, "last": last}
        for page in connection.execute(_PAGES_BETWEEN, about).fetchall():
            rows = rows_of_page(page)
            ends = rows[0].arrival, rows[-1].arrival
            for row in rows:
                if first <= event_moment(row.event_id) <= last:
                    yield row, ends


def rows_of_page(page: tuple[Any, ...]) -> list[StoredRow]:
    first, lane, device, received_at, offset, zone, flags, suspect, boot, monotonic_ms, body = page
    return [
        StoredRow(
            arrival,
            lane,
            device,
            identity,
            record,
            received_at,
            offset,
            zone,
            flags,
            suspect,
            boot,
            monotonic_ms,
        )
        for arrival, (identity, record) in enumerate(_decoded(first, body), start=first)
    ]


# A page outlives many batches, which take it slice by slice; eight of 5,000 rows are some 20 MB at
# the very worst, and both threads of the spool read the same backlog.
@lru_cache(maxsize=4)
def _decoded(first_arrival: int, body: bytes) -> list[tuple[bytes, Record]]:
    return rows_of_body(body, where=f"page {first_arrival}")

"""A serialised piece in a trace: the scan that named it, and the reading that counted it."""

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.event_rows import StoredEvent
from hr_core.store.piece_scans import scan_of_event, scans_of_reading
from protocols.identity import event_id
from protocols.records import Count


class TracedPiece(Struct, frozen=True, kw_only=True):
    """`badge` that was on, "" for none; `scanned` and `counted`: ids of the two events."""

    code: str
    badge: str
    metric: str
    scanned: str
    counted: str


def pieces_of(conn: sa.Connection, event: StoredEvent) -> tuple[TracedPiece, ...]:
    """Of a reading the piece that it counted, of a scan its reading; of anything else nothing."""
    record = event.record
    scans = (
        scans_of_reading(conn, record)
        if isinstance(record, Count)
        else scan_of_event(conn, event.event_id)
    )
    return tuple(
        TracedPiece(
            code=scan.code,
            badge=scan.badge,
            metric=scan.metric,
            scanned=scan.event_id.hex(),
            counted=event_id(
                Count(
                    source=scan.source,
                    tag=scan.tag,
                    metric="pieces" if scan.metric == "pieces" else "rejects",
                    value=0,  # is in no identity
                    boot_id=scan.boot_id,
                    seq=scan.seq,
                    source_time=scan.at,  # a scan and its reading are of one instant
                )
            ).hex(),
        )
        for scan in scans
    )

"""Serialised pieces as scanners named them, one row for each `piece_scanned` event.

An index over raw_events, which stay the truth: a row is never changed, and goes with its event.
"""

from datetime import datetime

import sqlalchemy as sa

from hr_core.quality.serial_pieces import PieceScan
from hr_core.store.database import UtcInstant, insert_or_ignore, metadata
from protocols.records import Count

piece_scans = sa.Table(
    "piece_scans",
    metadata,
    sa.Column("event_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("tag", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("badge", sa.Text, nullable=False),  # "": nobody had signed on
    # of the reading that counted it
    sa.Column("boot_id", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("at", UtcInstant, nullable=False),
    sa.Index("piece_scans_by_time", "at"),
    sa.Index("piece_scans_by_code", "code", "at"),
    sa.Index("piece_scans_by_reading", "source", "seq"),
)


def add_piece_scan(conn: sa.Connection, scan: PieceScan) -> None:
    conn.execute(insert_or_ignore(conn, piece_scans).values(scan._asdict()))


def remove_piece_scan(conn: sa.Connection, event_id: bytes) -> None:
    conn.execute(piece_scans.delete().where(piece_scans.c.event_id == event_id))


def scans_of_codes_between(conn: sa.Connection, start: datetime, end: datetime) -> list[PieceScan]:
    """Every read before `end`, however old, of a piece that was read in [start, end); by time."""
    columns = piece_scans.c
    codes = sa.select(columns.code).where(columns.at >= start, columns.at < end)
    return _scans(conn, sa.and_(columns.code.in_(codes), columns.at < end))


def scans_of_reading(conn: sa.Connection, reading: Count) -> list[PieceScan]:
    columns = piece_scans.c
    wanted = sa.and_(
        columns.source == reading.source,
        columns.seq == reading.seq,
        columns.tag == reading.tag,
        columns.metric == reading.metric,
        columns.boot_id == reading.boot_id,
    )
    return _scans(conn, wanted)


def scan_of_event(conn: sa.Connection, event_id: bytes) -> list[PieceScan]:
    return _scans(conn, piece_scans.c.event_id == event_id)


def _scans(conn: sa.Connection, wanted: sa.ColumnElement[bool]) -> list[PieceScan]:
    columns = piece_scans.c
    query = sa.select(piece_scans).where(wanted)
    ordered = query.order_by(columns.at, columns.seq, columns.event_id)
    return [
        PieceScan(
            row.event_id, row.source, row.tag, row.metric, row.code, row.badge, row.boot_id,
            row.seq, row.at,
        )
        for row in conn.execute(ordered)
    ]  # fmt: skip

"""Events that are more than a fact to look up: each kind goes where it is used."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from hr_core.ingest import device_orders
from hr_core.ingest.line_orders import REPLACED, take_line_order
from hr_core.ingest.piece_scans import SCANNED, take_piece_scan
from hr_core.store.event_rows import EventRow, whole_record
from protocols.records import DeviceEvent


def take_up_events(conn: sa.Connection, new: Iterable[EventRow], taken_at: datetime) -> None:
    """Of rows that were stored just now, in the transaction that stored them."""
    for row in new:
        if row.kind != "device_event":
            continue
        record = whole_record(row.body, row.raw)
        if not isinstance(record, DeviceEvent):
            continue
        if record.code == REPLACED:
            take_line_order(conn, row, record, taken_at)
        elif record.code == device_orders.REPLACED:
            device_orders.take_device_order(conn, row, record, taken_at)
        elif record.code == SCANNED:
            take_piece_scan(conn, row, record)

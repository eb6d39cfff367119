"""Serialised pieces that a scanner named (docs/drivers/barcode-scanner.md), taken up by the core."""

import logging

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.quality.serial_pieces import PieceScan
from hr_core.store.database import from_microseconds
from hr_core.store.event_rows import EventRow
from hr_core.store.piece_scans import add_piece_scan
from protocols.records import DeviceEvent

SCANNED = "piece_scanned"

_log = logging.getLogger(__name__)


class _Detail(Struct, frozen=True):
    tag: str
    code: str
    badge: str
    metric: str
    boot_id: str
    seq: int


def take_piece_scan(conn: sa.Connection, row: EventRow, event: DeviceEvent) -> bool:
    """False for one without its facts: told, and stored as an event all the same."""
    try:
        detail = msgspec.convert(event.detail, _Detail)
    except msgspec.ValidationError as exc:
        _log.error(
            "a scanned piece is evidence for nobody, its event lacks facts (%s): event %s of "
            "gateway %s. Is the gateway of another version?",
            exc,
            row.event_id.hex(),
            row.gateway,
        )
        return False
    scan = PieceScan(
        event_id=row.event_id,
        source=event.serial,
        tag=detail.tag,
        metric=detail.metric,
        code=detail.code,
        badge=detail.badge,
        boot_id=detail.boot_id,
        seq=detail.seq,
        at=from_microseconds(row.at),
    )
    add_piece_scan(conn, scan)
    return True

"""What people ordered about lines at a gateway (`edge-agent line replace`), taken up by the core.

The order travels as a device event, so it is signed, stored and traced like a reading; here it
becomes an entry beside those of `hr-core line replace`.
"""

import logging
from datetime import UTC, datetime

import sqlalchemy as sa

from hr_core.quality.counters import Replacement
from hr_core.store.event_rows import EventRow
from hr_core.store.line_entries import add_replacement
from protocols.records import DeviceEvent

REPLACED = "line_replaced"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


def take_line_order(
    conn: sa.Connection, row: EventRow, order: DeviceEvent, recorded_at: datetime
) -> bool:
    """Whether it was new. A gateway that sends an order without its facts has a fault: told, its event stays stored."""
    tag, at = order.detail.get("tag"), order.detail.get("at")
    try:
        moment = datetime.fromisoformat(str(at))
        since = int((moment - _EPOCH).total_seconds())
    except (ValueError, TypeError):
        since = None
    if not tag or since is None:
        _log.error(
            "an order about a line does not say which counter or since when: event %s of gateway "
            "%s. Enter it by `hr-core line replace`",
            row.event_id.hex(),
            row.gateway,
        )
        return False
    entry = Replacement(
        at=since, author=str(order.detail.get("by", "")), reason=str(order.detail.get("reason", ""))
    )
    return add_replacement(conn, (order.serial, str(tag)), entry, recorded_at)

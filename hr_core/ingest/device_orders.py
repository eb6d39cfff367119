"""What people ordered about terminals at a gateway (`edge-agent device replace`), taken up by the core."""

import logging
from datetime import datetime

import sqlalchemy as sa

from hr_core.device_retirement import Ruling, note_replacement
from hr_core.errors import CoreError
from hr_core.store.event_rows import EventRow
from protocols.records import DeviceEvent

REPLACED = "device_replaced"
_REMEDY = "Enter it by `hr-core devices retire`"

_log = logging.getLogger(__name__)


def take_device_order(
    conn: sa.Connection, row: EventRow, order: DeviceEvent, recorded_at: datetime
) -> None:
    """The unit that was replaced is retired from the day on which the new one was first read."""
    detail = {name: str(order.detail.get(name) or "") for name in ("old", "new", "ordered_by")}
    event = f"event {row.event_id.hex()} of gateway {row.gateway}"
    if not detail["old"] or not detail["new"]:
        _log.error("a replaced device is not retired, no unit is named: %s. %s", event, _REMEDY)
        return
    ruling = Ruling(
        by=detail["ordered_by"] or f"gateway {row.gateway}",
        at=recorded_at,
        reason=f"{detail['new']} took its place, {event}",
    )
    try:
        note_replacement(conn, detail["old"], detail["new"], order.device_time.date(), ruling)
    except CoreError as exc:
        _log.error("a replaced device is not retired (%s): %s. %s", exc, event, _REMEDY)

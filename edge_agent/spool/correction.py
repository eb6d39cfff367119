"""Moves receipt times that were written before the gateway knew the time."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.spool.codec import Envelope, instant, microseconds
from edge_agent.spool.intake import EventLog
from edge_agent.spool.results import Corrected
from edge_agent.timekeeping import ClockStep
from protocols.records import DeviceEvent

# A row belongs to the timeline that was stepped when it was received on it: its receipt time less
# its monotonic time is that timeline's zero. A slow page may be stamped minutes before it is
# appended; two timelines of one boot lie days or years apart.
_SAME_TIMELINE = timedelta(minutes=10)

_COUNT_UNSENT = """
    SELECT coalesce(sum(rows), 0) FROM suspects
    WHERE boot_id = :boot_id AND abs(timeline - :zero) <= :tolerance AND NOT sent"""

_MOVE_UNSENT = """
    UPDATE pages SET received_at = received_at + :step, suspect = 0 WHERE first_arrival IN (
        SELECT first_arrival FROM suspects
        WHERE boot_id = :boot_id AND abs(timeline - :zero) <= :tolerance AND NOT sent)"""

_SENT_BY_DEVICE = """
    SELECT devices.serial, max(suspects.zone), sum(rows), min(received_at), max(received_at)
    FROM suspects JOIN devices ON devices.device = suspects.device
    WHERE boot_id = :boot_id AND abs(timeline - :zero) <= :tolerance
    GROUP BY devices.serial"""

_CLOSE_SENT = """
    UPDATE pages SET suspect = 2 WHERE first_arrival IN (
        SELECT first_arrival FROM suspects
        WHERE boot_id = :boot_id AND abs(timeline - :zero) <= :tolerance)"""


def correct_received_at(
    connection: sqlite3.Connection,
    log: EventLog,
    *,
    boot_id: str,
    step: ClockStep,
    envelope: Envelope,
) -> Corrected:
    """Rows that no sink was sent get the true time and lose the flag.

    A row that was sent stays as it was sent, flag included: a `gateway_clock_step` event for its
    device tells the step instead. Either way a row is treated once. `envelope` is for that event.
    """
    arguments: dict[str, Any] = {
        "boot_id": boot_id,
        "zero": microseconds(step.suspect_zero),
        "tolerance": _SAME_TIMELINE // timedelta.resolution,
        "step": step.step // timedelta.resolution,
    }
    moved = connection.execute(_COUNT_UNSENT, arguments).fetchone()[0]
    connection.execute(_MOVE_UNSENT, arguments)
    announcements = connection.execute(_SENT_BY_DEVICE, arguments).fetchall()
    announced = 0
    for serial, zone, rows, first, last in announcements:
        detail: dict[str, str | int] = {
            "boot_id": boot_id,
            "step_ms": step.step // timedelta(milliseconds=1),
            "rows": rows,
            "received_from": instant(first).isoformat(),
            "received_until": instant(last).isoformat(),
        }
        event = _clock_step_event(serial, zone, envelope.received_at, detail)
        in_zone = msgspec.structs.replace(envelope, zone=zone)
        log.store(connection, (event,), in_zone, device=None)
        announced += rows
    connection.execute(_CLOSE_SENT, arguments)
    return Corrected(moved=moved, announced=announced)


def step_event(gateway: str, boot_id: str, step: ClockStep, envelope: Envelope) -> DeviceEvent:
    """Records of this boot are stamped by two timelines, `step_ms` apart from here on."""
    detail: dict[str, str | int] = {
        "boot_id": boot_id,
        "step_ms": step.step // timedelta(milliseconds=1),
        "trusted": int(step.trusted),
    }
    return _clock_step_event(gateway, envelope.zone, envelope.received_at, detail)


def _clock_step_event(
    serial: str, zone: str, at: datetime, detail: Mapping[str, str | int]
) -> DeviceEvent:
    return DeviceEvent(
        serial=serial,
        code="gateway_clock_step",
        device_time=at.astimezone(ZoneInfo(zone)).replace(tzinfo=None),
        detail=dict(detail),
    )

"""The agent takes up what people decided beside it: events for the core, records from quarantine."""

import sqlite3
from datetime import UTC

import msgspec
from msgspec.structs import replace

from edge_agent.spool.acts import TOLD, Act, What, taken_up, waiting_acts
from edge_agent.spool.codec import Envelope, instant
from edge_agent.spool.intake import EventLog
from edge_agent.spool.lanes import Lane
from edge_agent.spool.quarantine import DecodedRow
from edge_agent.spool.recognition import rows_at
from protocols.identity import event_id, event_moment
from protocols.records import Count, DeviceEvent, Punch, Record

GATEWAY = "gateway"

_MOVE = """
    UPDATE devices SET received = received + :records - 1, stored = stored + :stored,
        known = known + :records - :stored, quarantined = quarantined - 1,
        newest_time = max(coalesce(newest_time, :newest), coalesce(:newest, newest_time))
    WHERE device = :device"""

_decoded = msgspec.json.Decoder(DecodedRow)


def take_up_acts(connection: sqlite3.Connection, log: EventLog, envelope: Envelope) -> None:
    """`envelope` of what the gateway says itself, now."""
    for act in waiting_acts(connection):
        if act.what in TOLD:
            log.store(connection, (_event(act),), replace(envelope, zone="UTC"), device=None)
        elif act.what == What.QUARANTINE_DECODED:
            _take_in(connection, log, act, envelope)
        taken_up(connection, act)


def _event(act: Act) -> DeviceEvent:
    told = {"by": act.who, "subject": act.subject, "reason": act.reason, "sink": act.sink}
    return DeviceEvent(
        serial=act.serial or GATEWAY,
        code=act.what,
        device_time=act.at.astimezone(UTC).replace(tzinfo=None),
        detail={name: value for name, value in told.items() if value is not None},
        raw=f"act {act.number} {act.subject}".encode(),  # two acts of one second are two events
    )


def _take_in(connection: sqlite3.Connection, log: EventLog, act: Act, envelope: Envelope) -> None:
    row = connection.execute(
        "SELECT device, first_seen FROM quarantine WHERE id = ? AND settled_by IS NULL",
        (int(act.subject),),
    ).fetchone()
    if row is None or act.payload is None:
        return
    device, first_seen = row
    name = connection.execute("SELECT name FROM devices WHERE device = ?", (device,)).fetchone()[0]
    decoded = _decoded.decode(act.payload)
    stored, newest = 0, None
    for record in decoded.records:
        arrival = replace(
            envelope,
            device_name=name,
            zone=decoded.zone,
            lane=_lane_of(record),
            received_at=instant(first_seen),
        )
        placed = _placed(connection, device, record)
        if placed is not None:
            taken = log.store(connection, (placed,), arrival, device=device)
            stored += taken.rows
            newest = max(filter(None, (newest, taken.newest)), default=newest)
    connection.execute(
        _MOVE,
        {"records": len(decoded.records), "stored": stored, "newest": newest, "device": device},
    )
    connection.execute(
        "UPDATE quarantine SET settled_by = ? WHERE id = ?", (act.number, int(act.subject))
    )


def _placed(connection: sqlite3.Connection, device: int, record: Record) -> Record | None:
    """`record` with its ordinal among its equals; None when the same bytes are here as a record (the
    log was read again by a better decoder before anybody asked for the bytes in quarantine).
    """
    if not isinstance(record, Punch):
        return record
    first = replace(record, ordinal=0)
    equals = [
        one
        for one in rows_at(connection, device, event_moment(event_id(first)))
        if isinstance(one, Punch) and event_id(replace(one, ordinal=0)) == event_id(first)
    ]
    if any(one.raw == record.raw for one in equals):
        return None
    return replace(record, ordinal=max((one.ordinal for one in equals), default=-1) + 1)


def _lane_of(record: Record) -> Lane:
    match record:
        case Punch():
            return Lane.PUNCH_BACKLOG
        case Count():
            return Lane.COUNT_BACKLOG
        case DeviceEvent():
            return Lane.TELEMETRY

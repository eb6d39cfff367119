"""Rows of live events."""

import struct

from edge_agent.decoding.kinds import Row
from edge_agent.decoding.rows import punch_row
from edge_agent.decoding.zk_tables import bad_row
from protocols.errors import ProtocolError
from protocols.records import Quarantined
from protocols.zk.events import EventFlag, decode_attlog_event, parse_attlog_event
from protocols.zk.framing import Packet

_UNKNOWN_UID = 0xFFFF_FFFF
_NUMBER = struct.Struct("<I")
_ENROLLED = struct.Struct("<HH")

_CODES = {
    EventFlag.FINGER: "finger_placed",
    EventFlag.ENROLL_USER: "user_enrolled",
    EventFlag.ENROLL_FINGER: "fingerprint_enrolled",
    EventFlag.BUTTON: "button_pressed",
    EventFlag.UNLOCK: "door_unlocked",
    EventFlag.VERIFY: "verified",
    EventFlag.FINGER_SCORE: "finger_score",
    EventFlag.ALARM: "alarm",
}


def event_rows(packet: Packet, *, source: str, offset: int) -> list[Row]:
    """The punches of an ATTLOG event, one row for any other."""
    if packet.session == EventFlag.ATTLOG:
        return _punch_rows(packet.data, source, offset)
    data = packet.data
    row: Row = {
        "kind": "device_event",
        "serial": source,
        "code": _code(packet.session),
        "event": packet.session,
        "device_time": None,
    }
    if packet.session == EventFlag.VERIFY and len(data) >= _NUMBER.size:
        (uid,) = _NUMBER.unpack_from(data)
        row["uid"] = None if uid == _UNKNOWN_UID else uid
    elif packet.session == EventFlag.FINGER_SCORE and data:
        row["score"] = data[0]
    elif packet.session == EventFlag.ENROLL_FINGER and len(data) >= _ENROLLED.size:
        row["result"], row["size"] = _ENROLLED.unpack_from(data)
    elif packet.session == EventFlag.ALARM and data:
        row["alarm"] = int.from_bytes(data[:4], "little")
    return [row | {"raw": data.hex()}]


def _code(flags: int) -> str:
    return next((code for flag, code in _CODES.items() if flag == flags), f"event_{flags}")


def _punch_rows(data: bytes, source: str, offset: int) -> list[Row]:
    try:
        live = parse_attlog_event(data)
    except ProtocolError as exc:
        return [bad_row(source, offset, str(exc), data)]
    texts = {row.uid: str(row.uid) for row in live if row.uid is not None}
    rows: list[Row] = []
    punches = decode_attlog_event(data, serial=source, users=texts)
    for parsed, punch in zip(live, punches, strict=True):
        if isinstance(punch, Quarantined):
            rows.append(bad_row(source, offset + punch.offset, punch.reason, punch.raw))
            continue
        row = punch_row(punch, uid=parsed.uid)
        row["user_id"] = parsed.user_id  # an event by uid names no user id
        rows.append(row)
    return rows

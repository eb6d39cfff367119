"""Rows of single ZK packets: options, events, written users, and plain frames."""

import re
from typing import Any

from edge_agent.decoding.kinds import Row
from edge_agent.decoding.zk_events import event_rows
from edge_agent.decoding.zk_tables import bad_row, user_rows
from protocols.zk.capture import CapturedPacket, Stray
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.framing import Packet
from protocols.zk.sizes import decode_sizes
from protocols.zk.stored_tables import USER_WIDTHS
from protocols.zk.templates import digest, holds_template

_OPTION = re.compile(rb"(~?[A-Za-z][\w-]*)=([^\0]*)\0?")
_SECRET_OPTION = re.compile(r"key$|passw|pwd|secret", re.IGNORECASE)
_MASK = "***"
_SIZES_LENGTHS = frozenset({80, 92, 112})
_MAX_SHOWN_BYTES = 1024  # a longer body is an upload of templates or photos
# Uploads of templates and users; a user record of an unknown width holds a password somewhere.
_HIDDEN_UPLOADS = frozenset(
    {Command.USERTEMP_WRQ, Command.USER_WRQ, Command.PREPARE_DATA, Command.DATA}
)


def packet_rows(item: CapturedPacket, source: str) -> list[Row]:
    """The rows of a packet that belongs to no table: one, more only for an event of many punches."""
    packet = item.packet
    if not item.sent and packet.command == EVENT:
        return event_rows(packet, source=source, offset=item.offset)
    for width in USER_WIDTHS:
        if item.sent and packet.command == Command.USER_WRQ and len(packet.data) == width:
            rows = user_rows(packet.data, width, source=source, offset=item.offset)
            return [row | {"written": True} for row in rows]
    values = _options(item)
    if values is not None:
        written = item.sent
        return [{"kind": "options", "serial": source, "values": values, "written": written}]
    return [_frame_row(item)]


def stray_row(stray: Stray, source: str) -> Row:
    """Raw bytes only when they are few: a longer part of a frame may be biometric."""
    reason = f"{len(stray.data)} bytes belong to no frame"
    return bad_row(source, stray.offset, reason, stray.data if len(stray.data) < 16 else b"")


def _options(item: CapturedPacket) -> dict[str, str] | None:
    packet = item.packet
    if packet.command != (Command.OPTIONS_WRQ if item.sent else Reply.ACK_OK):
        return None
    matched = _OPTION.fullmatch(packet.data)
    if matched is None:
        return None
    key = matched[1].decode("ascii").lstrip("~")
    value = matched[2].decode("utf-8", errors="backslashreplace")
    return {key: _MASK if _SECRET_OPTION.search(key) else value}


def _frame_row(item: CapturedPacket) -> Row:
    packet = item.packet
    row: Row = {
        "kind": "frame",
        "dir": "TX" if item.sent else "RX",
        "command": packet.command,
        "name": _name(item),
        "session": packet.session,
        "reply_id": packet.reply_id,
        "checksum_ok": item.checksum_ok,
    }
    if item.missing:
        row["missing_bytes"] = item.missing
    return row | _shown(item)


def _shown(item: CapturedPacket) -> dict[str, Any]:
    """The data, less what must not be shown."""
    packet = item.packet
    if item.sent and packet.command == Command.AUTH:
        return {"data": _MASK}  # a token reveals the comm key
    if _is_hidden(item):
        return {"size": len(packet.data), "digest": digest(packet.data)}
    shown: dict[str, Any] = {"data": packet.data.hex()}
    if not item.sent and packet.command == Reply.ACK_OK and len(packet.data) in _SIZES_LENGTHS:
        sizes = decode_sizes(packet.data)
        shown["sizes"] = {name: getattr(sizes, name) for name in sizes.__struct_fields__}
    elif packet.command == Command.OPTIONS_RRQ and item.sent:
        shown["option"] = packet.data.partition(b"\0")[0].decode("ascii", "backslashreplace")
    return shown


def _is_hidden(item: CapturedPacket) -> bool:
    packet: Packet = item.packet
    uploads = item.sent and packet.command in _HIDDEN_UPLOADS
    return uploads or len(packet.data) > _MAX_SHOWN_BYTES or holds_template(packet.data)


def _name(item: CapturedPacket) -> str:
    codes = Command if item.sent else Reply
    try:
        return codes(item.packet.command).name
    except ValueError:
        return f"{'command' if item.sent else 'reply'}_{item.packet.command}"

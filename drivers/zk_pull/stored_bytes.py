"""Rows of a terminal's log as bytes that were kept: decoded again, and field by field."""

from collections.abc import Iterator
from datetime import datetime

from drivers.stored_bytes import Redecoded, WireField
from drivers.zk_pull.log_cursor import LogCursor
from drivers.zk_pull.operations import ledger_name
from protocols.records import DeviceEvent, Punch, Quarantined
from protocols.zk.attendance import decode_attendance
from protocols.zk.clock import unpack_time
from protocols.zk.layouts import Layout, state_of_flags, user_id_text, verify_of_flags
from protocols.zk.meanings import METHODS, STATES, UNKNOWN_METHOD
from protocols.zk.oplog import OPERATION_BYTES, decode_operations

_NOT_FROM_HERE = "see docs/dead-letters.md"


def decode_again(
    row: Quarantined, *, serial: str, cursor: bytes | None, now: datetime
) -> Redecoded:
    """Only a row of known width and layout; a whole log that no layout fits is no row."""
    if row.source == ledger_name(serial) or serial.endswith(ledger_name("")):
        return _operation(row, serial)
    stored = LogCursor.decode(cursor)
    if stored is None:
        return Redecoded(
            (), f"nothing is known of how this terminal's log is laid out; {_NOT_FROM_HERE}"
        )
    layout = stored.layout
    if len(row.raw) != layout.width:
        return Redecoded((), f"{len(row.raw)} bytes are no row of {layout}; {_NOT_FROM_HERE}")
    if layout.holds_uid:
        return Redecoded(
            (),
            f"a row of {layout} needs the terminal's user table, which is not kept here; {_NOT_FROM_HERE}",
        )
    (found,) = decode_attendance(row.raw, layout, serial=serial, now=now)
    if isinstance(found, Punch):
        return Redecoded((found,))
    return Redecoded((), found.reason)


def wire_fields(raw: bytes, *, cursor: bytes | None) -> tuple[WireField, ...]:
    stored = LogCursor.decode(cursor)
    if stored is None or len(raw) != stored.layout.width:
        return ()
    return tuple(sorted(_fields(raw, stored.layout), key=lambda field: field.offset))


def _operation(row: Quarantined, serial: str) -> Redecoded:
    if len(row.raw) != OPERATION_BYTES:
        return Redecoded((), f"{len(row.raw)} bytes are no entry of an operation log")
    (found,) = decode_operations(row.raw, serial=serial.removesuffix(ledger_name("")))
    if isinstance(found, DeviceEvent):
        return Redecoded((found,))
    return Redecoded((), found.reason)


def _fields(raw: bytes, layout: Layout) -> Iterator[WireField]:
    places = layout.places
    known = [
        _user(raw, places.user, places.user_bytes, layout),
        _time(raw, places.time),
    ]
    if places.flags is None:
        verify, state = raw[places.verify], raw[places.state]
        known.append(_number(raw, places.verify, 1, "verify", METHODS.get(verify, UNKNOWN_METHOD)))
        known.append(_number(raw, places.state, 1, "state", _state(state)))
    else:
        flags = raw[places.flags]
        means = f"verify {verify_of_flags(flags)}, state {state_of_flags(flags)}"
        known.append(_number(raw, places.flags, 1, "flags", means))
    if places.work_code is not None:
        known.append(_number(raw, places.work_code, 4, "work_code", ""))
    yield from known
    yield from _rest(raw, known)


def _user(raw: bytes, offset: int, length: int, layout: Layout) -> WireField:
    field = raw[offset : offset + length]
    if length > 4:  # text, NUL-padded
        return WireField(
            offset, length, "user_id", field.hex(), user_id_text(field) or "unreadable"
        )
    name = "uid" if layout.holds_uid else "user_id"
    return WireField(offset, length, name, field.hex(), str(int.from_bytes(field, "little")))


def _time(raw: bytes, offset: int) -> WireField:
    packed = int.from_bytes(raw[offset : offset + 4], "little")
    shown = unpack_time(packed)
    means = "a date of no calendar" if shown is None else shown.isoformat()
    return WireField(offset, 4, "time", raw[offset : offset + 4].hex(), means)


def _number(raw: bytes, offset: int, length: int, name: str, means: str) -> WireField:
    field = raw[offset : offset + length]
    number = str(int.from_bytes(field, "little"))
    return WireField(offset, length, name, field.hex(), f"{number} {means}".strip())


def _state(state: int) -> str:
    direction = STATES.get(state)
    return "" if direction is None else direction.value


def _rest(raw: bytes, known: list[WireField]) -> Iterator[WireField]:
    """Bytes that no field claims: a uid beside the text id, padding, a mark."""
    taken = {at for field in known for at in range(field.offset, field.offset + field.length)}
    start = None
    for at in range(len(raw) + 1):
        free = at < len(raw) and at not in taken
        if free and start is None:
            start = at
        elif not free and start is not None:
            yield WireField(start, at - start, "unread", raw[start:at].hex())
            start = None

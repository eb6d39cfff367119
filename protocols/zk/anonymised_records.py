"""Records of ZK terminals with everybody in them replaced, byte layouts unchanged.

Fields that are understood and tell nothing about a person stay (state, way of verifying, group).
Bytes that no field is known for become zero; `Blank` counts them.
"""

import struct
from collections.abc import Callable
from datetime import datetime
from typing import Final

from protocols.errors import ProtocolError
from protocols.zk.events import EventFlag, parse_attlog_event
from protocols.zk.layouts import Layout, is_filled, user_id_text
from protocols.zk.oplog import OPERATION_BYTES
from protocols.zk.pseudonyms import Pseudonyms
from protocols.zk.users import UserWidth

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_LONG_MARK: Final = b"\xff255"
_MAX_WORK_CODE: Final = 99_999_999
_WORN: Final = frozenset({0x5A5A5A5A, 0xFFFFFFFF})
_NOBODY: Final = 0xFFFF_FFFF
_CENTURY: Final = 2000


class Blank:
    """Makes bytes zero and counts those that were not."""

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, data: bytes) -> bytes:
        self.bytes += len(data) - data.count(0)
        return bytes(len(data))


def anonymised_attendance(
    records: bytes, layout: Layout, pseudonyms: Pseudonyms, blank: Blank
) -> bytes:
    def replaced(record: bytes) -> bytes:
        match layout:
            case Layout.ATT40 | Layout.ATT49 | Layout.ATT36:
                return _text_row(record, pseudonyms, blank)
            case Layout.ATT16:
                return _number_row(record, pseudonyms, blank)
            case Layout.ATT8A:
                head = _uid(record, pseudonyms) + record[2:3] + blank(record[3:4])
                return head + _time(record[4:], pseudonyms)
            case Layout.ATT8B:
                head = _uid(record, pseudonyms) + record[2:3]
                return head + _time(record[3:7], pseudonyms) + record[7:]

    return _each(records, layout.width, replaced, blank)


def anonymised_users(
    records: bytes, width: UserWidth, pseudonyms: Pseudonyms, blank: Blank
) -> bytes:
    def wide(record: bytes) -> bytes:
        return (
            _uid(record, pseudonyms)
            + record[2:3]
            + pseudonyms.password(record[3:11])
            + pseudonyms.name(record[11:35])
            + _U32.pack(pseudonyms.card(_U32.unpack_from(record, 35)[0]))
            + record[39:48]
            + _user_id(record[48:], pseudonyms, blank)
        )

    def narrow(record: bytes) -> bytes:
        return (
            _uid(record, pseudonyms)
            + record[2:3]
            + pseudonyms.password(record[3:8])
            + pseudonyms.name(record[8:16])
            + _U32.pack(pseudonyms.card(_U32.unpack_from(record, 16)[0]))
            + blank(record[20:21])
            + record[21:24]
            + _number(record[24:], pseudonyms)
        )

    return _each(records, width, wide if width == 72 else narrow, blank)


def anonymised_operations(records: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    """What was done and when; who did it is replaced, to whom is blanked."""

    def replaced(record: bytes) -> bytes:
        head = _uid(record, pseudonyms) + record[2:4]
        return head + _time(record[4:8], pseudonyms) + blank(record[8:])

    return _each(records, OPERATION_BYTES, replaced, blank)


def anonymised_event(flags: int, payload: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    if flags == EventFlag.VERIFY and len(payload) >= _U32.size:
        (uid,) = _U32.unpack_from(payload)
        known = uid if uid == _NOBODY else pseudonyms.uid(uid & 0xFFFF)
        return _U32.pack(known) + blank(payload[4:])
    if flags != EventFlag.ATTLOG:
        return blank(payload)
    try:
        rows = parse_attlog_event(payload)
    except ProtocolError:
        return blank(payload)
    return b"".join(_live_row(row.raw, pseudonyms, blank) for row in rows)


def anonymised_time(data: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    """A packed clock, alone in its packet."""
    if len(data) < _U32.size:
        return blank(data)
    return _time(data[:4], pseudonyms) + blank(data[4:])


def _each(records: bytes, width: int, replaced: Callable[[bytes], bytes], blank: Blank) -> bytes:
    """Worn or erased records stay as they are; a cut one is not shown."""
    whole = len(records) - len(records) % width
    parts = []
    for start in range(0, whole, width):
        record = records[start : start + width]
        parts.append(record if is_filled(record) else replaced(record))
    return b"".join(parts) + blank(records[whole:])


def _text_row(record: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    return (
        _uid(record, pseudonyms)
        + _user_id(record[2:26], pseudonyms, blank)
        + record[26:27]
        + _time(record[27:31], pseudonyms)
        + record[31:32]
        + _work_code(record[32:36], pseudonyms, blank)
        + blank(record[36:40])
        + _mark(record[40:], blank)
    )


def _number_row(record: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    return (
        _number(record[:4], pseudonyms)
        + _time(record[4:8], pseudonyms)
        + record[8:10]
        + blank(record[10:12])
        + _work_code(record[12:], pseudonyms, blank)
    )


def _live_row(row: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    if len(row) in {10, 14}:
        who, rest = _uid(row, pseudonyms), row[2:]
    elif len(row) == 12:
        who, rest = _number(row[:4], pseudonyms), row[4:]
    else:
        who, rest = _user_id(row[:24], pseudonyms, blank), row[24:]
    year, *others = _live_clock(rest[2:8], pseudonyms)
    head = who + rest[:2] + bytes((year, *others))
    code, unknown = rest[8:12], rest[12:]
    if len(code) == _U32.size:
        return head + _work_code(code, pseudonyms, blank) + blank(unknown)
    return head + blank(code)


def _live_clock(clock: bytes, pseudonyms: Pseudonyms) -> tuple[int, ...]:
    year, month, day, hour, minute, second = clock
    time = pseudonyms.time(datetime(_CENTURY + year, month, day, hour, minute, second))  # noqa: DTZ001 - a device clock is naive
    return (time.year - _CENTURY, time.month, time.day, time.hour, time.minute, time.second)


def _uid(record: bytes, pseudonyms: Pseudonyms) -> bytes:
    return _U16.pack(pseudonyms.uid(_U16.unpack_from(record)[0]))


def _number(field: bytes, pseudonyms: Pseudonyms) -> bytes:
    return _U32.pack(pseudonyms.user_number(_U32.unpack(field)[0]))


def _time(field: bytes, pseudonyms: Pseudonyms) -> bytes:
    return _U32.pack(pseudonyms.packed_time(_U32.unpack(field)[0]))


def _user_id(field: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    """What is no id, and stale bytes after one, are blanked."""
    text = user_id_text(field)
    if text is None:
        return blank(field)
    written = field.partition(b"\0")[0]
    made_up = written.replace(text.encode("ascii"), pseudonyms.user_id(text).encode("ascii"))
    return made_up + blank(field[len(written) :])


def _work_code(field: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    (number,) = _U32.unpack(field)
    if number <= _MAX_WORK_CODE:
        return _U32.pack(pseudonyms.work_code(number))
    return field if number in _WORN else blank(field)


def _mark(field: bytes, blank: Blank) -> bytes:
    known = len(_LONG_MARK) if field.startswith(_LONG_MARK) else int(field.startswith(b"\xff"))
    return field[:known] + blank(field[known:])

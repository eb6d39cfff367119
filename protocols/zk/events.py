"""Live events: what a terminal sends unasked after REG_EVENT (protocol.md 10).

Events are not durable: they trigger a pull and make a screen lively, they are never the only source.
"""

import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import IntFlag
from typing import Final

from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.records import Channel, Direction, Flag, Punch, Quarantined
from protocols.zk.layouts import user_id_text
from protocols.zk.meanings import METHODS, STATES, UNKNOWN_METHOD

_BY_UID = struct.Struct("<HBB6s")
_BY_NUMBER = struct.Struct("<IBB6s")
_BY_TEXT = struct.Struct("<24sBB6s")
_WORK_CODE = struct.Struct("<I")
_STATE_NIBBLE: Final = 0x0F  # of a by-uid event; the high nibble says "valid"
_CENTURY: Final = 2000

# Record lengths seen in the field. Longer ones first: a payload may hold several records, and a
# short stride would also divide many a long one.
_STRIDES: Final = (52, 37, 36, 32, 14, 12, 10)
_LONG_STRIDE: Final = 52


class EventFlag(IntFlag):
    """The session field of an event packet."""

    ATTLOG = 1
    FINGER = 2
    ENROLL_USER = 4
    ENROLL_FINGER = 8
    BUTTON = 16
    UNLOCK = 32
    VERIFY = 128
    FINGER_SCORE = 256
    ALARM = 512


class LiveRow(Struct, frozen=True, kw_only=True, gc=False):
    """One record of an ATTLOG event. Older terminals name the uid instead of the user id."""

    uid: int | None
    user_id: str | None
    verify: int
    state: int
    time: datetime
    work_code: int | None
    raw: bytes


def parse_attlog_event(data: bytes) -> tuple[LiveRow, ...]:
    """The records in the payload. Raises ProtocolError for a length or content nobody has seen."""
    for stride in (*(s for s in _STRIDES if s == len(data)), *_STRIDES):
        if data and len(data) % stride == 0:
            rows = [_row(data[start : start + stride]) for start in range(0, len(data), stride)]
            whole = tuple(row for row in rows if row is not None)
            if len(whole) == len(rows):
                return whole
    if len(data) > _LONG_STRIDE:
        first, rest = data[:_LONG_STRIDE], data[_LONG_STRIDE:]
        return (*parse_attlog_event(first), *parse_attlog_event(rest))
    raise ProtocolError(f"a punch event of {len(data)} bytes has no known layout")


def decode_attlog_event(
    data: bytes,
    *,
    serial: str,
    users: Mapping[int, str] | None = None,
    state_map: Mapping[int, Direction] = STATES,
    verify_map: Mapping[int, str] = METHODS,
) -> Iterator[Punch | Quarantined]:
    """Live punches; an unknown payload or a uid that is not in `users` is quarantined."""
    try:
        rows = parse_attlog_event(data)
    except ProtocolError as exc:
        yield Quarantined(source=serial, offset=0, reason=str(exc), raw=data)
        return
    offset = 0
    for row in rows:
        user_id = row.user_id
        if user_id is None and row.uid is not None:
            user_id = (users or {}).get(row.uid)
        if user_id is None:
            reason = f"uid {row.uid} is not in the user table"
            yield Quarantined(source=serial, offset=offset, reason=reason, raw=row.raw)
        else:
            yield Punch(
                serial=serial,
                user_id=user_id,
                device_time=row.time,
                state=row.state,
                verify=row.verify,
                direction=state_map.get(row.state, Direction.UNKNOWN),
                method=verify_map.get(row.verify, UNKNOWN_METHOD),
                work_code=row.work_code,
                channel=Channel.LIVE,
                flags=() if row.state in state_map else (Flag.STATE_UNKNOWN,),
                raw=row.raw,
            )
        offset += len(row.raw)


def encode_attlog_event(row: LiveRow, length: int) -> bytes:
    """The payload of `length` bytes that a terminal would send. Raises ValueError for others."""
    if length not in _STRIDES:
        raise ValueError(f"no terminal sends punch events of {length} bytes")
    time = row.time
    clock = bytes((time.year - _CENTURY, time.month, time.day, time.hour, time.minute, time.second))
    if length in {10, 14}:
        head = _BY_UID.pack(row.uid or 0, row.verify, 0x80 | row.state & _STATE_NIBBLE, clock)
    elif length == _BY_NUMBER.size:
        head = _BY_NUMBER.pack(int(row.user_id or 0), row.verify, row.state, clock)
    else:
        text = (row.user_id or "").encode("ascii")
        head = _BY_TEXT.pack(text, row.verify, row.state, clock)
    work_code = b"" if len(head) == length else _WORK_CODE.pack(row.work_code or 0)
    return (head + work_code).ljust(length, b"\0")


def _row(data: bytes) -> LiveRow | None:
    """One record, None when it makes no sense at this length."""
    uid: int | None = None
    user_id: str | None = None
    if len(data) in {10, 14}:
        uid, verify, bits, clock = _BY_UID.unpack_from(data)
        state = bits & _STATE_NIBBLE
        size = _BY_UID.size
    elif len(data) == _BY_NUMBER.size:
        number, verify, state, clock = _BY_NUMBER.unpack(data)
        user_id = str(number)
        size = _BY_NUMBER.size
    else:
        text, verify, state, clock = _BY_TEXT.unpack_from(data)
        user_id = user_id_text(text)
        size = _BY_TEXT.size
    time = _time(clock)
    if time is None or (uid is None and user_id is None):
        return None
    work_code = None
    if len(data) - size >= _WORK_CODE.size:
        (work_code,) = _WORK_CODE.unpack_from(data, size)
    return LiveRow(
        uid=uid,
        user_id=user_id,
        verify=verify,
        state=state,
        time=time,
        work_code=work_code,
        raw=data,
    )


def _time(clock: bytes) -> datetime | None:
    year, *rest = clock
    month, day, hour, minute, second = rest
    try:
        return datetime(_CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001 - a device clock is naive
    except ValueError:
        return None

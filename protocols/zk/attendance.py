"""Attendance tables: the packed records of a terminal's log to punches and back (protocol.md 8).

One bad record never costs the others: it comes out as `Quarantined` with its place and reason.
Decoding is on the path of every pull of a whole log, so ids and dates are decoded once each.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from typing_extensions import override

from protocols.records import Channel, Direction, Flag, Punch, Quarantined
from protocols.zk.clock import pack_time, unpack_time
from protocols.zk.layout_choice import LayoutChoice, choose_layout
from protocols.zk.layouts import Layout, Row, is_filled, pack_row, unpack_rows, user_id_text
from protocols.zk.meanings import METHODS, STATES, UNKNOWN_METHOD

__all__ = [
    "AttendanceDecoder",
    "AttendanceRow",
    "Layout",
    "LayoutChoice",
    "choose_layout",
    "decode_attendance",
    "encode_attendance",
]

_HOUR_SECONDS: Final = 3_600
_WITHIN_HOUR: Final = tuple(timedelta(seconds=second) for second in range(_HOUR_SECONDS))
FIRST_SANE_TIME: Final = pack_time(datetime(2010, 1, 1))  # noqa: DTZ001 - a device clock is naive
_LAST_TIME: Final = 0xFFFF_FFFF
_FUTURE_TOLERANCE = timedelta(days=1)  # a device in another zone, or summer time, is not the future
FILL_PATTERNS: Final = frozenset({0x5A5A5A5A, 0xFFFFFFFF})  # worn or erased flash
_FILL_WORDS: Final = FILL_PATTERNS | {0}
LAST_PLAIN_TIME: Final = min(FILL_PATTERNS) - 1


class AttendanceRow(Struct, frozen=True, kw_only=True, gc=False):
    """What a simulated terminal logs."""

    uid: int
    user_id: str
    time: datetime
    state: int = 0
    verify: int = 1
    work_code: int = 0


def encode_attendance(rows: Iterable[AttendanceRow], layout: Layout) -> bytes:
    """The records without size word. Raises ValueError for a row that `layout` cannot hold."""
    return b"".join(
        pack_row(
            layout,
            row.uid,
            row.user_id,
            (row.verify, pack_time(row.time), row.state, row.work_code),
        )
        for row in rows
    )


def latest_time(now: datetime | None) -> int:
    """The last packed time that is not the future. A reader whose own clock shows a year that no
    terminal can (1970, a dead battery) cannot tell.
    """
    try:
        return _LAST_TIME if now is None else pack_time(now + _FUTURE_TOLERANCE)
    except (ValueError, OverflowError):
        return _LAST_TIME


def decode_attendance(  # noqa: PLR0913 - one call a table; every argument is a fact of the device
    table: bytes,
    layout: Layout,
    *,
    serial: str,
    state_map: Mapping[int, Direction] = STATES,
    verify_map: Mapping[int, str] = METHODS,
    users: Mapping[int, str] | None = None,
    channel: Channel = Channel.PULL,
    now: datetime | None = None,
) -> Iterator[Punch | Quarantined]:
    """The records of `table` (without size word) in log order; never raises for what they hold.

    users   uid to user id, needed by the layouts that hold the uid; a uid that is not in it
            leaves its row quarantined until the table is read again
    now     the device's wall clock by the reader's reckoning; None flags no row as future

    Ordinals are not set: `protocols.ordinals.LogOrder` places the rows of a complete log.
    """
    decoder = AttendanceDecoder(
        layout,
        serial=serial,
        state_map=state_map,
        verify_map=verify_map,
        users=users,
        channel=channel,
        now=now,
    )
    return decoder.decode(table)


class AttendanceDecoder:
    """`decode_attendance` for a table that comes in pieces; the arguments are the same."""

    def __init__(  # noqa: PLR0913 - as decode_attendance
        self,
        layout: Layout,
        *,
        serial: str,
        state_map: Mapping[int, Direction] = STATES,
        verify_map: Mapping[int, str] = METHODS,
        users: Mapping[int, str] | None = None,
        channel: Channel = Channel.PULL,
        now: datetime | None = None,
    ) -> None:
        self._layout = layout
        self._serial = serial
        self._channel = channel
        self._ids = UidTexts(users or {}) if layout.holds_uid else IdTexts()
        latest = latest_time(now)
        self._hours = _PlainHours(min(latest, LAST_PLAIN_TIME))
        self._directions = [state_map.get(state) for state in range(256)]
        self._methods = [verify_map.get(verify, UNKNOWN_METHOD) for verify in range(256)]
        self._strange = _StrangeRows(
            serial, channel, self._ids, latest, self._directions, self._methods
        )

    def decode(self, piece: bytes, *, offset: int = 0) -> Iterator[Punch | Quarantined]:
        """The records of `piece`, which begins with a whole one, `offset` bytes into the table."""
        width = self._layout.width
        serial, channel = self._serial, self._channel
        ids, hours, directions, methods = self._ids, self._hours, self._directions, self._methods
        starts = range(0, len(piece) - len(piece) % width, width)
        for start, fields in zip(starts, unpack_rows(piece, self._layout), strict=True):
            key, verify, packed, state, work_code = fields
            raw = piece[start : start + width]
            hour = hours[packed // _HOUR_SECONDS]
            direction = directions[state]
            user_id = ids[key]
            if hour is None or direction is None or user_id is None or work_code in FILL_PATTERNS:
                yield self._strange.judge(fields, raw, offset + start)
                continue
            yield Punch(
                serial=serial,
                user_id=user_id,
                device_time=hour + _WITHIN_HOUR[packed % _HOUR_SECONDS],
                state=state,
                verify=verify,
                direction=direction,
                method=methods[verify],
                work_code=work_code,
                channel=channel,
                raw=raw,
            )
        yield from _cut_rest(piece, width, serial, offset)


class _PlainHours(dict[int, datetime | None]):
    """The start of each packed hour in which every time is a plain one, None for all others."""

    def __init__(self, last_plain_time: int) -> None:
        super().__init__()
        self._plain = range(
            -(-FIRST_SANE_TIME // _HOUR_SECONDS), (last_plain_time + 1) // _HOUR_SECONDS
        )

    def __missing__(self, number: int) -> datetime | None:
        hour = unpack_time(number * _HOUR_SECONDS) if number in self._plain else None
        self[number] = hour
        return hour


class _StrangeRows:
    """Rows with something to flag, or that are no punch at all: rare, so looked at in full."""

    def __init__(
        self,
        serial: str,
        channel: Channel,
        ids: "IdTexts",
        latest: int,
        directions: Sequence[Direction | None],
        methods: Sequence[str],
    ) -> None:
        self._serial = serial
        self._channel = channel
        self._ids = ids
        self._latest = latest
        self._directions = directions
        self._methods = methods

    def judge(self, fields: Row, raw: bytes, start: int) -> Punch | Quarantined:
        key, verify, packed, state, work_code = fields
        user_id = self._ids[key]
        time = unpack_time(packed)
        direction = self._directions[state]
        if packed in _FILL_WORDS and is_filled(raw):
            return self._no_punch(start, f"record filled with {raw[0]:#04x}", raw)
        if user_id is None:
            return self._no_punch(start, self._ids.fault(key), raw)
        if time is None:
            return self._no_punch(
                start, f"no calendar has the date in packed time {packed:#010x}", raw
            )
        return Punch(
            serial=self._serial,
            user_id=user_id,
            device_time=time,
            state=state,
            verify=verify,
            direction=direction or Direction.UNKNOWN,
            method=self._methods[verify],
            work_code=work_code,
            channel=self._channel,
            flags=_flags(packed, self._latest, work_code, known_state=direction is not None),
            raw=raw,
        )

    def _no_punch(self, start: int, reason: str, raw: bytes) -> Quarantined:
        return Quarantined(source=self._serial, offset=start, reason=reason, raw=raw)


def _flags(
    packed: int, latest: int, work_code: int | None, *, known_state: bool
) -> tuple[Flag, ...]:
    flags = []
    if packed < FIRST_SANE_TIME:
        flags.append(Flag.CLOCK_SUSPECT)
    if packed > latest:
        flags.append(Flag.FUTURE)
    if not known_state:
        flags.append(Flag.STATE_UNKNOWN)
    if work_code in FILL_PATTERNS or packed in FILL_PATTERNS:
        flags.append(Flag.FILL_PATTERN)
    return tuple(flags)


def _cut_rest(piece: bytes, width: int, serial: str, offset: int) -> Iterator[Quarantined]:
    rest = len(piece) % width
    if rest:
        start = len(piece) - rest
        yield Quarantined(
            source=serial,
            offset=offset + start,
            reason=f"record cut after {rest} of {width} bytes",
            raw=piece[start:],
        )


class IdTexts(dict[bytes | int, str | None]):
    """The user id in an id field, None when it is not one."""

    def __missing__(self, key: bytes | int) -> str | None:
        text = self[key] = str(key) if isinstance(key, int) else user_id_text(key)
        return text

    def fault(self, key: bytes | int) -> str:
        shown = key.hex() if isinstance(key, bytes) else str(key)
        return f"user id {shown} is not printable text"


class UidTexts(IdTexts):
    """The user id of an internal uid, after the device's own user table."""

    def __init__(self, users: Mapping[int, str]) -> None:
        super().__init__()
        for uid, user_id in users.items():
            self[uid] = user_id

    @override
    def __missing__(self, key: bytes | int) -> str | None:
        return None

    @override
    def fault(self, key: bytes | int) -> str:
        return f"uid {key!r} is not in the user table"

"""Attendance tables by columns: the way of a whole log in which nothing is strange.

`AttendanceDecoder` looks at each row and is the measure. Here the columns of a piece of the table
are cut out and checked as a whole, 20 times as fast; at the first sign of anything to be flagged,
quarantined or told apart the answer is None, and the piece goes the way of the rows.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from struct import iter_unpack
from typing import Final

from protocols.column_packing import Numbers, numbers_in
from protocols.punch_columns import MAX_ROWS, MAX_TEXT_BYTES, PunchColumns, user_id_planes
from protocols.records import Channel, Direction
from protocols.zk.attendance import (
    FILL_PATTERNS,
    FIRST_SANE_TIME,
    LAST_PLAIN_TIME,
    IdTexts,
    UidTexts,
    latest_time,
)
from protocols.zk.layouts import MAX_USER_ID_BYTES, Layout, state_of_flags, verify_of_flags
from protocols.zk.meanings import METHODS, STATES, UNKNOWN_METHOD
from protocols.zk.packed_times import PackedTimes

_STATE_OF_FLAGS: Final = bytes(map(state_of_flags, range(256)))
_VERIFY_OF_FLAGS: Final = bytes(map(verify_of_flags, range(256)))
_NUL_OR_PRINTABLE: Final = bytes([0, *range(0x21, 0x7F)])
_NOT_NUL: Final = bytes([0, *[0xFF] * 255])
_WORK_CODE_BYTES: Final = 4
_FILL_BYTES: Final = frozenset(pattern & 0xFF for pattern in FILL_PATTERNS)
_FIELD_CODES: Final = {2: "H", 4: "I", MAX_USER_ID_BYTES: f"{MAX_USER_ID_BYTES}s"}


class ColumnDecoder:
    """`AttendanceDecoder` for plain pieces; the arguments are the same."""

    def __init__(  # noqa: PLR0913 - as AttendanceDecoder
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
        self._state_map = state_map
        self._verify_map = verify_map
        self._known_states = bytes(state for state in range(256) if state in state_map)
        self._ids = UidTexts(users or {}) if layout.holds_uid else IdTexts()
        self._plain_times = range(FIRST_SANE_TIME, min(latest_time(now), LAST_PLAIN_TIME) + 1)

    def decode(self, piece: bytes) -> PunchColumns | None:
        """The 1 to MAX_ROWS records of `piece`, each later than the one before and with nothing to
        flag; None when any is not. No ordinals: whether other pieces have rows of the same seconds
        is for the caller to know.
        """
        rows, rest = divmod(len(piece), self._layout.width)
        if rest or not 0 < rows <= MAX_ROWS:
            return None
        try:
            return self._columns(piece, rows)
        except _RemarkableError:
            return None

    def _columns(self, piece: bytes, rows: int) -> PunchColumns:
        state, verify = self._state_and_verify(piece)
        if state.translate(None, self._known_states):
            raise _RemarkableError
        return PunchColumns(
            serial=self._serial,
            channel=self._channel,
            times=self._times(piece),
            user_ids=self._user_ids(piece, rows),
            state=state,
            verify=verify,
            directions={number: self._state_map[number] for number in _distinct(state)},
            methods={
                number: self._verify_map.get(number, UNKNOWN_METHOD) for number in _distinct(verify)
            },
            work_code=self._work_code(piece, rows),
            raw=piece,
        )

    def _state_and_verify(self, piece: bytes) -> tuple[bytes, bytes]:
        places, width = self._layout.places, self._layout.width
        if places.flags is None:
            return piece[places.state :: width], piece[places.verify :: width]
        flags = piece[places.flags :: width]
        return flags.translate(_STATE_OF_FLAGS), flags.translate(_VERIFY_OF_FLAGS)

    def _times(self, piece: bytes) -> Numbers:
        packed = PackedTimes(piece, self._layout)
        if packed.first not in self._plain_times or packed.last not in self._plain_times:
            raise _RemarkableError
        times = packed.milliseconds() if packed.in_strict_order() else None
        if times is None:
            raise _RemarkableError
        return times

    def _work_code(self, piece: bytes, rows: int) -> Numbers | None:
        place, width = self._layout.places.work_code, self._layout.width
        if place is None:
            return None
        nothing = bytes(rows)  # most terminals ask for no work code
        columns = [piece[place + byte :: width] for byte in range(_WORK_CODE_BYTES)]
        if all(column == nothing for column in columns):
            return numbers_in(bytes(rows * _WORK_CODE_BYTES), "I")
        codes = bytearray(rows * _WORK_CODE_BYTES)
        for byte, column in enumerate(columns):
            codes[byte::_WORK_CODE_BYTES] = column
        numbers = numbers_in(bytes(codes), "I")
        # Every pattern is one byte repeated, so a column without that byte rules it out for all.
        if any(byte in columns[0] for byte in _FILL_BYTES) and not FILL_PATTERNS.isdisjoint(
            numbers
        ):
            raise _RemarkableError
        return numbers

    def _user_ids(self, piece: bytes, rows: int) -> bytes:
        """The ids as `PunchColumns` wants them."""
        places, width = self._layout.places, self._layout.width
        if places.user_bytes == MAX_USER_ID_BYTES:
            ids = _text_ids(piece, places.user, width, rows)
            if ids is not None:
                return ids
        code = _FIELD_CODES[places.user_bytes]
        rest = width - places.user - places.user_bytes
        keys = list(chain.from_iterable(iter_unpack(f"<{places.user}x{code}{rest}x", piece)))
        fields = {key: _id_field(self._ids[key]) for key in set(keys)}
        return user_id_planes([fields[key] for key in keys])


class _RemarkableError(Exception):
    """The piece is not plain."""


def _text_ids(piece: bytes, place: int, width: int, rows: int) -> bytes | None:
    """The ids as `PunchColumns` wants them, cleaned of what is stale behind a NUL.

    None when an id begins with a NUL or holds anything but letters, digits and signs: such ids
    (blanks around them may be fine) are looked at one by one.
    """
    columns: list[bytes] = []
    nothing = bytes(rows)
    alive: int | None = None  # 0xFF in the rows whose id has not ended yet; None: in all
    for start in range(place, place + MAX_USER_ID_BYTES):
        column = piece[start::width]
        if alive is not None or 0 in column:
            reached = int.from_bytes(column.translate(_NOT_NUL), "little")
            alive = reached if alive is None else alive & reached
            column = (int.from_bytes(column, "little") & alive).to_bytes(rows, "little")
        if column == nothing:
            break
        columns.append(column)
    ids = b"".join(columns)
    if not columns or 0 in columns[0] or ids.translate(None, _NUL_OR_PRINTABLE):
        return None
    return ids


def _id_field(user_id: str | None) -> bytes:
    if user_id is None:
        raise _RemarkableError
    field = user_id.encode()
    if len(field) > MAX_TEXT_BYTES or 0 in field:
        raise _RemarkableError
    return field


def _distinct(column: bytes) -> list[int]:
    numbers = []
    while column:
        numbers.append(column[0])
        column = column.translate(None, column[:1])
    return numbers

"""The attendance record layouts seen in the field (protocol.md 8), as bytes."""

import struct
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

MAX_USER_ID_BYTES = 24
_PRINTABLE = bytes(range(0x21, 0x7F))

_TFT = struct.Struct("<H24sBIBI4x")
_TFT_WITH_MARK = struct.Struct("<H24sBIBI4x9s")
# The same without the uid, so that the fields of a row come ready from C.
_TFT_ROW = struct.Struct("<2x24sBIBI4x")
_TFT_WITH_MARK_ROW = struct.Struct("<2x24sBIBI4x9x")
_SHORT_TFT = struct.Struct("<H24sBIB4x")
_SHORT_TFT_ROW = struct.Struct("<2x24sBIB4x")
_EXTENDED = struct.Struct("<IIBBHI")
_PACKED_FLAGS = struct.Struct("<HBBI")
_MANUAL = struct.Struct("<HBIB")

# ATT8A: the manual's compressed log, bits 0-2 state, bits 3-4 verify, bit 5 a full time follows.
# 0x28 (ZEM500) reads so as state 0 by fingerprint; MA300 sends 0x08 and a full time all the same.
_LONG_FORM = 0x20
_V5L_MARK = b"\xff255\0\0\0\0\0"


class Layout(StrEnum):
    """Named by width; records of 8 bytes come in two forms.

    No real bytes of ATT36 are known: one program (fandbsoft/zkteco4730-java, MIT) reads it, as the
    first 32 bytes of ATT40 and four more that it leaves alone. What they hold stays in `raw`.
    """

    ATT40 = "att40"  # TFT, iFace, SenseFace
    ATT16 = "att16"  # the old extended log
    ATT8A = "att8a"  # ZEM500, ZEM560, MA300: uid, packed flags, time
    ATT8B = "att8b"  # the manual's struct: uid, verify, time, state
    ATT49 = "att49"  # SpeedFace V5L, MB40-VL: the 40 bytes and a mark `ff 32 35 35 00…`
    ATT36 = "att36"  # TFT without the last four bytes of ATT40

    @property
    def width(self) -> int:
        return _WIDTHS[self]

    @property
    def places(self) -> "Places":
        return _PLACES[self]

    @property
    def holds_uid(self) -> bool:
        """The record names the device's internal uid, not the user id."""
        return self in {Layout.ATT8A, Layout.ATT8B}


_WIDTHS = {
    Layout.ATT40: _TFT.size,
    Layout.ATT16: _EXTENDED.size,
    Layout.ATT8A: _PACKED_FLAGS.size,
    Layout.ATT8B: _MANUAL.size,
    Layout.ATT49: _TFT_WITH_MARK.size,
    Layout.ATT36: _SHORT_TFT.size,
}


class Places(Struct, frozen=True, kw_only=True):
    """Where the fields of a record begin, for who reads a table by columns.

    user, user_bytes  the id field: text of 24 bytes, otherwise a little-endian number
    flags             verify and state in one byte instead of one each
    work_code         None: the record has none
    """

    user: int = 0
    user_bytes: int
    time: int
    verify: int = 0
    state: int = 0
    flags: int | None = None
    work_code: int | None = None


_TFT_PLACES = Places(
    user=2, user_bytes=MAX_USER_ID_BYTES, verify=26, time=27, state=31, work_code=32
)
_PLACES = {
    Layout.ATT40: _TFT_PLACES,
    Layout.ATT49: _TFT_PLACES,
    Layout.ATT16: Places(user_bytes=4, time=4, state=8, verify=9, work_code=12),
    Layout.ATT8A: Places(user_bytes=2, flags=2, time=4),
    Layout.ATT8B: Places(user_bytes=2, verify=2, time=3, state=7),
    Layout.ATT36: Places(user=2, user_bytes=24, verify=26, time=27, state=31),
}


Row = tuple[bytes | int, int, int, int, int | None]
"""(id field, verify, packed time, state, work code); the id field is text bytes or a number."""


def unpack_rows(table: bytes, layout: Layout) -> Iterator[Row]:
    """Every whole record of `table`; a cut rest is left to the caller."""
    whole = memoryview(table)[: len(table) - len(table) % layout.width]
    match layout:
        case Layout.ATT40:
            return _TFT_ROW.iter_unpack(whole)
        case Layout.ATT49:
            return _TFT_WITH_MARK_ROW.iter_unpack(whole)
        case Layout.ATT36:
            return (
                (key, verify, time, state, None)
                for key, verify, time, state in _SHORT_TFT_ROW.iter_unpack(whole)
            )
        case Layout.ATT16:
            return (
                (user, verify, time, state, work_code)
                for user, time, state, verify, _, work_code in _EXTENDED.iter_unpack(whole)
            )
        case Layout.ATT8A:
            return (
                (uid, verify_of_flags(flags), time, state_of_flags(flags), None)
                for uid, flags, _, time in _PACKED_FLAGS.iter_unpack(whole)
            )
        case Layout.ATT8B:
            return (
                (uid, verify, time, state, None)
                for uid, verify, time, state in _MANUAL.iter_unpack(whole)
            )


def verify_of_flags(flags: int) -> int:
    return flags >> 3 & 3


def state_of_flags(flags: int) -> int:
    return flags & 7


def is_filled(record: bytes) -> bool:
    """One byte repeated: erased (0x00, 0xFF) or worn (0x5A) flash, never a record."""
    return record.count(record[0]) == len(record)


def user_id_text(field: bytes) -> str | None:
    """The user id in a NUL-padded field (bytes after the first NUL are stale), None for none."""
    text, _, _ = field.partition(b"\0")
    stripped = text.strip(b" ")
    if not stripped or stripped.translate(None, _PRINTABLE):
        return None
    return stripped.decode("ascii")


def pack_row(layout: Layout, uid: int, user_id: str, row: tuple[int, int, int, int]) -> bytes:
    """The record that a terminal would hold; `row` is (verify, packed time, state, work code).

    Raises ValueError for a user id or number that the layout cannot hold.
    """
    verify, time, state, work_code = row
    try:
        match layout:
            case Layout.ATT40:
                return _TFT.pack(uid, _id_field(user_id), verify, time, state, work_code)
            case Layout.ATT49:
                head = (uid, _id_field(user_id), verify, time, state, work_code)
                return _TFT_WITH_MARK.pack(*head, _V5L_MARK)
            case Layout.ATT36:
                return _SHORT_TFT.pack(uid, _id_field(user_id), verify, time, state)
            case Layout.ATT16:
                return _EXTENDED.pack(int(user_id), time, state, verify, 0, work_code)
            case Layout.ATT8A:
                if verify > 3 or state > 7:
                    raise ValueError(f"att8a cannot hold verify {verify}, state {state}")
                return _PACKED_FLAGS.pack(uid, _LONG_FORM | verify << 3 | state, 0, time)
            case Layout.ATT8B:
                return _MANUAL.pack(uid, verify, time, state)
    except struct.error as exc:
        raise ValueError(f"{layout} cannot hold the record of user {user_id}: {exc}") from exc


def _id_field(user_id: str) -> bytes:
    field = user_id.encode("ascii")
    if len(field) > MAX_USER_ID_BYTES:
        raise ValueError(f"user id {user_id} is longer than {MAX_USER_ID_BYTES} bytes")
    return field

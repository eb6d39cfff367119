"""GET_FREE_SIZES: what a terminal says it holds (protocol.md 7). Hints, never the truth: an H5L
and a D2 say 0 while their logs are full, so a count of 0 must not stop a read.
"""

import struct

from msgspec import Struct

_COUNT = struct.Struct("<i")
_MIN_REPLY_BYTES = 80  # 92 with faces, 112 on an H5L; 4 zero bytes = does not say


class Sizes(Struct, frozen=True, kw_only=True):
    """Every field is None when the reply is too short to hold it."""

    users: int | None = None
    templates: int | None = None
    attendance: int | None = None
    operations: int | None = None
    admins: int | None = None
    passwords: int | None = None
    template_capacity: int | None = None
    user_capacity: int | None = None
    attendance_capacity: int | None = None
    templates_free: int | None = None
    users_free: int | None = None
    attendance_free: int | None = None
    faces: int | None = None
    face_capacity: int | None = None

    @property
    def counts_reliable(self) -> bool:
        """The attendance count agrees with capacity and free places, and is not a bare zero.

        An H5L in access-control mode says 0 of 200,000 with 200,000 free, for ever: a zero that
        is consistent still proves nothing.
        """
        if not self.attendance or self.attendance_capacity is None or self.attendance_free is None:
            return False
        return self.attendance + self.attendance_free == self.attendance_capacity


_OFFSETS = {
    "users": 16,
    "templates": 24,
    "attendance": 32,
    "operations": 40,
    "admins": 48,
    "passwords": 52,
    "template_capacity": 56,
    "user_capacity": 60,
    "attendance_capacity": 64,
    "templates_free": 68,
    "users_free": 72,
    "attendance_free": 76,
    "faces": 80,
    "face_capacity": 88,
}


def decode_sizes(data: bytes) -> Sizes:
    """Never raises: a reply that is too short for a field leaves it None."""
    if len(data) < _MIN_REPLY_BYTES:
        return Sizes()
    return Sizes(
        **{
            name: _COUNT.unpack_from(data, offset)[0]
            for name, offset in _OFFSETS.items()
            if offset + _COUNT.size <= len(data)
        }
    )


def encode_sizes(sizes: Sizes, *, reply_bytes: int = 92) -> bytes:
    """A reply of `reply_bytes`; fields that are None or do not fit are left out."""
    reply = bytearray(reply_bytes)
    for name, offset in _OFFSETS.items():
        value = getattr(sizes, name)
        if value is not None and offset + _COUNT.size <= reply_bytes:
            _COUNT.pack_into(reply, offset, value)
    return bytes(reply)


def harmless_sizes(data: bytes) -> bytes:
    """`data` with only the counts that are known, zeros elsewhere."""
    kept = bytearray(len(data))
    if len(data) >= _MIN_REPLY_BYTES:
        for offset in _OFFSETS.values():
            kept[offset : offset + _COUNT.size] = data[offset : offset + _COUNT.size]
    return bytes(kept)

"""User tables: 72-byte records (TFT), 28-byte records (older, UDP) (protocol.md 9).

Passwords never leave this module: their bytes are zero in `raw`. Names come in a code page that
the device does not declare; what cannot be decoded is kept as bytes, never guessed or dropped.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct

from protocols.records import Quarantined
from protocols.zk.layouts import is_filled, user_id_text
from protocols.zk.user_names import UserTextError, decode_name

UserWidth = Literal[72, 28]

NAME_BYTES: Final[dict[UserWidth, int]] = {72: 23, 28: 8}  # the wide field ends with a NUL
_WIDE: Final = struct.Struct("<HB8s24sIBHHHH24s")
_NARROW: Final = struct.Struct("<HB5s8sIBBHI")
_PASSWORD_AT: Final = 3
_PASSWORD_BYTES: Final = {72: 8, 28: 5}
_USER_ID_AT: Final = {72: 48, 28: 24}
_USER_ID_BYTES: Final = 24
_UID_BYTES: Final = 2
_MAX_UID: Final = 0xFFFE  # 0xFFFF stands for "nobody" in events
_DISABLED_BIT: Final = 0x01
_MAX_PRIVILEGE: Final = 0x0F  # bit 0 disabled, bits 1 to 3 the role
_ROLES: Final = frozenset({0, 2, 6, 14})
_MAX_GROUP: Final = 99
_MAX_TIME_ZONE: Final = 99  # terminals number 50
_STRANGE_FIELD: Final = 0.8  # each: firmware leaves stale bytes, but rarely in every field
_SAMPLES: Final = 64
_NAMELESS: Final = 0.6  # in 28 bytes little else tells a user from other small numbers


class User(Struct, frozen=True, kw_only=True, gc=False):
    """A person as one terminal knows them.

    uid        the device's own index: reused, never an identity; `user_id` is the employee key
    name_raw   the bytes before the first NUL; `name` their text, None when neither UTF-8 nor the
               profile's code page fits
    privilege  0 user, 2 enroller, 6 manager, 14 super admin (the disabled bit taken out)
    card       0 = none
    raw        the record, password bytes zeroed
    """

    uid: int
    user_id: str
    privilege: int = 0
    disabled: bool = False
    name_raw: bytes = b""
    name: str | None = ""
    card: int = 0
    group: int = 1
    time_zones: tuple[int, ...] = ()
    raw: bytes = b""

    @property
    def privilege_byte(self) -> int:
        """As the device holds it: bit 0 disabled, bits 1 to 3 the role."""
        return self.privilege | (_DISABLED_BIT if self.disabled else 0)


def choose_user_width(table: bytes) -> UserWidth:
    """The width under which most records make sense; 72 for an empty table."""
    scores = {width: _score(table, width) for width in _WIDTHS}
    return max(_WIDTHS, key=lambda width: (round(scores[width], 3), len(table) % width == 0))


def user_table_score(table: bytes, width: UserWidth) -> float:
    """How many of the sampled records, 0 to 1, make sense as users of `width`."""
    return _score(table, width)


def decode_users(
    table: bytes, *, encoding: str, source: str = "", width: UserWidth | None = None
) -> Iterator[User | Quarantined]:
    """The users of `table` (without size word). `encoding` is the profile's code page for names
    that are not UTF-8; `source` names the table in quarantined rows.
    """
    width = width or choose_user_width(table)
    for offset in range(0, len(table), width):
        record = mask_password(table[offset : offset + width], width)
        if len(record) < width:
            reason = f"record cut after {len(record)} of {width} bytes"
        elif (reason := _fault(record, width)) == "":
            yield _decode(record, width, encoding)
            continue
        yield Quarantined(source=source, offset=offset, reason=reason, raw=record)


def encode_users(
    users: Iterable[User], width: UserWidth, *, passwords: dict[int, str] | None = None
) -> bytes:
    """The records without size word; `passwords` by uid. Raises ValueError for what cannot fit."""
    passwords = passwords or {}
    return b"".join(_encode(user, width, passwords.get(user.uid, "")) for user in users)


_WIDTHS: Final[tuple[UserWidth, ...]] = (72, 28)


def _decode(record: bytes, width: UserWidth, encoding: str) -> User:
    if width == 72:
        uid, privilege, _, name, card, group, own, *zones, user_id = _WIDE.unpack(record)
        text = user_id_text(user_id) or ""
        time_zones = tuple(zones) if own else ()
    else:
        uid, privilege, _, name, card, _, group, _, number = _NARROW.unpack(record)
        text = str(number)
        time_zones = ()
    name_raw = name.partition(b"\0")[0]
    return User(
        uid=uid,
        user_id=text,
        privilege=privilege & ~_DISABLED_BIT,
        disabled=bool(privilege & _DISABLED_BIT),
        name_raw=name_raw,
        name=decode_name(name_raw, encoding),
        card=card,
        group=group,
        time_zones=time_zones,
        raw=record,
    )


def record_to_write(
    table: bytes, user: User, width: UserWidth, *, password: str | None = None
) -> bytes:
    """The record that adds `user` to `table` or replaces the one with its uid.

    The password that the terminal holds for this uid stays unless a new one is given ("" takes it
    away): an order to write replaces the whole record. Raises UserTextError for what cannot fit.
    """
    _check_user_id(user.user_id, width)
    try:
        record = _encode(user, width, password or "")
    except ValueError as exc:
        raise UserTextError(str(exc)) from exc
    if password is not None:
        return record
    start, end = _PASSWORD_AT, _PASSWORD_AT + _PASSWORD_BYTES[width]
    for offset in range(0, len(table) - width + 1, width):
        if table[offset : offset + 2] == record[:2]:
            return record[:start] + table[offset + start : offset + end] + record[end:]
    return record


def free_uid(users: Iterable[User]) -> int:
    """An index for a new user. Above all that were given while there is room: rows of old logs
    may still name a deleted user by index. Raises UserTextError when none is left.
    """
    taken = {user.uid for user in users}
    if not taken or max(taken) < _MAX_UID:
        return max(taken, default=0) + 1
    free = next((uid for uid in range(1, _MAX_UID) if uid not in taken), None)
    if free is None:
        raise UserTextError(f"all {_MAX_UID} user numbers of the terminal are taken")
    return free


def _check_user_id(user_id: str, width: UserWidth) -> None:
    """The id is the employee key: it must come back from the terminal as the same text."""
    fits = len(user_id) <= _USER_ID_BYTES
    if width == 72 and not (fits and user_id_text(user_id.encode()) == user_id):
        raise UserTextError(
            f"user id {user_id!r}: a terminal holds 1 to {_USER_ID_BYTES} ASCII letters and digits"
        )
    if width == 28 and not (user_id.isdecimal() and str(int(user_id)) == user_id):
        raise UserTextError(
            f"user id {user_id!r}: this terminal holds numbers without leading zeros only"
        )


def _encode(user: User, width: UserWidth, password: str) -> bytes:
    privilege = user.privilege_byte
    name = user.name_raw or (user.name or "").encode()
    if not password.isascii():
        raise ValueError(f"the password of user {user.user_id} is not ASCII text")
    secret = password.encode("ascii")
    if len(name) > NAME_BYTES[width] or len(secret) > _PASSWORD_BYTES[width]:
        raise ValueError(f"name or password of user {user.user_id} does not fit {width} bytes")
    try:
        if width == 28:
            number = int(user.user_id)
            return _NARROW.pack(
                user.uid, privilege, secret, name, user.card, 0, user.group, 0, number
            )
        zones = (*user.time_zones, 0, 0, 0)[:3]
        own = 1 if user.time_zones else 0
        key = user.user_id.encode("ascii")
        head = (user.uid, privilege, secret, name, user.card, user.group, own)
        return _WIDE.pack(*head, *zones, key)
    except struct.error as exc:
        raise ValueError(f"user {user.user_id} does not fit {width} bytes: {exc}") from exc


def mask_password(record: bytes, width: UserWidth) -> bytes:
    """`record`, whole or cut, with its password bytes zero."""
    end = _PASSWORD_AT + _PASSWORD_BYTES[width]
    secret = record[_PASSWORD_AT:end]
    return record[:_PASSWORD_AT] + bytes(len(secret)) + record[end:]


def _fault(record: bytes, width: UserWidth) -> str:
    """Why `record` is no user, "" when it is one."""
    if is_filled(record):
        return f"record filled with {record[0]:#04x}"
    if width == 72 and user_id_text(record[48:]) is None:
        return f"user id {record[48:].hex()} is not printable text"
    return ""


def _score(table: bytes, width: UserWidth) -> float:
    starts = range(0, len(table) - width + 1, width)
    if not starts:
        return 0.0
    sampled = starts[:: max(1, len(starts) // _SAMPLES)]
    judged = [_plausibility(table[start : start + width], width) for start in sampled]
    # A table holds each uid and id once; from a wrong start, what is taken for them repeats itself.
    uids = {table[start : start + _UID_BYTES] for start in sampled}
    ids = {table[start + _USER_ID_AT[width] : start + width] for start in sampled}
    unlike = (len(uids) + len(ids)) / (2 * len(sampled))
    return sum(judged) / len(judged) * (1 + unlike) / 2


def _plausibility(record: bytes, width: UserWidth) -> float:
    if _fault(mask_password(record, width), width) or record[2] > _MAX_PRIVILEGE:
        return 0.0
    if width == 72:
        return _plausibility_of_wide(record)
    uid, privilege, _, name, _, pad, group, _, number = _NARROW.unpack(record)
    if not (uid and number) or pad or not _is_text(name):
        return 0.0
    strange = (group > _MAX_GROUP, privilege & ~_DISABLED_BIT not in _ROLES)
    return float(_STRANGE_FIELD ** sum(strange)) * (1.0 if name[0] else _NAMELESS)


def _plausibility_of_wide(record: bytes) -> float:
    """A record that begins some bytes too early or too late is text at most by accident."""
    uid, _, _, name, _, group, own, *zones, user_id = _WIDE.unpack(record)
    if not _is_text(name):
        return 0.0
    strange = (
        uid == 0,
        group > _MAX_GROUP,
        own > 1,
        max(zones) > _MAX_TIME_ZONE,
        user_id[0] == 0 or any(user_id.partition(b"\0")[2]),
    )
    return float(_STRANGE_FIELD ** sum(strange))


def _is_text(name: bytes) -> bool:
    """No control codes before the NUL, whatever the code page."""
    return all(byte >= 0x20 for byte in name.partition(b"\0")[0])

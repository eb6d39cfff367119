"""The conversations a host has with a terminal. Drive one with `Session` and any transport:

    packet to send = session.outgoing(dialogue.send(answer packet))

`exchange.py` says what a dialogue is and how silence is reported to it.
"""

import struct
from collections.abc import Iterable
from datetime import datetime

from protocols.errors import ProtocolError, TruncatedError
from protocols.zk.auth import auth_token
from protocols.zk.clock import unpack_time
from protocols.zk.commands import Command, Reply
from protocols.zk.exchange import NEXT, Dialogue, NextPacket, Request, SilenceError
from protocols.zk.framing import Packet
from protocols.zk.refusals import refusal, wrong_key
from protocols.zk.sizes import Sizes, decode_sizes
from protocols.zk.tables import (
    ATTENDANCE,
    OPERATION_LOG,
    USERS,
    Table,
    attendance_between,
    read_table,
    stream_table,
)

__all__ = [
    "ATTENDANCE",
    "NEXT",
    "OPERATION_LOG",
    "USERS",
    "Dialogue",
    "NextPacket",
    "Request",
    "SilenceError",
    "Table",
    "attendance_between",
    "end",
    "login",
    "read_option",
    "read_options",
    "read_sizes",
    "read_table",
    "read_time",
    "read_version",
    "register_events",
    "stream_table",
]

_PACKED_TIME = struct.Struct("<I")
_EVENT_MASK = struct.Struct("<I")
_ALL_EVENTS = 0xFFFF
_DEFAULT_KEY = 0  # some terminals demand AUTH although no key was ever set
_NO_SUCH_OPTION = frozenset({Reply.ACK_ERROR, Reply.UNKNOWN_COMMAND, Reply.BAD_COMMAND})


def login(comm_key: int | None) -> Dialogue[None]:
    """Opens the session. Raises a refusal of `refusals.py` that says what a person must do."""
    answer = yield Request(Command.CONNECT)
    if answer.command == Reply.ACK_UNAUTH:
        key = _DEFAULT_KEY if comm_key is None else comm_key
        answer = yield Request(Command.AUTH, auth_token(key, answer.session))
        if answer.command == Reply.ACK_UNAUTH:
            raise wrong_key(Command.AUTH, configured=comm_key is not None)
    _accepted(Command.CONNECT, answer)
    # Vendor software does so first of all. A terminal that refuses is used all the same.
    yield Request(Command.OPTIONS_WRQ, b"SDKBuild=1\0")


def read_option(key: str) -> Dialogue[str | None]:
    """The value of option `key`, None when the terminal does not know it or leaves it empty."""
    answer = yield Request(Command.OPTIONS_RRQ, key.encode("ascii") + b"\0")
    if answer.command in _NO_SUCH_OPTION:
        return None
    name, _, value = _text(_accepted(Command.OPTIONS_RRQ, answer)).partition("=")
    if value and _bare(name) != _bare(key):
        raise ProtocolError(f"asked for option {key}, the terminal answered {name}")
    return value or None


def read_options(keys: Iterable[str]) -> Dialogue[dict[str, str]]:
    """The options that the terminal knows, by the key asked."""
    values: dict[str, str] = {}
    for key in keys:
        value = yield from read_option(key)
        if value is not None:
            values[key] = value
    return values


def read_version() -> Dialogue[str]:
    answer = yield Request(Command.GET_VERSION)
    return _text(_accepted(Command.GET_VERSION, answer))


def read_sizes() -> Dialogue[Sizes]:
    answer = yield Request(Command.GET_FREE_SIZES)
    return decode_sizes(_accepted(Command.GET_FREE_SIZES, answer))


def read_time() -> Dialogue[datetime | None]:
    """The terminal's wall clock, None when it shows a date that no calendar has."""
    answer = yield Request(Command.GET_TIME)
    data = _accepted(Command.GET_TIME, answer)
    if len(data) < _PACKED_TIME.size:
        raise TruncatedError("the clock reply is too short", missing=_PACKED_TIME.size - len(data))
    (packed,) = _PACKED_TIME.unpack_from(data)
    return unpack_time(packed)


def register_events(mask: int = _ALL_EVENTS) -> Dialogue[None]:
    """Asks for live events; `mask` is of the flags in `events.py`.

    A disabled device sends none. It is not enabled here: somebody may have disabled it on purpose.
    """
    answer = yield Request(Command.REG_EVENT, _EVENT_MASK.pack(mask))
    _accepted(Command.REG_EVENT, answer)


def end() -> Dialogue[None]:
    """EXIT, so that the terminal does not keep the session. Whatever it answers will do."""
    yield Request(Command.EXIT)


def _accepted(command: int, answer: Packet) -> bytes:
    if answer.command != Reply.ACK_OK:
        raise refusal(command, answer)
    return answer.data


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", errors="backslashreplace").strip()


def _bare(key: str) -> str:
    """Firmware echoes option keys in other casing or without the tilde."""
    return key.lstrip("~").lower()

"""Dialogues that change something on a terminal (protocol.md 2, 4, 9.4). Nothing here reads logs.

Each raises a refusal of `refusals.py` when the terminal says no, and UnansweredOrderError when it
says nothing. What must not happen twice, or late, is sent once: a clock set again by a copy of an
old packet is wrong, and a second order to delete would be refused, as if nothing had happened.
"""

import struct
from datetime import datetime

from protocols.zk.clock import pack_time
from protocols.zk.commands import Command, Reply
from protocols.zk.exchange import Dialogue, Request, SilenceError, UnansweredOrderError
from protocols.zk.refusals import refusal

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")


def set_time(time: datetime) -> Dialogue[None]:
    """Sets the wall clock to naive `time`. Raises ValueError outside 2000 to 2099."""
    yield from _once(Command.SET_TIME, _U32.pack(pack_time(time)))
    yield from _order(Command.REFRESH_DATA)


def write_user(record: bytes) -> Dialogue[None]:
    """Adds or replaces the user of `record` (28 or 72 bytes, see `users.record_to_write`)."""
    yield from _once(Command.USER_WRQ, record)
    yield from _order(Command.REFRESH_DATA)


def delete_user(uid: int) -> Dialogue[None]:
    """By the terminal's own index, which is reused: read the user table in the same session."""
    yield from _once(Command.DELETE_USER, _U16.pack(uid))
    yield from _order(Command.REFRESH_DATA)


def unlock(tenths: int) -> Dialogue[None]:
    """Opens the door for `tenths` of a second. Some firmware takes the number as seconds."""
    yield from _once(Command.UNLOCK, _U32.pack(tenths))


def restart() -> Dialogue[bool]:
    """Most terminals restart without an answer: False then, which looks like a lost order."""
    try:
        yield from _once(Command.RESTART)
    except UnansweredOrderError:
        return False
    return True


def disable_device(seconds: int) -> Dialogue[None]:
    """Nobody can punch ("Working…") until `enable_device`, or until `seconds` have passed on a
    terminal that knows the timeout.
    """
    yield from _order(Command.DISABLE_DEVICE, _U32.pack(seconds))


def enable_device() -> Dialogue[None]:
    yield from _order(Command.ENABLE_DEVICE)


def clear_attendance() -> Dialogue[None]:
    """Deletes every row of the attendance log. There is no way back."""
    yield from _once(Command.CLEAR_ATTLOG)
    yield from _order(Command.REFRESH_DATA)


def _once(command: int, data: bytes = b"") -> Dialogue[None]:
    yield from _accepted(Request(command, data, once=True))


def _order(command: int, data: bytes = b"") -> Dialogue[None]:
    yield from _accepted(Request(command, data))


def _accepted(request: Request) -> Dialogue[None]:
    try:
        answer = yield request
    except SilenceError as exc:
        raise UnansweredOrderError(str(exc)) from exc
    if answer.command != Reply.ACK_OK:
        raise refusal(request.command, answer)

"""Why a terminal says no, as classes that a caller can tell apart (protocol.md 2.3, 12)."""

from protocols.errors import RefusedError
from protocols.zk.commands import Reply
from protocols.zk.framing import Packet

_STORAGE_CODES = range(4987, 5000)


class WrongKeyError(RefusedError):
    """The comm key is not the terminal's (2005 to CMD_AUTH)."""


class UnauthorisedError(RefusedError):
    """The terminal no longer knows our session (2005 to anything else): connect again."""


class LockedOutError(RefusedError):
    """Too many wrong keys: the terminal refuses every key for a while (2032)."""


class EncryptedFirmwareError(RefusedError):
    """The firmware accepts only the vendor's encrypted channel (6001)."""


class AccessControlModeError(RefusedError):
    """The terminal keeps no attendance log in its present mode (4989 to a table request)."""


class StorageError(RefusedError):
    """The terminal failed on its own storage (4987 to 4999)."""


class BusyError(RefusedError):
    """The terminal asks to try again later (2003)."""


class UnknownCommandError(RefusedError):
    """The firmware does not know the command (65533, 65535)."""


_BY_CODE: dict[int, tuple[type[RefusedError], str]] = {
    Reply.ACK_ERROR: (RefusedError, "the terminal refused"),
    Reply.ACK_RETRY: (BusyError, "the terminal is busy"),
    Reply.ACK_UNAUTH: (UnauthorisedError, "the terminal does not accept the session"),
    Reply.AUTH_LOCKED: (
        LockedOutError,
        "the terminal is locked after wrong comm keys: wait or restart it, then correct the key",
    ),
    Reply.SECURE_CHALLENGE: (
        EncryptedFirmwareError,
        "the firmware accepts only the vendor's encrypted channel: connect this terminal by push",
    ),
    Reply.ALLOCATION_FAILED: (
        AccessControlModeError,
        "the terminal has no such table: set its device type to time attendance (T&A)",
    ),
    Reply.BAD_COMMAND: (UnknownCommandError, "the firmware does not accept the command"),
    Reply.UNKNOWN_COMMAND: (UnknownCommandError, "the firmware does not know the command"),
}


def refusal(request: int, packet: Packet) -> RefusedError:
    """The error that says what `packet`, an answer to command `request`, refuses."""
    code = packet.command
    kind, words = _BY_CODE.get(code, (RefusedError, "the terminal gave an answer that means no"))
    if code in _STORAGE_CODES and code != Reply.ALLOCATION_FAILED:
        kind, words = StorageError, "the terminal failed on its own storage"
    return kind(f"{words} (command {request}, reply {code})", request=request, code=code)


def wrong_key(request: int, *, configured: bool) -> WrongKeyError:
    what = "the comm key is wrong" if configured else "the terminal wants a comm key, none is set"
    return WrongKeyError(
        f"{what}: compare it with Comm. > PC Connection on the terminal",
        request=request,
        code=Reply.ACK_UNAUTH,
    )

"""From what the protocol raises to what a person must do. The class decides, never the text."""

from dataclasses import dataclass

from drivers.errors import (
    AuthError,
    BlockedError,
    DeviceMisbehavedError,
    DriverError,
    LinkDownError,
    UnsupportedDeviceError,
)
from protocols.errors import LimitExceededError, ProtocolError, RefusedError, TruncatedError
from protocols.zk.exchange import SilenceError
from protocols.zk.framing import PanelError, SecureChannelError
from protocols.zk.refusals import (
    AccessControlModeError,
    BusyError,
    EncryptedFirmwareError,
    LockedOutError,
    StorageError,
    UnauthorisedError,
    UnknownCommandError,
    WrongKeyError,
)


@dataclass(frozen=True, slots=True)
class _Meaning:
    error: type[DriverError]
    code: str
    remedy: str


_USE_PUSH = _Meaning(
    UnsupportedDeviceError,
    "encrypted_firmware",
    "This firmware accepts only the vendor's encrypted channel: use the push driver instead (on "
    "the terminal: Comm. > Cloud Server, the address of this gateway)",
)
_RETRIED = "It is tried again by itself; if it repeats, restart the terminal"

# Searched from top to bottom, so the narrower classes stand first.
_MEANINGS: tuple[tuple[type[ProtocolError], _Meaning], ...] = (
    (
        WrongKeyError,
        _Meaning(
            AuthError,
            "wrong_comm_key",
            "Compare `comm_key` in the site file with Comm. > PC Connection on the terminal",
        ),
    ),
    (
        LockedOutError,
        _Meaning(
            AuthError,
            "locked_out",
            "The terminal refuses every key for a while: correct `comm_key` in the site file, "
            "then wait or restart the terminal",
        ),
    ),
    (EncryptedFirmwareError, _USE_PUSH),
    (SecureChannelError, _USE_PUSH),
    (
        PanelError,
        _Meaning(
            UnsupportedDeviceError,
            "access_panel",
            "An access panel (C3, inBio) is no standalone terminal: give the address of the time "
            "clock, or connect the panel by push",
        ),
    ),
    (
        AccessControlModeError,
        _Meaning(
            BlockedError,
            "access_control_mode",
            "The terminal keeps no attendance log in its present mode: set its device type to "
            "time attendance (System > Device Type), or use the push driver",
        ),
    ),
    (UnauthorisedError, _Meaning(DeviceMisbehavedError, "session_lost", _RETRIED)),
    (BusyError, _Meaning(DeviceMisbehavedError, "busy", _RETRIED)),
    (
        StorageError,
        _Meaning(
            DeviceMisbehavedError,
            "storage_failed",
            "Export the log to a USB stick before anything else, then restart the terminal",
        ),
    ),
    (
        UnknownCommandError,
        _Meaning(
            UnsupportedDeviceError,
            "unknown_command",
            "This firmware lacks a command that the pull driver needs: update it, or use the "
            "push driver",
        ),
    ),
    (RefusedError, _Meaning(DeviceMisbehavedError, "refused", _RETRIED)),
    (
        SilenceError,
        _Meaning(
            LinkDownError,
            "no_answer",
            "Check that the terminal is not in a menu or hung (restart it), and raise `timeout_s` "
            "on a slow line",
        ),
    ),
    (TruncatedError, _Meaning(DeviceMisbehavedError, "incomplete", _RETRIED)),
    (
        LimitExceededError,
        _Meaning(
            DeviceMisbehavedError,
            "limit_exceeded",
            "No real terminal sends this much: check that the address is a terminal's",
        ),
    ),
    (
        ProtocolError,
        _Meaning(
            DeviceMisbehavedError,
            "not_zk",
            "Check that the address and port are a ZK terminal's; a damaged line or a terminal "
            "that misbehaves is tried again by itself",
        ),
    ),
)


def translated(error: ProtocolError, *, where: str) -> DriverError:
    """The driver error that says what `error` means for whoever runs the site."""
    meaning = next(meaning for kind, meaning in _MEANINGS if isinstance(error, kind))
    return meaning.error(str(error), where=where, remedy=meaning.remedy, code=meaning.code)

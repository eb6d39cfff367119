"""How talking to a device can fail, by what the caller must do. Every error carries its remedy.

The supervisor decides by class alone: `LinkDownError` and `DeviceMisbehavedError` are retried with
back-off, `BlockedError` and its kin wait for a person.
"""


class DriverError(Exception):
    """`what` happened, `where` (device and address), and the `remedy` for the person who reads it.

    `code` is a stable word for programs (`link_refused`, `wrong_serial`, …).
    """

    def __init__(self, what: str, *, where: str, remedy: str, code: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy
        self.code = code


class LinkDownError(DriverError):
    """The device cannot be reached or went away. Retried with back-off."""


class DeviceMisbehavedError(DriverError):
    """The device answered something its protocol does not allow. Reconnect, then retry."""


class BlockedError(DriverError):
    """Retrying cannot help; a person must act."""


class AuthError(BlockedError):
    """The device wants another key, or has locked us out."""


class WrongDeviceError(BlockedError):
    """Another device answers at this address. `expected` and `found` are serial numbers."""

    def __init__(self, *, where: str, expected: str, found: str, remedy: str) -> None:
        super().__init__(
            f"expected serial {expected}, found {found}",
            where=where,
            remedy=remedy,
            code="wrong_serial",
        )
        self.expected = expected
        self.found = found


class UnsupportedDeviceError(BlockedError):
    """The device is alive but we cannot speak with it: needs a profile or another driver."""

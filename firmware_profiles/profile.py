"""A firmware profile: what we know about one terminal model or firmware family, as data."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from firmware_profiles.quirks import Quirk
from protocols.records import Direction
from protocols.zk.attendance import Layout


class Evidence(StrEnum):
    """How sure a profile is."""

    CAPTURED = "captured"  # real bytes of this model exist; `captures` names them
    DOCUMENTED = "documented"  # vendor text, or several independent programs or reports
    EXPECTED = "expected"  # inferred from the family


class Capability(StrEnum):
    """What the model can recognise people by, and whether it can push by itself."""

    FINGERPRINT = "fingerprint"
    FACE = "face"
    PALM = "palm"
    CARD = "card"
    PASSWORD = "password"  # noqa: S105 - the name of a way to punch, not a secret
    QR = "qr"
    PUSH = "push"


class DeviceFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device says about itself; an option that it does not know is empty text.

    firmware is the reply to GET_VERSION, platform and device_name are options of those names.
    """

    transport: str = "zk-tcp"
    platform: str = ""
    device_name: str = ""
    firmware: str = ""

    def as_toml(self) -> str:
        """Ready to paste into a profile or a report."""
        return "\n".join(
            [
                "[[reported]]",
                f"transport = {_quote(self.transport)}",
                f"platform = {_quote(self.platform)}",
                f"device_name = {_quote(self.device_name)}",
                f"firmware = {_quote(self.firmware)}",
            ]
        )


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Globs (`*`, `?`, case ignored) over the facts; `!` in front excludes; no glob matches all.

    All four fields must agree. Within one, any glob may agree and no exclusion may.
    """

    platform: tuple[str, ...]
    device_name: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()


class Capacity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the model holds; None where no source says."""

    records: int | None = None
    users: int | None = None


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One TOML file.

    key           "vendor/model", its place under `data/`; what a site file pins a profile by
    match         None: never matched by facts, only pinned by key
    record_layout the attendance record the model logs; a hint, the bytes have the last word
    user_width    bytes of its user record, likewise
    encoding      code page of names that are not UTF-8 (protocol.md 9.5)
    states        state number -> direction, where the family's table does not hold
    methods       verify number -> way of recognition, where the family's table does not hold
    reported      facts as real devices reported them; each must match this profile and no other
    captures      files under `shared/data` with bytes of this model
    """

    key: str
    name: str
    make: str
    evidence: Evidence
    source: str
    record_layout: Layout
    user_width: Literal[28, 72]
    transport: Literal["zk-tcp", "zk-udp"] = "zk-tcp"
    clock: Literal["zk-packed-local"] = "zk-packed-local"
    match: Match | None = None
    encoding: str = "utf-8"
    states: dict[int, Direction] = {}
    methods: dict[int, str] = {}
    capacity: Capacity = Capacity()
    quirks: frozenset[Quirk] = frozenset()
    capabilities: frozenset[Capability] = frozenset()
    reported: tuple[DeviceFacts, ...] = ()
    captures: tuple[str, ...] = ()


def _quote(text: str) -> str:
    """A TOML basic string; control characters, which a device may send, are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'

"""What a driver can make of bytes that it delivered earlier, without its device. Optional."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from protocols.records import Quarantined, Record


class WireField(Struct, frozen=True):
    """One field of a record's own bytes. `value` is as the wire has it, `means` for people."""

    offset: int
    length: int
    name: str
    value: str
    means: str = ""


class Redecoded(Struct, frozen=True):
    """`why_not` says why bytes are still no record; None with records."""

    records: tuple[Record, ...]
    why_not: str | None = None


@runtime_checkable
class ReadsStoredBytes(Protocol):
    """A driver class. `cursor` is the device's, which may say how its records were read."""

    @classmethod
    def decode_again(
        cls, row: Quarantined, *, serial: str, cursor: bytes | None, now: datetime
    ) -> Redecoded:
        """`now`: the site's wall clock. Ordinals are not set: the spool knows the equals."""
        ...

    @classmethod
    def wire_fields(cls, raw: bytes, *, cursor: bytes | None) -> Sequence[WireField]:
        """Of one record's bytes, in their order; () for bytes that it does not know."""
        ...

"""What a driver notices beside records: how full a device is, how good the line, what is wrong.

Optional: a driver that has it is an `Observed`. All counts are since the driver was built.
"""

from typing import Protocol, runtime_checkable

from msgspec import Struct


class Memory(Struct, frozen=True, kw_only=True):
    """One of a device's memories. Hints of the device; None = it does not say, so nobody knows."""

    name: str  # "punches", "users", "fingers", "faces"
    used: int | None
    capacity: int | None

    @property
    def percent(self) -> float | None:
        if self.used is None or not self.capacity:
            return None
        return 100 * self.used / self.capacity


class LineQuality(Struct, frozen=True, kw_only=True):
    """The line to a device in counts.

    stream           bytes are already proven by the link (TCP): a wrong checksum is not its doing
    connections      opened
    losses           connections that broke, or could not be opened
    requests         asked for the first time …
    repeats          … and again, because nothing came
    timeouts         requests that stayed without an answer
    packets          that came
    wrong_checksums  of them, or dropped for it
    """

    stream: bool = True
    connections: int = 0
    losses: int = 0
    requests: int = 0
    repeats: int = 0
    timeouts: int = 0
    packets: int = 0
    wrong_checksums: int = 0


class Alarm(Struct, frozen=True, kw_only=True):
    """Something about the device's data that waits for a person. `code` is a stable word."""

    code: str
    what: str
    remedy: str


class Vitals(Struct, frozen=True, kw_only=True):
    """`line` None: the driver does not count."""

    memories: tuple[Memory, ...] = ()
    line: LineQuality | None = None
    alarms: tuple[Alarm, ...] = ()


@runtime_checkable
class Observed(Protocol):
    def vitals(self) -> Vitals:
        """As last seen; asks nothing of the device and never raises."""
        ...

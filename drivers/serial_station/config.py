"""The part of the site file that all serial stations share: the port, and how a line ends."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from drivers.contract import DeviceConfig
from protocols.serial_lines import Framing


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ValueError(f"{pattern!r} is no regular expression: {exc}") from exc
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression (Python's)."""


class SerialStationConfig(DeviceConfig):
    port: str = Field(min_length=1)
    """Path of the serial port; best under /dev/serial/by-id, which survives replugging."""
    baud: int = Field(default=9600, ge=300, le=4_000_000)
    """Speed of the line."""
    parity: Literal["none", "even", "odd"] = "none"
    """As the device has it; nearly all have none."""
    stop_bits: Literal[1, 2] = 1
    """1, or 2."""
    framing: Framing = Framing.LINE
    """How a line ends: "line" (CR, LF or both), "cr", "lf", "crlf", or "stx-etx" for frames."""
    quiet_s: float = Field(default=0.3, gt=0, le=10)
    """A silence of this length ends what was not finished; what comes next begins a line."""
    serial: str = ""
    """What the device is known by: it has no serial number to ask for. Empty: the device's name."""
    tag: str = Field(min_length=1)
    """What is counted here, as the core knows it: the station or the line."""

    @property
    def known_as(self) -> str:
        return self.serial or self.name

    @property
    def line_tags(self) -> tuple[str, ...]:
        """The counters of this device, for those who name them by tag alone."""
        return (self.tag,)

"""The shape of a conversation with a terminal: a generator that asks, and gets packets back.

A dialogue yields `Request` to ask something new or `NEXT` to await another packet of the same
request; it is sent the packet. Its return value is what the conversation was for. One runner per
link does the waiting. When the terminal stays silent past the runner's deadline, the runner throws
`SilenceError` into the dialogue, which may ask again; any other error of the link it throws as it
is, and the dialogue ends with it.
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias, TypeVar

from protocols.errors import ProtocolError
from protocols.zk.framing import Packet


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask. The session adds its id and the next reply id.

    once  an order that does something else, or something again, the second time: never repeated,
          also not where packets get lost
    """

    command: int
    data: bytes = b""
    once: bool = False


class NextPacket(Enum):
    NEXT = "next"


NEXT: Final = NextPacket.NEXT

T = TypeVar("T")
Dialogue: TypeAlias = Generator[Request | NextPacket, Packet, T]


class SilenceError(ProtocolError):
    """The terminal did not answer before the runner's deadline."""


class UnansweredOrderError(SilenceError):
    """Nobody knows whether the terminal has carried out an order. Ask it; do not just repeat it."""

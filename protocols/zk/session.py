"""Session and reply ids: which packet belongs to which request (protocol.md 1.3)."""

from dataclasses import dataclass
from typing import TypeAlias

from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.exchange import Request
from protocols.zk.framing import Packet

_REPLY_IDS = 0xFFFF  # 0xFFFF itself is never sent: hosts count modulo 65,535
_EVENT_REPLY_ID = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A packet of the request in flight."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class Event:
    """The device speaks unasked, possibly in the middle of a download. Send `event_ack`."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class Stale:
    """A late reply to an earlier request (a K40 acknowledges a transfer after EXIT): drop it."""

    packet: Packet


Routed: TypeAlias = Answer | Event | Stale


class Session:
    """Numbers what goes out and sorts what comes in. One per connection."""

    def __init__(self) -> None:
        self.session_id = 0
        self._reply_id = 0
        self._connecting = False

    def outgoing(self, request: Request) -> Packet:
        """The packet that asks `request`; it becomes the request in flight."""
        self._connecting = request.command == Command.CONNECT
        if self._connecting:
            self.session_id = 0
            self._reply_id = 0
        else:
            self._reply_id = (self._reply_id + 1) % _REPLY_IDS
        return Packet(
            command=request.command,
            session=self.session_id,
            reply_id=self._reply_id,
            data=request.data,
        )

    def incoming(self, packet: Packet) -> Routed:
        """Judged by reply id alone: the session field is overloaded in bulk data."""
        if packet.command == EVENT:
            return Event(packet)
        if packet.reply_id != self._reply_id:
            return Stale(packet)
        if self._connecting:
            # Also a refusal (2005) assigns the session in which CMD_AUTH must follow.
            self.session_id = packet.session
            self._connecting = False
        return Answer(packet)

    def event_ack(self) -> Packet:
        return Packet(command=Reply.ACK_OK, session=self.session_id, reply_id=_EVENT_REPLY_ID)

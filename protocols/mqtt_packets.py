"""MQTT 3.1.1 and 5 as recorded on the wire: enough to take published messages out of a capture.

Living connections are paho's business; this reads what somebody else has sent.
"""

from typing import Final

from msgspec import Struct

from protocols.errors import LimitExceededError, ProtocolError

_CONNECT: Final = 1
_PUBLISH: Final = 3
_HIGHEST_TYPE: Final = 15
_VERSION_5: Final = 5
_WILL: Final = 0x04
_MAX_LENGTH_BYTES: Final = 4
# Far above any payload that is decoded; what a capture of a file upload may hold.
MAX_PACKET_BYTES: Final = 32 * 1024 * 1024


class Published(Struct, frozen=True, kw_only=True):
    """A message. `will`: not sent yet, but left with the broker for the death of the connection."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    will: bool = False


class Packet(Struct, frozen=True):
    type: int
    flags: int
    body: bytes


class PacketFramer:
    """One direction of one connection: bytes cut anywhere in, whole packets out."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending(self) -> bytes:
        return self._buffer

    def feed(self, data: bytes) -> list[Packet]:
        """Raises ProtocolError: the direction has lost its framing."""
        self._buffer += data
        packets = []
        while (packet := self._next()) is not None:
            packets.append(packet)
        return packets

    def _next(self) -> Packet | None:
        buffer = self._buffer
        if not buffer:
            return None
        kind = buffer[0] >> 4
        if not _CONNECT <= kind <= _HIGHEST_TYPE:
            raise ProtocolError(f"packet type {kind}, which MQTT does not have")
        try:
            size, start = read_length(buffer, 1)
        except IndexError:
            return None
        if size > MAX_PACKET_BYTES:
            raise LimitExceededError(f"a packet of {size} bytes", limit=MAX_PACKET_BYTES)
        end = start + size
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        return Packet(kind, buffer[0] & 0x0F, buffer[start:end])


def read_length(data: bytes, offset: int) -> tuple[int, int]:
    """MQTT's variable byte integer and where it ends. Raises ProtocolError; IndexError when cut."""
    value = shift = 0
    for place in range(offset, offset + _MAX_LENGTH_BYTES):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place + 1
        shift += 7
    raise ProtocolError("a length of more than four bytes")


class PublishReader:
    """The messages of one connection; which version it speaks is told by its CONNECT."""

    def __init__(self) -> None:
        self._version = 4

    def read(self, packet: Packet) -> Published | None:
        """None for a packet that carries no message. Raises ProtocolError."""
        try:
            if packet.type == _CONNECT:
                return self._will(packet.body)
            if packet.type == _PUBLISH:
                return self._publish(packet)
        except (IndexError, UnicodeDecodeError) as exc:
            raise ProtocolError(
                f"a packet of type {packet.type} that makes no sense: {exc}"
            ) from exc
        return None

    def _publish(self, packet: Packet) -> Published:
        qos = packet.flags >> 1 & 3
        topic, offset = _text(packet.body, 0)
        offset += 2 if qos else 0
        offset = self._past_properties(packet.body, offset)
        return Published(
            topic=topic,
            payload=packet.body[offset:],
            qos=qos,
            retain=bool(packet.flags & 1),
        )

    def _will(self, body: bytes) -> Published | None:
        _, offset = _text(body, 0)
        self._version, flags = body[offset], body[offset + 1]
        offset = self._past_properties(body, offset + 4)
        _, offset = _text(body, offset)  # the client id
        if not flags & _WILL:
            return None
        topic, offset = _text(body, self._past_properties(body, offset))
        payload, _ = _counted(body, offset)
        return Published(
            topic=topic, payload=payload, qos=flags >> 3 & 3, retain=bool(flags & 0x20), will=True
        )

    def _past_properties(self, body: bytes, offset: int) -> int:
        if self._version < _VERSION_5:
            return offset
        size, start = read_length(body, offset)
        return start + size


def _text(body: bytes, offset: int) -> tuple[str, int]:
    found, end = _counted(body, offset)
    return found.decode(), end


def _counted(body: bytes, offset: int) -> tuple[bytes, int]:
    size = body[offset] << 8 | body[offset + 1]
    end = offset + 2 + size
    if end > len(body):
        raise ProtocolError(f"{size} bytes announced, {len(body) - offset - 2} given")
    return body[offset + 2 : end], end


def encode_packet(kind: int, flags: int, body: bytes) -> bytes:
    length, encoded = len(body), bytearray()
    while length >= 0x80:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes([kind << 4 | flags]) + bytes(encoded) + body

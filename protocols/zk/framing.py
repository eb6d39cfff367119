"""ZK packets and their TCP envelope (protocol.md 1): feed any slices, get whole packets."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from protocols.errors import LimitExceededError, ProtocolError, TruncatedError

TCP_MAGIC = b"\x50\x50\x82\x7d"
SECURE_MAGIC = b"\x50\x50\x83\x7c"  # encrypted firmware answers with this after 6001
PANEL_START = 0xAA  # access panels (C3, inBio) share the port and answer AA 01 … 55

# The largest legal frame seen is 65,536 data bytes plus the header; a template photo may take
# 1 MiB (command 10010). Anything above is a lie or another protocol.
MAX_FRAME_BYTES = 1024 * 1024 + 8

_ENVELOPE = struct.Struct("<4sI")
_HEADER = struct.Struct("<4H")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One ZK packet. `session` is overloaded on the wire: event code in events (command 500),
    packet index in bulk data (1501), state in the reply to STATE_RRQ.
    """

    command: int
    session: int
    reply_id: int
    data: bytes = b""


class PanelError(ProtocolError):
    """The peer is an access panel, not a standalone terminal."""


class SecureChannelError(ProtocolError):
    """The peer insists on the vendor's encrypted channel."""


def checksum(packet_bytes: bytes) -> int:
    """One's complement of the one's complement sum over the packet, its checksum field as zero."""
    blanked = packet_bytes[:2] + b"\0\0" + packet_bytes[4:]
    # Adding u16 words with end-around carry is arithmetic modulo 0xFFFF, in which 0x10000 is 1: so
    # the sum of the words is the whole packet, read as one little-endian number, modulo 0xFFFF.
    # An odd last byte is padded with zero by that reading. The sum of no set bit is 0, any other
    # multiple of 0xFFFF is 0xFFFF.
    number = int.from_bytes(blanked, "little")
    total = number % 0xFFFF or (0xFFFF if number else 0)
    return 0xFFFF - total


def has_right_checksum(body: bytes) -> bool:
    return int.from_bytes(body[2:4], "little") == checksum(body)


def encode_packet(packet: Packet) -> bytes:
    """Header and data, as one UDP datagram carries them."""
    body = _HEADER.pack(packet.command, 0, packet.session, packet.reply_id) + packet.data
    return body[:2] + struct.pack("<H", checksum(body)) + body[4:]


def encode_tcp(packet: Packet) -> bytes:
    """Envelope, header and data, as the TCP stream carries them."""
    body = encode_packet(packet)
    return _ENVELOPE.pack(TCP_MAGIC, len(body)) + body


def decode_packet(body: bytes, *, verify: bool = True) -> Packet:
    """One packet from its exact bytes. Raises TruncatedError, and ProtocolError for a wrong
    checksum unless `verify` is off (captures are edited, and some firmware is sloppy).
    """
    if len(body) < HEADER_BYTES:
        raise TruncatedError("packet shorter than its header", missing=HEADER_BYTES - len(body))
    command, given, session, reply_id = _HEADER.unpack_from(body)
    if verify and not has_right_checksum(body):
        raise ProtocolError(f"wrong checksum {given:#06x} in packet with command {command}")
    return Packet(command=command, session=session, reply_id=reply_id, data=body[HEADER_BYTES:])


class TcpFramer:
    """Turns a TCP byte stream, cut anywhere, into packets.

    On bad magic the stream cannot be trusted again: drop the connection, do not scan. With
    `verify` off a wrong checksum is counted, not raised: TCP has its own, and a K40 computes
    this one wrong.
    """

    def __init__(self, *, max_frame_bytes: int = MAX_FRAME_BYTES, verify: bool = True) -> None:
        self.wrong_checksums = 0
        self._verify = verify
        self._buffer = bytearray()
        self._max_frame_bytes = max_frame_bytes
        self._consumed = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Whole packets completed by `data`. Raises ProtocolError and its kin; then drop the link."""
        self._buffer += data
        while (body := self._next_body()) is not None:
            packet = decode_packet(body, verify=self._verify)
            if not self._verify and not has_right_checksum(body):
                self.wrong_checksums += 1
            yield packet

    def eof(self) -> None:
        """Raises TruncatedError when the stream ends inside a frame."""
        if self._buffer:
            raise TruncatedError(
                f"stream ended inside a frame, {len(self._buffer)} bytes of it had arrived",
                missing=1,
                offset=self._consumed,
            )

    def _next_body(self) -> bytes | None:
        buffer = self._buffer
        self._check_magic(bytes(buffer[:4]))
        if len(buffer) < _ENVELOPE.size:
            return None
        _, length = _ENVELOPE.unpack_from(buffer)
        if length > self._max_frame_bytes:
            raise LimitExceededError(
                f"frame of {length} bytes announced",
                limit=self._max_frame_bytes,
                offset=self._consumed,
            )
        end = _ENVELOPE.size + length
        if len(buffer) < end:
            return None
        body = bytes(buffer[_ENVELOPE.size : end])
        del buffer[:end]
        self._consumed += end
        return body

    def _check_magic(self, start: bytes) -> None:
        if TCP_MAGIC.startswith(start):
            return
        if start[0] == PANEL_START:
            raise PanelError("an access panel (C3/inBio) answers here", offset=self._consumed)
        if start == SECURE_MAGIC:
            raise SecureChannelError("the peer speaks the encrypted channel", offset=self._consumed)
        if SECURE_MAGIC.startswith(start):
            return
        raise ProtocolError(f"not a ZK frame: starts {start.hex()}", offset=self._consumed)

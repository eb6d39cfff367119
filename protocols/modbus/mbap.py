"""Modbus TCP: the MBAP header around a PDU. Feed any slices, get whole messages."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from protocols.errors import LimitExceededError, ProtocolError, TruncatedError
from protocols.modbus.pdu import MAX_PDU_BYTES

_HEADER: Final = struct.Struct(">HHHB")
_LENGTH_ENDS: Final = 6  # the length field counts what follows it: unit and PDU
MAX_ADU_BYTES: Final = _HEADER.size + MAX_PDU_BYTES  # 260, the standard's own limit


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpMessage:
    """`transaction` is the client's number, which the answer repeats; `unit` the serial address
    behind a gateway (0 or 255 for the box itself).
    """

    transaction: int
    unit: int
    pdu: bytes


def encode_tcp(message: TcpMessage) -> bytes:
    length = 1 + len(message.pdu)
    return _HEADER.pack(message.transaction, 0, length, message.unit) + message.pdu


class TcpFramer:
    """Turns a TCP byte stream, cut anywhere, into messages.

    After a ProtocolError the stream cannot be trusted again: drop the connection, do not scan.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._consumed = 0

    @property
    def pending(self) -> bytes:
        """What has arrived and is not part of a message yet."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> Iterator[TcpMessage]:
        """Messages completed by `data`. Raises ProtocolError and its kin; then drop the link."""
        self._buffer += data
        while (message := self._next()) is not None:
            yield message

    def eof(self) -> None:
        """Raises TruncatedError when the stream ends inside a message."""
        if self._buffer:
            raise TruncatedError(
                f"stream ended inside a message, {len(self._buffer)} bytes of it had arrived",
                missing=1,
                offset=self._consumed,
            )

    def _next(self) -> TcpMessage | None:
        buffer = self._buffer
        if len(buffer) < _LENGTH_ENDS:
            return None
        protocol, length = struct.unpack_from(">HH", buffer, 2)
        if protocol != 0:
            raise ProtocolError(
                f"not Modbus TCP: protocol number {protocol}", offset=self._consumed
            )
        end = _LENGTH_ENDS + length
        if end > MAX_ADU_BYTES:
            raise LimitExceededError(
                f"message of {end} bytes announced", limit=MAX_ADU_BYTES, offset=self._consumed
            )
        if end <= _HEADER.size:
            raise ProtocolError("message without a function byte", offset=self._consumed)
        if len(buffer) < end:
            return None
        transaction, _, _, unit = _HEADER.unpack_from(buffer)
        pdu = bytes(buffer[_HEADER.size : end])
        del buffer[:end]
        self._consumed += end
        return TcpMessage(transaction=transaction, unit=unit, pdu=pdu)

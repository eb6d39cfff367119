"""Modbus RTU: unit, PDU and CRC on a serial line.

The wire separates frames by silence, which a byte stream has lost. So the length comes from the
function, the CRC confirms it, and bytes that fit no frame come out as `LineNoise`, each one once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

MAX_FRAME_BYTES: Final = 256  # serial line specification; also the cap of one piece of noise
_SHORTEST_RESPONSE: Final = 5  # an exception: unit, function, code, CRC
_BYTES_TO_REQUEST_LENGTH: Final = 7  # a multiple write says its length in its seventh byte
_CRC_POLYNOMIAL: Final = 0xA001


@dataclass(frozen=True, slots=True, kw_only=True)
class RtuFrame:
    unit: int
    pdu: bytes
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNoise:
    """Bytes of the stream that belong to no frame."""

    offset: int
    raw: bytes


class Side(Enum):
    """Whose frames a stream holds: the same function has another length in each direction."""

    REQUESTS = "requests"
    RESPONSES = "responses"


def silent_interval_s(baud: int) -> float:
    """The silence between two frames: 3.5 characters of 11 bits, above 19,200 baud fixed
    (Serial Line V1.02, 2.5.1.1).
    """
    return 0.001_75 if baud > 19_200 else 3.5 * 11 / baud


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS; sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ _CRC_POLYNOMIAL if crc & 1 else crc >> 1
    return crc


def encode_rtu(unit: int, pdu: bytes) -> bytes:
    body = bytes([unit]) + pdu
    return body + crc16(body).to_bytes(2, "little")


class RtuFramer:
    """Turns one direction of a serial line, cut anywhere, into frames and noise. Never raises."""

    def __init__(self, side: Side) -> None:
        requests = side is Side.REQUESTS
        self._frame_bytes: Callable[[bytearray], int] = (
            _request_bytes if requests else _response_bytes
        )
        self._least_bytes = _BYTES_TO_REQUEST_LENGTH if requests else _SHORTEST_RESPONSE
        self._buffer = bytearray()
        self._noise = bytearray()
        self._offset = 0  # of the first byte of the buffer

    def feed(self, data: bytes) -> Iterator[RtuFrame | LineNoise]:
        self._buffer += data
        while len(self._buffer) >= self._least_bytes:
            size = self._frame_bytes(self._buffer)
            if size > len(self._buffer):
                return
            yield from self._take(size)

    def eof(self) -> Iterator[RtuFrame | LineNoise]:
        """The rest: frames that stood behind a false start, and noise."""
        while self._buffer:
            whole = len(self._buffer) >= self._least_bytes
            size = self._frame_bytes(self._buffer) if whole else 0
            yield from self._take(size if size <= len(self._buffer) else 0)
        yield from self._flush_noise()

    def _take(self, size: int) -> Iterator[RtuFrame | LineNoise]:
        """The frame of `size` bytes if its CRC is right, else one byte goes to the noise."""
        frame = bytes(self._buffer[:size])
        if size and crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little"):
            yield from self._flush_noise()
            yield RtuFrame(unit=frame[0], pdu=frame[1:-2], offset=self._offset)
            self._drop(size)
            return
        self._noise.append(self._buffer[0])
        self._drop(1)
        if len(self._noise) == MAX_FRAME_BYTES:
            yield from self._flush_noise()

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._offset += size

    def _flush_noise(self) -> Iterator[LineNoise]:
        if self._noise:
            raw = bytes(self._noise)
            self._noise.clear()
            yield LineNoise(offset=self._offset - len(raw), raw=raw)


def _request_bytes(buffer: bytearray) -> int:
    """Length of the request that starts here; 0 when none can. Needs seven bytes."""
    match buffer[1]:
        case 1 | 2 | 3 | 4 | 5 | 6:
            return 8
        case 15 | 16:
            size = 9 + buffer[6]
            return size if size <= MAX_FRAME_BYTES else 0
        case _:
            return 0


def _response_bytes(buffer: bytearray) -> int:
    """Length of the answer that starts here; 0 when none can. Needs three bytes."""
    match buffer[1]:
        case 1 | 2 | 3 | 4:
            size = 5 + buffer[2]
            return size if size <= MAX_FRAME_BYTES else 0
        case 5 | 6 | 15 | 16:
            return 8
        case function if function & 0x80:
            return 5
        case _:
            return 0

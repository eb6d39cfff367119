"""Frames of RDM6300 readers and their kin (EM4100 cards, 125 kHz): bytes in, cards out.

`02 | 10 hex digits | 2 hex digits of checksum | 03`; ID-2, ID-12 and ID-20 put CR LF before the
03. The checksum is the XOR of the five data bytes. The reader repeats the frame as long as the
card lies on the coil and never says that it went (specs/vendors/card_readers_serial.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

_START: Final = 0x02
_END: Final = 0x03
_DIGITS: Final = frozenset(b"0123456789ABCDEFabcdef")
_DIGIT_COUNT: Final = 12  # ten of data, two of checksum
_TAILS: Final = (bytes([_END]), b"\r\n" + bytes([_END]))
# An open line can deliver noise for ever without a start byte; a piece of it is never longer.
MAX_NOISE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFrame:
    """One reading of a card: `data` are its five bytes, `raw` the frame, `offset` in the stream."""

    data: bytes
    raw: bytes
    offset: int

    @property
    def card(self) -> str:
        """The ten-digit decimal of the low four bytes, as printed on cards."""
        return f"{int.from_bytes(self.data[1:], 'big'):010d}"

    @property
    def hex(self) -> str:
        """All five bytes, spelled as the reader sends them."""
        return self.data.hex().upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFrame:
    """Bytes that are no card: noise, a cut frame, a wrong checksum."""

    offset: int
    reason: str
    raw: bytes


def encode_card(data: bytes, *, crlf: bool = False) -> bytes:
    """The frame for five data bytes."""
    if len(data) != 5:
        raise ValueError(f"a card has five bytes, not {len(data)}")
    digits = (data + bytes([reduce(xor, data)])).hex().upper().encode()
    return bytes([_START]) + digits + _TAILS[crlf]


class CardFramer:
    """Turns a reader's byte stream, cut anywhere, into cards and bad frames. Never raises.

    Bad bytes come out in one piece up to the next start byte, so every byte comes out once.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0  # of the first byte of the buffer
        self._bad_reason: str | None = None  # why the buffer cannot become a frame

    def feed(self, data: bytes) -> Iterator[CardFrame | BadFrame]:
        for byte in data:
            if byte == _START and self._buffer:
                yield self._give_up(self._bad_reason or "the next frame starts inside this one")
            self._buffer.append(byte)
            if self._bad_reason is None:
                yield from self._judge(byte)
            if len(self._buffer) >= MAX_NOISE_BYTES:
                yield self._give_up(self._bad_reason or "no end of frame")

    def eof(self) -> Iterator[BadFrame]:
        """What was left unfinished when the stream ended."""
        if self._buffer:
            yield self._give_up(self._bad_reason or "the stream ended inside this frame")

    def _judge(self, byte: int) -> Iterator[CardFrame | BadFrame]:
        """Looks at the byte just added: does the buffer still begin a frame, is it one?"""
        position = len(self._buffer) - 1
        if position == 0:
            if byte != _START:
                self._bad_reason = "noise before a frame"
        elif position <= _DIGIT_COUNT:
            if byte not in _DIGITS:
                self._bad_reason = f"byte {byte:#04x} where a hex digit belongs"
        else:
            tail = bytes(self._buffer[1 + _DIGIT_COUNT :])
            if tail in _TAILS:
                yield self._finish()
            elif not any(allowed.startswith(tail) for allowed in _TAILS):
                self._bad_reason = f"byte {byte:#04x} where the end of the frame belongs"

    def _finish(self) -> CardFrame | BadFrame:
        *data, checksum = bytes.fromhex(self._buffer[1 : 1 + _DIGIT_COUNT].decode("ascii"))
        computed = reduce(xor, data)
        if checksum != computed:
            return self._give_up(f"checksum {checksum:02X}, computed {computed:02X}")
        raw, offset = self._take()
        return CardFrame(data=bytes(data), raw=raw, offset=offset)

    def _give_up(self, reason: str) -> BadFrame:
        raw, offset = self._take()
        return BadFrame(offset=offset, reason=reason, raw=raw)

    def _take(self) -> tuple[bytes, int]:
        raw, offset = bytes(self._buffer), self._offset
        self._buffer.clear()
        self._offset += len(raw)
        self._bad_reason = None
        return raw, offset

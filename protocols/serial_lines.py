"""Lines of text from a serial port: counter boxes, barcode scanners. Bytes in, lines and junk out.

A port is opened in the middle of whatever is being sent, and a plug that goes in makes noise. So
what comes before the first end of a line is junk, unless a silence before it says that a line began.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_STX: Final = 0x02
_ETX: Final = 0x03
_FILLER: Final = b"\r\n"  # what ends a line twice, or stands between two frames


class Framing(StrEnum):
    LINE = "line"  # CR, LF or both
    CR = "cr"
    LF = "lf"
    CRLF = "crlf"
    STX_ETX = "stx-etx"


_ENDS: Final = {
    Framing.LINE: (b"\r", b"\n"),
    Framing.CR: (b"\r",),
    Framing.LF: (b"\n",),
    Framing.CRLF: (b"\r\n",),
    Framing.STX_ETX: (bytes([_ETX]),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line that is text: `raw` are its bytes as they came, `offset` their place in the stream."""

    text: str
    offset: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Junk:
    """Bytes that are no line of text."""

    offset: int
    reason: str
    raw: bytes


class LineFramer:
    """Turns a byte stream, cut anywhere, into lines and junk. Never raises. Empty lines are nothing.

    `max_bytes` bounds a line: without it a peer that never ends one would fill the memory.
    """

    def __init__(self, framing: Framing, *, max_bytes: int) -> None:
        self._framing = framing
        self._ends = _ENDS[framing]
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._offset = 0  # of the first byte of the buffer
        self._lost: str | None = "the port was opened inside it"  # why the buffer is no whole line

    def feed(self, data: bytes) -> Iterator[Line | Junk]:
        for byte in data:
            if byte == _STX and self._framing is Framing.STX_ETX:
                yield from self._restart()
            self._buffer.append(byte)
            if any(self._buffer.endswith(end) for end in self._ends):
                yield from self._end()
            elif len(self._buffer) >= self._max_bytes:
                yield self._junk(self._lost or f"no end within {self._max_bytes} bytes")
                self._lost = "the rest of a line that is too long"

    def silence(self) -> Iterator[Junk]:
        """Nothing came for longer than a line takes: whatever comes next begins one."""
        if self._buffer:
            yield self._junk(self._lost or "it broke off")
        self._lost = None

    def eof(self) -> Iterator[Junk]:
        """What was left unfinished when the stream ended."""
        if self._buffer:
            yield self._junk(self._lost or "the stream ended inside it")

    def _restart(self) -> Iterator[Junk]:
        """STX begins a frame, whatever came before it."""
        if self._buffer.strip(_FILLER):
            yield self._junk(self._lost or "the next frame starts inside it")
        self._offset += len(self._buffer)
        self._buffer.clear()
        self._lost = None

    def _end(self) -> Iterator[Line | Junk]:
        if not self._buffer.strip(_FILLER):  # also as the end of what was lost
            self._offset += len(self._buffer)
            self._buffer.clear()
            self._lost = None
            return
        reason = self._lost or self._fault()
        if reason:
            yield self._junk(reason)
        else:
            raw, offset = self._take()
            yield Line(text=_text(raw), offset=offset, raw=raw)
        # Between frames nothing is expected but the next STX.
        self._lost = None

    def _fault(self) -> str:
        """Why the finished buffer is no line, "" when it is one."""
        if self._framing is Framing.STX_ETX and self._buffer[0] != _STX:
            return "no STX before it"
        try:
            text = _text(self._buffer)
        except UnicodeDecodeError:
            return "no text (UTF-8)"
        if not all(character.isprintable() or character in _SEPARATORS for character in text):
            return "control characters in it"
        return "" if text else "nothing in it"

    def _junk(self, reason: str) -> Junk:
        raw, offset = self._take()
        return Junk(offset=offset, reason=reason, raw=raw)

    def _take(self) -> tuple[bytes, int]:
        raw, offset = bytes(self._buffer), self._offset
        self._buffer.clear()
        self._offset += len(raw)
        return raw, offset


# Of GS1 codes and of tables: separators that scanners send as they are.
_SEPARATORS: Final = "\x1c\x1d\x1e\x1f\t"


def _text(raw: bytes | bytearray) -> str:
    """Raises UnicodeDecodeError."""
    return raw.strip(bytes([_STX, _ETX]) + _FILLER).decode("utf-8").strip(" ")

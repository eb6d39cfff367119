"""Captured segments to packets (`zkcapture/1`): a capture may begin inside a frame, end inside one,
lose segments between, hold one side only and carry checksums that its editor broke.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final

from msgspec import Struct

from protocols.zk.framing import (
    HEADER_BYTES,
    MAX_FRAME_BYTES,
    TCP_MAGIC,
    Packet,
    decode_packet,
    has_right_checksum,
)

_ENVELOPE_BYTES: Final = 8


class Segment(Struct, frozen=True, kw_only=True):
    """One captured read: a TCP segment or a datagram. `sent` = by the host."""

    sent: bool
    data: bytes


class Gap(IntEnum):
    """Whether a segment was lost within a frame. POSSIBLE: only its checksum is wrong, because the
    frame swallowed the head of the next one, or was edited, or its end is cut.
    """

    NONE = 0
    POSSIBLE = 1
    CERTAIN = 2


class CapturedPacket(Struct, frozen=True, kw_only=True):
    """`missing` bytes of its data were not captured: its end, unless `gap` says otherwise.
    `offset` in its direction's stream.
    """

    sent: bool
    offset: int
    packet: Packet
    checksum_ok: bool = True
    missing: int = 0
    gap: Gap = Gap.NONE


class Stray(Struct, frozen=True, kw_only=True):
    """Bytes before the first frame or between frames: the rest of a frame whose head is lost."""

    sent: bool
    offset: int
    data: bytes


Captured = CapturedPacket | Stray


def read_tcp(segments: Iterable[Segment]) -> Iterator[Captured]:
    """Packets in the order in which they were complete."""
    host, device = _Stream(sent=True), _Stream(sent=False)
    for segment in segments:
        stream = host if segment.sent else device
        yield from stream.feed(segment.data)
    yield from host.eof()
    yield from device.eof()


def read_udp(segments: Iterable[Segment]) -> Iterator[Captured]:
    """A datagram is a packet; one with a TCP envelope was edited, and is taken all the same."""
    offset = 0
    for segment in segments:
        body = segment.data
        if body.startswith(TCP_MAGIC):
            body = body[_ENVELOPE_BYTES:]
        yield _captured(body, sent=segment.sent, offset=offset)
        offset += len(segment.data)


def _captured(
    body: bytes, *, sent: bool, offset: int, missing: int = 0, gap: Gap = Gap.NONE
) -> Captured:
    if len(body) < HEADER_BYTES:
        return Stray(sent=sent, offset=offset, data=body)
    checksum_ok = has_right_checksum(body)
    return CapturedPacket(
        sent=sent,
        offset=offset,
        packet=decode_packet(body, verify=False),
        checksum_ok=checksum_ok,
        missing=missing,
        gap=gap if checksum_ok else max(gap, Gap.POSSIBLE),
    )


class _Stream:
    """One direction of a TCP connection; unlike a live framer it goes on after damage."""

    def __init__(self, *, sent: bool) -> None:
        self._sent = sent
        self._buffer = bytearray()
        self._offset = 0

    def feed(self, data: bytes) -> Iterator[Captured]:
        bare = not self._buffer and _is_bare_packet(data)
        self._buffer += data
        if bare:
            yield self._take(len(data), head=0)
        while (item := self._next()) is not None:
            yield item

    def eof(self) -> Iterator[Captured]:
        if not self._buffer:
            return
        framed = self._buffer.startswith(TCP_MAGIC)
        if framed and len(self._buffer) >= _ENVELOPE_BYTES + HEADER_BYTES:
            announced = self._announced()
            missing = announced - (len(self._buffer) - _ENVELOPE_BYTES)
            yield self._take(len(self._buffer), head=_ENVELOPE_BYTES, missing=missing)
        else:
            yield self._stray(len(self._buffer))

    def _next(self) -> Captured | None:
        start = self._buffer.find(TCP_MAGIC)
        if start != 0:
            return self._stray(start) if start > 0 else None
        if len(self._buffer) < _ENVELOPE_BYTES:
            return None
        announced = self._announced()
        if not HEADER_BYTES <= announced <= MAX_FRAME_BYTES:
            return self._stray(len(TCP_MAGIC))
        end = _ENVELOPE_BYTES + announced
        following = self._buffer.find(TCP_MAGIC, _ENVELOPE_BYTES, end)
        if following > 0:  # a segment was lost: the next frame begins inside this one
            missing = end - following
            if following < _ENVELOPE_BYTES + HEADER_BYTES:
                return self._stray(following)
            return self._take(following, head=_ENVELOPE_BYTES, missing=missing, gap=Gap.CERTAIN)
        return self._take(end, head=_ENVELOPE_BYTES) if len(self._buffer) >= end else None

    def _announced(self) -> int:
        return int.from_bytes(self._buffer[4:_ENVELOPE_BYTES], "little")

    def _take(self, size: int, *, head: int, missing: int = 0, gap: Gap = Gap.NONE) -> Captured:
        body = bytes(self._buffer[head:size])
        item = _captured(body, sent=self._sent, offset=self._offset, missing=missing, gap=gap)
        self._drop(size)
        return item

    def _stray(self, size: int) -> Stray:
        item = Stray(sent=self._sent, offset=self._offset, data=bytes(self._buffer[:size]))
        self._drop(size)
        return item

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._offset += size


def _is_bare_packet(data: bytes) -> bool:
    """A whole packet without its envelope, as written down in notes of a session."""
    return len(data) >= HEADER_BYTES and not data.startswith(TCP_MAGIC) and has_right_checksum(data)

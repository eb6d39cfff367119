"""Reading only the end of a table out of a terminal (protocol.md 6): what a poll needs.

1503 says how large the table is and 1504 takes any offset, so a log that is known up to a row is
read from there. Firmware that sends a table unasked in one piece sends all of it here too.
"""

import struct
from dataclasses import dataclass

from protocols.errors import ProtocolError, RefusedError
from protocols.zk.commands import Command, Reply
from protocols.zk.exchange import Dialogue
from protocols.zk.framing import Packet
from protocols.zk.refusals import refusal
from protocols.zk.tables import (
    TCP_CHUNK_BYTES,
    SizedRecords,
    Table,
    buffer_size,
    collect,
    free_buffer,
    is_part,
    read_chunk,
)

# A day of a big plant. What has grown by more is better streamed than held in one piece.
MAX_END_BYTES = 1024 * 1024

_SIZE_WORD = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEnd:
    """Sizes and places are of the records, without the size word.

    size     bytes in the whole table
    start    where `records` begins; 0 when the terminal sent all of them
    records  None: the table ends before `start`, or more than MAX_END_BYTES after it
    head     the first bytes of the table, as many as were asked for
    """

    size: int
    start: int
    records: bytes | None
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRequest:
    """Which part of a table is wanted, and how this link carries it (see `tables.read_table`)."""

    table: Table
    start: int
    head_bytes: int
    chunk_bytes: int = TCP_CHUNK_BYTES
    datagrams: bool = False


def read_end(asked: EndRequest) -> Dialogue[TableEnd]:
    """The records from `asked.start` on. The terminal's buffer is freed on every way out.

    That they stand there is not proven: some firmware serves chunks in sequence only, and answers
    with others than were asked for. Compare `head`, and the beginning of `records` with what is
    known to stand there. Raises as `read_table`.
    """
    first = yield asked.table.request()
    if first.command == Reply.DATA and not (asked.datagrams and is_part(first.data)):
        return _whole(asked, first.data)  # inline: no buffer to free
    try:
        end = yield from _read_deferred(asked, first)
    except ProtocolError:
        yield from free_buffer()
        raise
    yield from free_buffer()
    return end


def _read_deferred(asked: EndRequest, first: Packet) -> Dialogue[TableEnd]:
    if _sends_at_once(asked, first):
        return _whole(asked, (yield from collect(first, expected=None)))
    try:
        return (yield from _read_buffer(asked, first))
    except RefusedError as exc:
        if not asked.datagrams or exc.request != Command.READ_CHUNK:
            raise
        # A late copy of an earlier FREE_DATA takes the buffer away: it is prepared once more.
        return (yield from _read_buffer(asked, (yield asked.table.request())))


def _sends_at_once(asked: EndRequest, first: Packet) -> bool:
    """Old firmware; on UDP its packets may have overtaken their announcement."""
    if first.command == Reply.PREPARE_DATA:
        return True
    return asked.datagrams and (
        first.command == Reply.DATA or (asked.table.direct and first.command == Reply.ACK_OK)
    )


def _read_buffer(asked: EndRequest, first: Packet) -> Dialogue[TableEnd]:
    if first.command != Reply.ACK_OK:
        raise refusal(asked.table.command, first)
    total = buffer_size(first.data)
    opening_bytes = _SIZE_WORD.size + asked.head_bytes
    if total is not None:
        opening_bytes = min(opening_bytes, total)
    opening = yield from read_chunk(0, opening_bytes, asked.table, datagrams=asked.datagrams)
    size, head = _opened(opening, total)
    records: bytes | None = None
    if asked.start <= size <= asked.start + MAX_END_BYTES:
        records = yield from _read_records(asked, size)
    return TableEnd(size=size, start=asked.start, records=records, head=head)


def _opened(opening: bytes, total: int | None) -> tuple[int, bytes]:
    """What the size word says, and the records behind it. Raises ProtocolError unless the terminal
    announced as much.
    """
    if len(opening) < _SIZE_WORD.size:
        raise ProtocolError(f"a table of {len(opening)} bytes was announced, without a size word")
    (size,) = _SIZE_WORD.unpack_from(opening)
    if total is not None and total != _SIZE_WORD.size + size:
        raise ProtocolError(f"{total} bytes were announced, the size word says {size}", offset=0)
    return int(size), opening[_SIZE_WORD.size :]


def _read_records(asked: EndRequest, size: int) -> Dialogue[bytes]:
    records = bytearray()
    for offset in range(asked.start, size, asked.chunk_bytes):
        wanted = min(asked.chunk_bytes, size - offset)
        records += yield from read_chunk(
            _SIZE_WORD.size + offset, wanted, asked.table, datagrams=asked.datagrams
        )
    return bytes(records)


def _whole(asked: EndRequest, content: bytes) -> TableEnd:
    records = bytearray()
    sized = SizedRecords(asked.table, records.extend)
    sized.add(content)
    sized.end()
    whole = bytes(records)
    return TableEnd(size=len(whole), start=0, records=whole, head=whole[: asked.head_bytes])

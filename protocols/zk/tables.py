"""Reading a whole table out of a terminal (protocol.md 6).

A table travels inline in one 1501, or is prepared in a buffer of the terminal (1503) and read in
chunks (1504), each chunk split into packets that carry their index in the session field. Packets
are collected by that index: on UDP they arrive in any order, and the closing ACK may overtake them.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from protocols.errors import LimitExceededError, ProtocolError, RefusedError, TruncatedError
from protocols.zk.commands import Command, Reply
from protocols.zk.exchange import NEXT, Dialogue, Request, SilenceError
from protocols.zk.framing import Packet
from protocols.zk.refusals import refusal

TCP_CHUNK_BYTES = 65_472  # what hosts ask real terminals for
UDP_CHUNK_BYTES = 16_384

# The largest log capacity on the market is 1,000,000 rows of 49 bytes; above this the announced
# size is a lie, and believing it would fill a small gateway's memory.
MAX_TABLE_BYTES = 64 * 1024 * 1024

# A chunk that is lost or short three times in a row will not get better within this session.
MAX_CHUNK_ATTEMPTS = 3

_BUFFER_REQUEST = struct.Struct("<BHII")
_TWO_WORDS = struct.Struct("<II")
_SIZE_WORD = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What to put into a buffer request; `name` is for messages.

    `direct` asks by the bare command, for old UDP terminals without 1503. Never on TCP: K40 and
    Z40 answer with unrelated memory.
    """

    name: str
    command: int
    first: int = 0
    second: int = 0
    direct: bool = False

    def request(self) -> Request:
        if self.direct:
            data = bytes((self.first,)) if self.first else b""
            return Request(self.command, data)
        data = _BUFFER_REQUEST.pack(1, self.command, self.first, self.second)
        return Request(Command.PREPARE_BUFFER, data)


USERS = Table(name="users", command=Command.USERTEMP_RRQ, first=5)
TEMPLATES = Table(name="templates", command=Command.DB_RRQ, first=2)
ATTENDANCE = Table(name="attendance", command=Command.ATTLOG_RRQ)
OPERATION_LOG = Table(name="operation log", command=Command.OPLOG_RRQ)


def attendance_between(first: int, last: int) -> Table:
    """Attendance from packed time `first` to `last`; only newer firmware knows it."""
    return Table(
        name="attendance range", command=Command.ATTLOG_RANGE_RRQ, first=first, second=last
    )


def read_table(
    table: Table, *, chunk_bytes: int = TCP_CHUNK_BYTES, datagrams: bool = False
) -> Dialogue[bytes]:
    """The records of `table` without their size word, proven complete by it.

    `datagrams`: a link on which packets come in any order and the runner repeats requests by
    itself, so that its SilenceError is the last word. The terminal's buffer is freed on every way
    out. Raises TruncatedError when bytes are missing after retries, LimitExceededError above
    MAX_TABLE_BYTES, RefusedError when the terminal says no.
    """
    records = bytearray()
    yield from stream_table(table, records.extend, chunk_bytes=chunk_bytes, datagrams=datagrams)
    return bytes(records)


def stream_table(
    table: Table,
    write: Callable[[bytes], object],
    *,
    chunk_bytes: int = TCP_CHUNK_BYTES,
    datagrams: bool = False,
) -> Dialogue[None]:
    """As `read_table`, the records going to `write` chunk by chunk as they arrive.

    What was written is proven complete only once this has returned; forget it when this raises.
    """
    records = SizedRecords(table, write)
    try:
        first = yield table.request()
        if first.command == Reply.DATA and not (datagrams and is_part(first.data)):
            records.add(first.data)
            records.end()
            return  # inline: no buffer to free
        if datagrams:
            records.add((yield from _read_datagrams(first, table, chunk_bytes)))
        else:
            yield from _read_buffer(first, table, chunk_bytes, records.add)
    except ProtocolError:
        yield from free_buffer()
        raise
    yield from free_buffer()
    records.end()


def is_part(data: bytes) -> bool:
    """Whether `data` is no whole inline table: a packet of a transfer has overtaken its 1500."""
    if len(data) < _SIZE_WORD.size:
        return True
    (announced,) = _SIZE_WORD.unpack_from(data)
    return int(announced) != len(data) - _SIZE_WORD.size


def _read_datagrams(first: Packet, table: Table, chunk_bytes: int) -> Dialogue[bytes]:
    """A late copy of an earlier FREE_DATA takes the buffer away: then it is prepared once more, and
    read from the start, because rows may have come meanwhile.
    """
    if first.command == Reply.DATA or (table.direct and first.command == Reply.ACK_OK):
        return (yield from collect(first, expected=None))  # they have overtaken the 1500
    content = bytearray()
    try:
        yield from _read_buffer(first, table, chunk_bytes, content.extend, datagrams=True)
    except RefusedError as exc:
        if exc.request != Command.READ_CHUNK:
            raise
        content.clear()
        first = yield table.request()
        yield from _read_buffer(first, table, chunk_bytes, content.extend, datagrams=True)
    return bytes(content)


def _read_buffer(
    first: Packet,
    table: Table,
    chunk_bytes: int,
    add: Callable[[bytes], object],
    *,
    datagrams: bool = False,
) -> Dialogue[None]:
    if first.command == Reply.PREPARE_DATA:  # old firmware sends at once, without 1504
        add((yield from collect(first, expected=None)))
        return
    if first.command != Reply.ACK_OK:
        raise refusal(table.command, first)
    total = buffer_size(first.data)
    if total is None:
        head = yield from read_chunk(0, _SIZE_WORD.size, table, datagrams=datagrams)
        total = _SIZE_WORD.size + int(_SIZE_WORD.unpack(head)[0])
    if total > MAX_TABLE_BYTES:
        raise LimitExceededError(
            f"the terminal announced {total} bytes of {table.name}", limit=MAX_TABLE_BYTES
        )
    for offset in range(0, total, chunk_bytes):
        size = min(chunk_bytes, total - offset)
        add((yield from read_chunk(offset, size, table, datagrams=datagrams)))


def buffer_size(data: bytes) -> int | None:
    """From the 13 bytes `00 size size unknown`; some firmware cuts them short, even to nothing."""
    if len(data) < _SIZE_WORD.size:
        return None
    (total,) = _SIZE_WORD.unpack_from(data, 0 if len(data) == _SIZE_WORD.size else 1)
    return int(total)


def read_chunk(offset: int, size: int, table: Table, *, datagrams: bool) -> Dialogue[bytes]:
    """1504 is idempotent: what got lost is simply asked again."""
    arrived = 0
    for _ in range(MAX_CHUNK_ATTEMPTS):
        try:
            first = yield Request(Command.READ_CHUNK, _TWO_WORDS.pack(offset, size))
            chunk = yield from collect(first, expected=size)
        except SilenceError:
            if datagrams:
                raise
            continue
        if len(chunk) == size:
            return chunk
        arrived = len(chunk)
    raise TruncatedError(
        f"{table.name}: {arrived} of {size} bytes at offset {offset} arrived, "
        f"asked {MAX_CHUNK_ATTEMPTS} times",
        missing=size - arrived,
        offset=offset,
    )


def collect(packet: Packet, *, expected: int | None) -> Dialogue[bytes]:
    """The bytes of one transfer: a single 1501, or 1500 and its numbered 1501s in any order.

    A transfer that is shorter than its announcement ends in the runner's SilenceError.
    """
    limit = MAX_TABLE_BYTES if expected is None else expected
    plan: _Plan | None = None
    parts: dict[int, bytes] = {}
    arrived = 0
    while True:
        if packet.command == Reply.DATA:
            if len(packet.data) == expected:
                return packet.data
            if packet.session not in parts:
                parts[packet.session] = packet.data
                arrived += len(packet.data)
            if arrived > limit:
                raise LimitExceededError("more data than was asked for", limit=limit)
        elif packet.command == Reply.PREPARE_DATA:
            plan = _Plan.read(packet.data, limit)
        elif packet.command != Reply.ACK_OK:  # the ACK is a hint only: it may overtake the data
            raise refusal(Command.READ_CHUNK, packet)
        if plan is not None and len(parts) >= plan.packets:
            return plan.join(parts)
        packet = yield NEXT


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a 1500 announces."""

    total: int
    packets: int

    @classmethod
    def read(cls, data: bytes, limit: int) -> "_Plan":
        if len(data) < _TWO_WORDS.size:
            raise TruncatedError(
                "a transfer was announced without its size", missing=_TWO_WORDS.size - len(data)
            )
        total, packet_bytes = _TWO_WORDS.unpack_from(data)
        if total > limit:
            raise LimitExceededError(f"a transfer of {total} bytes was announced", limit=limit)
        if packet_bytes == 0:
            raise ProtocolError("a transfer was announced with packets of no bytes")
        return cls(total, -(-total // packet_bytes))

    def join(self, parts: dict[int, bytes]) -> bytes:
        if self.packets == 1:  # its index carries no information, and not every firmware sets it
            (content,) = parts.values() if len(parts) == 1 else (parts.get(0, b""),)
        else:
            content = b"".join(parts.get(index, b"") for index in range(self.packets))
        return content[: self.total]


def free_buffer() -> Dialogue[None]:
    """Else the next read may get stale bytes. The answer does not matter, nor does its absence."""
    try:
        yield Request(Command.FREE_DATA)
    except SilenceError:
        return


class SizedRecords:
    """Cuts the size word off what comes, hands on the records, and proves them complete by it."""

    def __init__(self, table: Table, write: Callable[[bytes], object]) -> None:
        self._table = table
        self._write = write
        self._size_word = b""
        self._arrived = 0  # bytes of records

    def add(self, data: bytes) -> None:
        missing = _SIZE_WORD.size - len(self._size_word)
        self._size_word += data[:missing]
        records = data[missing:]
        if records:
            self._arrived += len(records)
            self._write(records)

    def end(self) -> None:
        """Raises TruncatedError or ProtocolError unless exactly what was announced has come."""
        if not self._size_word:
            return
        if len(self._size_word) < _SIZE_WORD.size:
            raise TruncatedError(
                f"{self._table.name}: no size word",
                missing=_SIZE_WORD.size - len(self._size_word),
                offset=0,
            )
        (announced,) = _SIZE_WORD.unpack(self._size_word)
        if self._arrived < announced:
            raise TruncatedError(
                f"{self._table.name}: {self._arrived} of {announced} bytes arrived",
                missing=announced - self._arrived,
                offset=_SIZE_WORD.size + self._arrived,
            )
        if self._arrived > announced:
            raise ProtocolError(
                f"{self._table.name}: {self._arrived} bytes arrived, "
                f"the size word says {announced}",
                offset=_SIZE_WORD.size + announced,
            )

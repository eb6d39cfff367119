"""Tables put together from captured packets: by packet index and chunk offset where the capture
shows them, else by what follows from sizes. The capture may lack any part of a transfer.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from protocols.zk.capture import Captured, CapturedPacket, Gap, Stray
from protocols.zk.capture_order import announcements_first, answers_to_connect
from protocols.zk.commands import Command, Reply
from protocols.zk.framing import Packet
from protocols.zk.stored_tables import SIZE_WORD, size_word

_TWO_WORDS = struct.Struct("<II")
_BUFFER_SIZE = struct.Struct("<BII")
_BUFFER_REQUEST = struct.Struct("<BH")
_MIN_STRAY_BYTES: Final = 16  # less holds no record
_TABLE_REQUESTS: Final = frozenset(
    {
        Command.PREPARE_BUFFER,
        Command.READ_CHUNK,
        Command.FREE_DATA,
        Command.ATTLOG_RRQ,
        Command.USERTEMP_RRQ,
        Command.DB_RRQ,
        Command.OPLOG_RRQ,
        Command.GET_USERTEMP,
    }
)
_CHUNK_REQUESTS: Final = frozenset({Command.READ_CHUNK, Command.FREE_DATA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes that stood together; `position` in the table, size word included, None = unknown.
    `gap`: whether a segment is missing somewhere within. `follows`: on the piece before it, as the
    numbers of their requests say, though nothing says where that one stands.
    """

    position: int | None
    data: bytes
    gap: Gap = Gap.NONE
    follows: bool = False


@dataclass(slots=True, kw_only=True)
class CapturedTable:
    """`expected` bytes in all, size word included, as far as the capture tells.

    command   the table's command where the capture holds the request (`hint` of what it is)
    argument  of that request: of GET_USERTEMP the uid and finger
    first     index of the first captured item that belongs to it
    """

    first: int
    command: int | None = None
    argument: bytes = b""
    expected: int | None = None
    pieces: list[Piece] = field(default_factory=list)

    @property
    def next_position(self) -> int | None:
        """Where a chunk stands of which the request was not captured; None after bytes of which
        the place is not known either.
        """
        ends = [None if p.position is None else p.position + len(p.data) for p in self.pieces]
        known = [end for end in ends if end is not None]
        return max(known, default=0) if len(known) == len(ends) else None

    @property
    def captured_bytes(self) -> int:
        return sum(len(piece.data) for piece in self.pieces)

    @property
    def complete(self) -> bool:
        return self.expected is not None and self.captured_bytes >= self.expected


@dataclass(slots=True, kw_only=True)
class _Transfer:
    """The 1501 packets of one request. `total` and `packet_bytes` are None without its 1500."""

    reply_id: int
    table: CapturedTable
    base: int | None
    total: int | None = None
    packet_bytes: int | None = None
    parts: dict[int, bytes] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    gaps: dict[int, Gap] = field(default_factory=dict)

    @property
    def lacks_nothing_known(self) -> bool:
        return self.total is None or sum(map(len, self.parts.values())) == self.total


class TableCollector:
    """Feed the items of a capture; then `tables`, and `members`: the indexes that belong to them.

    `announced_missing` counts requests and announcements of which no data was captured.
    """

    def __init__(self, items: Sequence[Captured], *, datagrams: bool) -> None:
        self.tables: list[CapturedTable] = []
        self.members: set[int] = set()
        sent = [item.packet for item in items if isinstance(item, CapturedPacket) and item.sent]
        self._requests = {packet.reply_id: packet for packet in sent}
        self._session_ids = {packet.session for packet in sent} | set(answers_to_connect(items))
        self._table: CapturedTable | None = None
        self._transfer: _Transfer | None = None
        self._ended: set[int] = set()  # reply ids of transfers that nothing is known to miss of
        self._command: tuple[int, bytes] | None = None
        numbered = list(enumerate(items))
        for index, item in announcements_first(numbered) if datagrams else numbered:
            self._feed(index, item)
        self._close()
        self.tables = [table for table in self.tables if table.pieces or table.expected]

    def _feed(self, index: int, item: Captured) -> None:
        if isinstance(item, Stray):
            if not item.sent and len(item.data) >= _MIN_STRAY_BYTES:
                self._stray(index, item.data)
        elif item.sent:
            self._request(index, item.packet)
        else:
            self._reply(index, item)

    def _request(self, index: int, packet: Packet) -> None:
        if packet.command not in _TABLE_REQUESTS:
            return
        self.members.add(index)
        if packet.command in _CHUNK_REQUESTS:
            return
        if packet.command == Command.PREPARE_BUFFER and len(packet.data) >= _BUFFER_REQUEST.size:
            _, command = _BUFFER_REQUEST.unpack_from(packet.data)
            self._command = (command, packet.data[_BUFFER_REQUEST.size :])
        else:
            self._command = (packet.command, packet.data)

    def _reply(self, index: int, item: CapturedPacket) -> None:
        packet = item.packet
        if packet.command == Reply.PREPARE_DATA and len(packet.data) >= _TWO_WORDS.size:
            self._announce(index, packet)
        elif packet.command == Reply.DATA:
            self._data(index, item)
        elif packet.command == Reply.ACK_OK:
            self._acknowledge(index, packet)

    def _acknowledge(self, index: int, packet: Packet) -> None:
        request = self._requests.get(packet.reply_id)
        transfer = self._transfer
        frees = request is not None and request.command == Command.FREE_DATA
        closes = transfer is not None and packet.reply_id == transfer.reply_id and not packet.data
        if frees or closes:
            self.members.add(index)
            if transfer is not None and closes and transfer.lacks_nothing_known:
                self._ended.add(packet.reply_id)
        elif len(packet.data) >= _BUFFER_SIZE.size:
            _, size, again = _BUFFER_SIZE.unpack_from(packet.data)
            if size == again and size > 0 and packet.data[0] == 0:
                self.members.add(index)
                self._close()
                self._open(index).expected = size

    def _announce(self, index: int, packet: Packet) -> None:
        self._close()
        self.members.add(index)
        total, packet_bytes = _TWO_WORDS.unpack_from(packet.data)
        chunk = self._chunk(packet.reply_id)
        table = self._table
        base: int | None
        if chunk is not None:
            base = chunk[0]
        else:
            base = 0 if table is None or table.complete else table.next_position
        asked_anew = self._command is not None or (table is not None and table.complete)
        if table is None or (base == 0 and table.pieces and asked_anew):
            table = self._open(index)
        if chunk is None and base == 0 and table.expected is None:
            table.expected = total
        self._transfer = _Transfer(
            reply_id=packet.reply_id,
            table=table,
            base=base,
            total=total,
            packet_bytes=packet_bytes or None,
        )

    def _data(self, index: int, item: CapturedPacket) -> None:
        self.members.add(index)
        packet = item.packet
        transfer = self._transfer
        if transfer is None or transfer.reply_id != packet.reply_id:
            self._close()
            transfer = self._orphan(index, packet)
        number = packet.session if transfer.packet_bytes or transfer.base is None else 0
        transfer.parts.setdefault(number, packet.data)
        if item.missing:
            transfer.cut.add(number)
        transfer.gaps.setdefault(number, item.gap)

    def _orphan(self, index: int, packet: Packet) -> _Transfer:
        """Data without its 1500: one whole chunk, an inline table, or packets whose head is lost."""
        chunk = self._chunk(packet.reply_id)
        if chunk is not None and chunk[1] == len(packet.data):
            table = self._table if self._table is not None and chunk[0] else self._open(index)
            transfer = _Transfer(reply_id=packet.reply_id, table=table, base=chunk[0])
        elif (announced := size_word(packet.data)) is not None and self._may_be_inline(packet):
            table = self._open(index)
            table.expected = SIZE_WORD.size + announced
            transfer = _Transfer(reply_id=packet.reply_id, table=table, base=0)
            if SIZE_WORD.size + announced > len(packet.data) and packet.session == 0:
                transfer.packet_bytes = len(packet.data)  # the first of many
        else:
            transfer = _Transfer(reply_id=packet.reply_id, table=self._open(index), base=None)
        self._transfer = transfer
        return transfer

    def _may_be_inline(self, packet: Packet) -> bool:
        """An inline table carries the real session id, of which small numbers are rare, and answers
        the request of the table itself. Its end may be cut.
        """
        request = self._requests.get(packet.reply_id)
        return (
            size_word(packet.data) == len(packet.data) - SIZE_WORD.size
            or packet.session in {0, *self._session_ids}
            or (request is not None and request.command in _TABLE_REQUESTS - _CHUNK_REQUESTS)
        )

    def _chunk(self, reply_id: int) -> tuple[int, int] | None:
        """(offset, size) of the chunk request that this reply answers, if it was captured."""
        request = self._requests.get(reply_id)
        if request is None or request.command != Command.READ_CHUNK:
            return None
        if len(request.data) < _TWO_WORDS.size:
            return None
        offset, size = _TWO_WORDS.unpack_from(request.data)
        return offset, size

    def _stray(self, index: int, data: bytes) -> None:
        self._close()
        self.members.add(index)
        self._open(index).pieces.append(Piece(position=None, data=data))
        self._table = None

    def _open(self, index: int) -> CapturedTable:
        table = CapturedTable(first=index)
        if self._command is not None:
            table.command, table.argument = self._command
            self._command = None
        self.tables.append(table)
        self._table = table
        return table

    def _close(self) -> None:
        """Turns the open transfer's parts into pieces of its table."""
        transfer, self._transfer = self._transfer, None
        if transfer is None or not transfer.parts:
            return
        table = transfer.table
        if transfer.base is not None and transfer.packet_bytes is None:
            gap = transfer.gaps[0]
            table.pieces.append(Piece(position=transfer.base, data=transfer.parts[0], gap=gap))
        else:
            pieces = _pieces(transfer)
            if 0 in transfer.parts and pieces[0].position is None and table.pieces:
                pieces[0] = replace(pieces[0], follows=transfer.reply_id - 1 in self._ended)
            table.pieces += pieces
        table.pieces = _joined(table.pieces)
        head = table.pieces[0]
        if head.position == 0 and (announced := size_word(head.data)) is not None:
            table.expected = max(table.expected or 0, SIZE_WORD.size + announced)


def _pieces(transfer: _Transfer) -> list[Piece]:
    base, packet_bytes = transfer.base, transfer.packet_bytes
    if base is not None and packet_bytes is not None:
        return [
            Piece(position=base + number * packet_bytes, data=data, gap=transfer.gaps[number])
            for number, data in sorted(transfer.parts.items())
        ]
    pieces: list[Piece] = []
    previous: int | None = None
    for number, data in sorted(transfer.parts.items()):
        if previous is not None and number == previous + 1 and previous not in transfer.cut:
            gap = max(pieces[-1].gap, transfer.gaps[number])
            pieces[-1] = Piece(position=None, data=pieces[-1].data + data, gap=gap)
        else:
            pieces.append(Piece(position=None, data=data, gap=transfer.gaps[number]))
        previous = number
    return pieces


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Pieces in table order: those that touch made one, bytes that came twice taken once."""
    known = [(piece.position, piece) for piece in pieces if piece.position is not None]
    joined: list[Piece] = []
    end = -1
    for position, piece in sorted(known, key=lambda each: each[0]):
        last = joined[-1] if joined else None
        if last is not None and position <= end and not (last.gap or piece.gap):
            rest = piece.data[end - position :]
            joined[-1] = Piece(position=last.position, data=last.data + rest)
        else:
            joined.append(piece)
        end = max(end, position + len(piece.data))
    return joined + [piece for piece in pieces if piece.position is None]

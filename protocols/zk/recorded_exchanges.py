"""A recorded session as requests with their answers, and the tables that the answers carry."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from protocols.zk.capture import Captured, CapturedPacket
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.framing import Packet

_TWO_WORDS = struct.Struct("<II")
_BUFFER_REQUEST = struct.Struct("<BH")
BARE_TABLES = frozenset(
    {Command.DB_RRQ, Command.USERTEMP_RRQ, Command.ATTLOG_RRQ, Command.OPLOG_RRQ}
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A packet and its place among the items of the recording."""

    index: int
    packet: Packet


@dataclass(slots=True, eq=False)
class RecordedTable:
    """`request` prepared it or asked for it bare."""

    request: Packet

    @property
    def command(self) -> int | None:
        """Which table it is, None when the request is too short to say."""
        if self.request.command != Command.PREPARE_BUFFER:
            return self.request.command
        if len(self.request.data) < _BUFFER_REQUEST.size:
            return None
        return int(_BUFFER_REQUEST.unpack_from(self.request.data)[1])


@dataclass(slots=True, eq=False)
class RecordedExchange:
    """`table` is the one that the answers may carry bytes of."""

    request: Packet
    table: RecordedTable | None = None
    answers: list[Numbered] = field(default_factory=list)

    def position(self, data: Packet) -> int | None:
        """Where in the table the bytes of a 1501 among the answers stand; None = cannot be told."""
        base, asked = 0, None
        if self.request.command == Command.READ_CHUNK:
            if len(self.request.data) < _TWO_WORDS.size:
                return None
            base, asked = _TWO_WORDS.unpack_from(self.request.data)
        if len(data.data) == asked:
            return base
        plan = self._plan()
        if plan is None:
            packets = [answer.packet for answer in self.answers]
            copies = {packet.session for packet in packets if packet.command == Reply.DATA}
            return base if len(copies) == 1 else None
        total, packet_bytes = plan
        return base if total <= packet_bytes else base + data.session * packet_bytes

    def _plan(self) -> tuple[int, int] | None:
        """Bytes in all, and in one packet, as the first 1500 announces them."""
        for answer in self.answers:
            packet = answer.packet
            if packet.command == Reply.PREPARE_DATA and len(packet.data) >= _TWO_WORDS.size:
                total, packet_bytes = _TWO_WORDS.unpack_from(packet.data)
                return total, packet_bytes
        return None


@dataclass(slots=True)
class Recording:
    """`events` came unasked; of the `unmatched` answers the request was not recorded."""

    exchanges: list[RecordedExchange] = field(default_factory=list)
    events: list[Numbered] = field(default_factory=list)
    unmatched: list[Numbered] = field(default_factory=list)


def read_recording(items: Sequence[Captured]) -> Recording:
    """Answers by reply id. A copy of a request, as UDP hosts send them, is no new one."""
    recording = Recording()
    open_exchanges: dict[int, RecordedExchange] = {}
    table: RecordedTable | None = None
    for index, item in enumerate(items):
        if not isinstance(item, CapturedPacket):
            continue
        packet = item.packet
        if item.sent:
            exchange = open_exchanges.get(packet.reply_id)
            # The host says ACK_OK to events only.
            if packet.command == Reply.ACK_OK or (exchange and exchange.request == packet):
                continue
            if packet.command == Command.CONNECT:
                open_exchanges.clear()
                table = None
            if packet.command == Command.PREPARE_BUFFER or packet.command in BARE_TABLES:
                table = RecordedTable(packet)
            carries = table is not None and _may_carry(packet, table)
            exchange = RecordedExchange(packet, table if carries else None)
            open_exchanges[packet.reply_id] = exchange
            recording.exchanges.append(exchange)
        elif packet.command == EVENT:
            recording.events.append(Numbered(index, packet))
        elif (answered := open_exchanges.get(packet.reply_id)) is not None:
            answered.answers.append(Numbered(index, packet))
        else:
            recording.unmatched.append(Numbered(index, packet))
    return recording


def _may_carry(request: Packet, table: RecordedTable) -> bool:
    return request.command == Command.READ_CHUNK or request is table.request

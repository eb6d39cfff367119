"""What a recorded terminal answers to whom: by command, and by data where the answer hangs on it.
Not by order: another host asks otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from protocols.zk.capture import Segment, read_tcp, read_udp
from protocols.zk.commands import Command, Reply
from protocols.zk.framing import Packet
from protocols.zk.recorded_exchanges import (
    BARE_TABLES,
    RecordedExchange,
    RecordedTable,
    Recording,
    read_recording,
)

_BY_DATA: Final = BARE_TABLES | {
    Command.PREPARE_BUFFER,
    Command.READ_CHUNK,
    Command.OPTIONS_RRQ,
    Command.GET_USERTEMP,
}
_SIZES_LENGTHS: Final = frozenset({80, 92, 112})
_SIZE_WORD_BYTES: Final = 4
_BUFFER_SIZE_BYTES: Final = 13
_OPTION_END: Final = b"\0"

_Key = tuple[int, bytes, RecordedTable | None]


class RecordedTerminal:
    """`stand_in` answers what this recording lacks of a session, never a table or a count."""

    def __init__(
        self,
        segments: Sequence[Segment],
        transport: Literal["tcp", "udp"],
        *,
        stand_in: "RecordedTerminal | None" = None,
    ) -> None:
        items = list((read_udp if transport == "udp" else read_tcp)(segments))
        recording = read_recording(items)
        _adopt(recording)
        self.transport: Literal["tcp", "udp"] = transport
        self.events = tuple(event.packet for event in recording.events)
        self._stand_in = stand_in
        self._exchanges: dict[_Key, list[RecordedExchange]] = {}
        for exchange in recording.exchanges:
            if exchange.answers:
                key = _key(exchange.request, exchange.table)
                self._exchanges.setdefault(key, []).append(exchange)

    def find(
        self, request: Packet, table: RecordedTable | None, times: int
    ) -> RecordedExchange | None:
        """The recorded exchange for the request that comes for the `times`th time, counted from 0;
        the last one serves all that come after it. `table` is the one that was prepared.
        """
        recorded = self._exchanges.get(_key(request, table))
        if recorded:
            return recorded[min(times, len(recorded) - 1)]
        if self._stand_in is None or request.command in _RECORDED_ONLY:
            return None
        return self._stand_in.find(request, None, times)


_RECORDED_ONLY: Final = BARE_TABLES | {
    Command.PREPARE_BUFFER,
    Command.READ_CHUNK,
    Command.GET_FREE_SIZES,
    Command.GET_USERTEMP,
}


class ReplayedConversation:
    """One host. `ended` after EXIT; `wants_events` after REG_EVENT; `not_recorded` is told of what
    had to be refused.
    """

    def __init__(self, terminal: RecordedTerminal) -> None:
        self.ended = False
        self.wants_events = False
        self.not_recorded: list[Packet] = []
        self._terminal = terminal
        self._table: RecordedTable | None = None
        self._times: dict[_Key, int] = {}
        self._last: tuple[Packet, tuple[Packet, ...]] | None = None

    def answers(self, request: Packet) -> tuple[Packet, ...]:
        """With the reply id of the request; a copy of the last one gets the same once more."""
        if request.command == Reply.ACK_OK:  # the host acknowledges an event
            return ()
        if self._last is None or self._last[0] != request:
            self._last = request, self._new_answers(request)
        return self._last[1]

    def _new_answers(self, request: Packet) -> tuple[Packet, ...]:
        key = _key(request, self._table)
        times = self._times[key] = self._times.get(key, -1) + 1
        exchange = self._terminal.find(request, self._table, times)
        self.ended = request.command == Command.EXIT
        self.wants_events = self.wants_events or request.command == Command.REG_EVENT
        if exchange is None:
            self.not_recorded.append(request)
            refused = Reply.ACK_ERROR if request.command in _BY_DATA else Reply.UNKNOWN_COMMAND
            return (Packet(command=refused, session=request.session, reply_id=request.reply_id),)
        if exchange.table is not None:
            self._table = exchange.table
        recorded = [answer.packet for answer in exchange.answers]
        if exchange.table is None:
            del recorded[1:]  # one question, one answer: more are copies, or of another session
        return tuple(replace(packet, reply_id=request.reply_id) for packet in recorded)


def _key(request: Packet, table: RecordedTable | None) -> _Key:
    if request.command == Command.READ_CHUNK:
        return request.command, request.data, table
    data = request.data.rstrip(_OPTION_END) if request.command == Command.OPTIONS_RRQ else b""
    if request.command in _BY_DATA:
        data = data or request.data
    return request.command, data, None


def _adopt(recording: Recording) -> None:
    """Gives answers that no reply id leads to a request: written-down sessions lack parts, or were
    made of several. Only where the form of the answer leaves no doubt.
    """
    for answer in recording.unmatched:
        packet = answer.packet
        exchange = next(
            (
                exchange
                for exchange in recording.exchanges
                if not exchange.answers and _fits(exchange.request, packet)
            ),
            None,
        )
        if exchange is None and packet.command == Reply.ACK_OK and _is_sizes(packet):
            asked = Packet(command=Command.GET_FREE_SIZES, session=0, reply_id=packet.reply_id)
            exchange = RecordedExchange(asked)
            recording.exchanges.append(exchange)
        if exchange is not None:
            exchange.answers.append(answer)


def _fits(request: Packet, answer: Packet) -> bool:
    match request.command:
        case Command.CONNECT:
            return answer.command == Reply.ACK_OK and not answer.data
        case Command.GET_FREE_SIZES:
            return answer.command == Reply.ACK_OK and _is_sizes(answer)
        case Command.PREPARE_BUFFER:
            inline = answer.command == Reply.DATA and _is_whole_table(answer.data)
            sizes = answer.command == Reply.ACK_OK and len(answer.data) == _BUFFER_SIZE_BYTES
            return inline or sizes
        case _:
            return False


def _is_sizes(packet: Packet) -> bool:
    return len(packet.data) in _SIZES_LENGTHS


def _is_whole_table(data: bytes) -> bool:
    announced = int.from_bytes(data[:_SIZE_WORD_BYTES], "little")
    return announced == len(data) - _SIZE_WORD_BYTES

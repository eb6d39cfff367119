"""A capture of Modbus TCP: JSON lines of segments, cut anywhere, of any number of connections."""

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from edge_agent.decoding.line_rows import UNANSWERED, answer_row, check_unit
from edge_agent.decoding.rows import Row, quarantined_row
from edge_agent.decoding.summary import Summary
from protocols.errors import ProtocolError
from protocols.modbus.mbap import TcpFramer, TcpMessage, encode_tcp
from protocols.modbus.pdu import Request, decode_request, decode_response
from protocols.records import Quarantined


class _Segment(Struct, frozen=True):
    """One line of the capture; other keys are ignored."""

    conn: int | str
    dir: Literal["c2s", "s2c"]
    hex: str


_segment_decoder = msgspec.json.Decoder(_Segment)


class _Conversation:
    """The two directions of one connection. A direction that lost its framing stays lost."""

    def __init__(self) -> None:
        self.framers = {"c2s": TcpFramer(), "s2c": TcpFramer()}
        self.lost: set[str] = set()
        self.asked: dict[int, tuple[int, Request]] = {}  # by transaction: unit and request


class TcpCapture:
    """Offsets of quarantined rows are those of the line in which the trouble showed."""

    def __init__(self, source: str, summary: Summary) -> None:
        self._source = source
        self._summary = summary
        self._conversations: dict[int | str, _Conversation] = {}
        self._offset = 0

    def rows(self, data: bytes) -> Iterator[Row]:
        for line in data.splitlines(keepends=True):
            if line.strip():
                yield from self._line_rows(line)
            self._offset += len(line)
        yield from self._end_rows()

    def _line_rows(self, line: bytes) -> Iterator[Row]:
        try:
            segment = _segment_decoder.decode(line)
            payload = bytes.fromhex(segment.hex)
        except (msgspec.MsgspecError, ValueError) as exc:
            yield self._quarantined(f"not a segment of a capture: {exc}", line.strip())
            return
        conversation = self._conversations.setdefault(segment.conn, _Conversation())
        if segment.dir in conversation.lost:
            yield self._quarantined("follows bytes that are not Modbus TCP", payload)
            return
        framer = conversation.framers[segment.dir]
        try:
            for message in framer.feed(payload):
                yield from self._message_rows(conversation, segment, message)
        except ProtocolError as exc:
            conversation.lost.add(segment.dir)
            yield self._quarantined(str(exc), framer.pending)

    def _message_rows(
        self, conversation: _Conversation, segment: _Segment, message: TcpMessage
    ) -> Iterator[Row]:
        wire = encode_tcp(message)
        try:
            if segment.dir == "c2s":
                self._ask(conversation, message)
                return
            row = self._answer(conversation, message)
        except ProtocolError as exc:
            yield self._quarantined(str(exc), wire)
            return
        place = {"conn": segment.conn, "transaction": message.transaction}
        yield {**row, **place, "raw": wire.hex()}

    def _ask(self, conversation: _Conversation, message: TcpMessage) -> None:
        if conversation.asked.pop(message.transaction, None) is not None:
            self._summary.add(UNANSWERED)  # the client gave up and used the number again
        conversation.asked[message.transaction] = message.unit, decode_request(message.pdu)

    def _answer(self, conversation: _Conversation, message: TcpMessage) -> Row:
        unit, request = conversation.asked.pop(message.transaction, (message.unit, None))
        check_unit(unit, message.unit)
        return answer_row(self._source, unit, request, decode_response(message.pdu))

    def _end_rows(self) -> Iterator[Row]:
        for conversation in self._conversations.values():
            self._summary.add(UNANSWERED, len(conversation.asked))
            for direction, framer in conversation.framers.items():
                if direction in conversation.lost:
                    continue
                try:
                    framer.eof()
                except ProtocolError as exc:
                    yield self._quarantined(str(exc), framer.pending)

    def _quarantined(self, reason: str, raw: bytes) -> Row:
        return quarantined_row(
            Quarantined(source=self._source, offset=self._offset, reason=reason, raw=raw)
        )

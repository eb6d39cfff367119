"""A capture of Modbus RTU between two ports, as `socat -x` writes it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.decoding.line_rows import UNANSWERED, answer_row
from edge_agent.decoding.rows import Row, quarantined_row
from edge_agent.decoding.summary import Summary
from protocols.errors import ProtocolError
from protocols.modbus.pdu import Request, decode_request, decode_response
from protocols.modbus.rtu import LineNoise, RtuFrame, RtuFramer, Side, encode_rtu
from protocols.records import Quarantined

SOCAT_HEADER = re.compile(
    rb"^(?P<direction>[<>]) \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+ +length=(?P<length>\d+) "
    rb"from=\d+ to=\d+\s*$",
    re.MULTILINE,
)
_DIRECTIONS = ("<", ">")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Transfer:
    """One header of socat and the bytes under it."""

    direction: str
    payload: bytes


def decode_rtu(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:
    """Offsets of quarantined rows: in the text for bad text, in its direction for bad bytes."""
    transfers: list[_Transfer] = []
    for item in _transfers(data, source):
        if isinstance(item, Quarantined):
            yield quarantined_row(item)
        else:
            transfers.append(item)
    requester = _requester(transfers)
    framers = {direction: _framer(direction, requester) for direction in _DIRECTIONS}
    bus = _Bus(source, summary)
    for transfer in transfers:
        for frame in framers[transfer.direction].feed(transfer.payload):
            yield from bus.rows(frame, is_request=transfer.direction == requester)
    for direction, framer in framers.items():
        for frame in framer.eof():
            yield from bus.rows(frame, is_request=direction == requester)
    bus.give_up_question()


class _Bus:
    """A serial line: one question at a time, and silence is an answer too."""

    def __init__(self, source: str, summary: Summary) -> None:
        self._source = source
        self._summary = summary
        self._asked: tuple[int, Request] | None = None

    def rows(self, item: RtuFrame | LineNoise, *, is_request: bool) -> Iterator[Row]:
        if isinstance(item, LineNoise):
            yield self._quarantined(item.offset, "no Modbus RTU frame with a right CRC", item.raw)
            return
        wire = encode_rtu(item.unit, item.pdu)
        try:
            if is_request:
                self.give_up_question()
                self._asked = item.unit, decode_request(item.pdu)
                return
            row = self._answer(item)
        except ProtocolError as exc:
            yield self._quarantined(item.offset, str(exc), wire)
            return
        yield {**row, "raw": wire.hex()}

    def give_up_question(self) -> None:
        """No answer can come any more to what was asked last."""
        if self._asked is not None:
            self._summary.add(UNANSWERED)
        self._asked = None

    def _answer(self, frame: RtuFrame) -> Row:
        response = decode_response(frame.pdu)
        unit, request = self._asked or (frame.unit, None)
        if unit != frame.unit:  # a late answer to an earlier question, or to none
            return answer_row(self._source, frame.unit, None, response)
        self._asked = None
        return answer_row(self._source, unit, request, response)

    def _quarantined(self, offset: int, reason: str, raw: bytes) -> Row:
        return quarantined_row(
            Quarantined(source=self._source, offset=offset, reason=reason, raw=raw)
        )


def _requester(transfers: list[_Transfer]) -> str:
    """The direction that asks: the one under which fewer bytes are noise, else who spoke first.

    socat's `<` and `>` say from which of its two addresses bytes came, not who is the client.
    """
    first = transfers[0].direction if transfers else "<"
    return min(
        _DIRECTIONS, key=lambda direction: (_noise_bytes(transfers, direction), direction != first)
    )


def _noise_bytes(transfers: list[_Transfer], requester: str) -> int:
    noise = 0
    for direction in _DIRECTIONS:
        framer = _framer(direction, requester)
        stream = b"".join(t.payload for t in transfers if t.direction == direction)
        for item in (*framer.feed(stream), *framer.eof()):
            noise += len(item.raw) if isinstance(item, LineNoise) else 0
    return noise


def _framer(direction: str, requester: str) -> RtuFramer:
    return RtuFramer(Side.REQUESTS if direction == requester else Side.RESPONSES)


def _transfers(data: bytes, source: str) -> Iterator[_Transfer | Quarantined]:
    headers = list(SOCAT_HEADER.finditer(data))
    preamble = data[: headers[0].start()] if headers else data
    if preamble.strip():
        yield Quarantined(
            source=source, offset=0, reason="text before the first header", raw=preamble.strip()
        )
    ends = [header.start() for header in headers[1:]] + [len(data)]
    for header, end in zip(headers, ends, strict=True):
        text = data[header.end() : end]
        try:
            payload = bytes.fromhex(text.decode("ascii"))
            _check_length(payload, int(header["length"]))
        except ValueError as exc:
            reason = f"not what socat -x writes: {exc}"
            yield Quarantined(source=source, offset=header.start(), reason=reason, raw=text.strip())
        else:
            yield _Transfer(direction=header["direction"].decode(), payload=payload)


def _check_length(payload: bytes, announced: int) -> None:
    if len(payload) != announced:
        raise ValueError(f"{announced} bytes announced, {len(payload)} given")

"""Captures of Modbus counters and of RDM6300 card readers."""

import re
from collections import deque
from collections.abc import Iterator

from edge_agent.decoding.line_rows import UNANSWERED
from edge_agent.decoding.line_rtu import SOCAT_HEADER, decode_rtu
from edge_agent.decoding.line_tcp import TcpCapture
from edge_agent.decoding.rows import Row, quarantined_row
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.unreadable import UnreadableError
from protocols.rdm6300 import BadFrame, CardFramer
from protocols.records import Flag, Quarantined

_FRAMES_IN_DEBOUNCE = 25  # 2.5 s of a reader that repeats ten times a second
_JSON_LINE = re.compile(rb"^\s*\{", re.MULTILINE)


def decode_rdm6300(
    data: bytes,
    *,
    source: str,
    summary: Summary,  # noqa: ARG001 - the signature of every decoder
) -> Iterator[Row]:
    """Cards in a byte stream as read from the port.

    A stream has no times: a card that was among the last frames is a held one, as it is to the
    driver's debounce, which forgets a card after 2.5 s.
    """
    framer = CardFramer()
    latest: deque[bytes] = deque(maxlen=_FRAMES_IN_DEBOUNCE)
    for frame in (*framer.feed(data), *framer.eof()):
        if isinstance(frame, BadFrame):
            yield quarantined_row(
                Quarantined(source=source, offset=frame.offset, reason=frame.reason, raw=frame.raw)
            )
            continue
        yield {
            "kind": "card",
            "serial": source,
            "card": frame.card,
            "hex": frame.hex,
            "flags": [Flag.REPEAT.value] if frame.data in latest else [],
            "raw": frame.raw.hex(),
        }
        latest.append(frame.data)


def decode_modbus(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:
    """Modbus TCP as JSON lines `{"conn", "dir": "c2s"|"s2c", "hex"}`, or RTU as `socat -x` text.

    One row per answer; requests that nobody answered are counted, not printed: silence of a unit
    is normal on a bus. Raises UnreadableError for any other text.
    """
    summary.add(UNANSWERED, 0)
    if SOCAT_HEADER.search(data):
        yield from decode_rtu(data, source=source, summary=summary)
    elif _JSON_LINE.search(data) or not data.strip():
        yield from TcpCapture(source, summary).rows(data)
    else:
        raise UnreadableError(
            "neither JSON lines of TCP segments nor the text of `socat -x`",
            remedy='Capture TCP as {"conn", "dir": "c2s" or "s2c", "hex"} a line, RTU with socat -x',
        )

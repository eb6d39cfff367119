"""Captures of Sparkplug B: messages as JSON lines, MQTT connections as JSON lines, or one payload."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec
from msgspec import Struct

from edge_agent.decoding.rows import Row, quarantined_row
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.unreadable import UnreadableError
from protocols.errors import ProtocolError
from protocols.mqtt_packets import PacketFramer, Published, PublishReader
from protocols.records import Quarantined
from protocols.sparkplug import (
    NUMERIC,
    Heard,
    MessageType,
    Payload,
    Reading,
    SparkplugHost,
    Topic,
    decode_payload,
    decode_state,
    parse_topic,
    type_name,
)
from protocols.sparkplug.quirks import Deviation

# What a reader of rows must see. Other deviations are of form alone: the summary counts them.
_FLAGGED: Final = frozenset(
    {
        Deviation.MISSING_SEQ,
        Deviation.MISSING_TIMESTAMP,
        Deviation.NOT_IN_BIRTH,
        Deviation.UNKNOWN_ALIAS,
        Deviation.NO_BIRTH,
        Deviation.SEQ_GAP,
        Deviation.SEQ_REPEATED,
        Deviation.SEQ_OUT_OF_RANGE,
        Deviation.OUT_OF_RANGE,
        Deviation.BD_SEQ_UNMATCHED,
        Deviation.BD_SEQ_REUSED,
        Deviation.MISSING_BD_SEQ,
        Deviation.RETAINED,
    }
)
_HISTORICAL: Final = "historical"
_WILL: Final = "will"
_LAST_INSTANT_MS: Final = 253_402_300_799_000  # the year 9999
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Message(Struct, frozen=True):
    """One line of a capture of messages; other keys are ignored."""

    topic: str
    payload_hex: str
    qos: int = 0
    retain: bool = False


class _Segment(Struct, frozen=True):
    """One line of a capture of connections."""

    conn: int | str
    dir: Literal["c2s", "s2c"]
    hex: str


_message_decoder = msgspec.json.Decoder(_Message)
_segment_decoder = msgspec.json.Decoder(_Segment)


def decode_sparkplug(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:
    """Each numeric metric is a `count` row, all else a `device_event`.

    `{"topic", "payload_hex", "qos", "retain"}` a line, `{"conn", "dir", "hex"}` a line (MQTT over TCP),
    or the bytes of one payload alone, whose topic nobody knows. Raises UnreadableError.
    """
    first = data.lstrip()[:1]
    if first != b"{":
        yield from _lone_payload(data, source)
        return
    head = data.lstrip().split(b"\n", 1)[0]
    capture: _Messages | _Connections
    if _reads(_message_decoder, head):
        capture = _Messages(source)
    elif _reads(_segment_decoder, head):
        capture = _Connections(source)
    elif _is_payload(data):
        yield from _lone_payload(data, source)
        return
    else:
        raise UnreadableError(
            "neither messages nor segments of connections",
            remedy='Write {"topic", "qos", "retain", "payload_hex"} or {"conn", "dir", "hex"} a line',
        )
    for line in data.splitlines(keepends=True):
        yield from capture.rows(line)
    yield from capture.end()
    for (_, deviation), times in sorted(capture.host.deviations.items()):
        summary.add(deviation.value, times)


def _reads(
    decoder: "msgspec.json.Decoder[_Message] | msgspec.json.Decoder[_Segment]", line: bytes
) -> bool:
    try:
        decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True


def _is_payload(data: bytes) -> bool:
    try:
        decode_payload(data)
    except ProtocolError:
        return False
    return True


def _lone_payload(data: bytes, source: str) -> Iterator[Row]:
    try:
        payload = decode_payload(data)
    except ProtocolError as exc:
        yield _quarantined(source, exc.offset or 0, str(exc), data)
        return
    # Nobody knows whether it is a birth: names are taken as they are.
    topic = Topic(type=MessageType.NCMD, group="", node=source)
    heard = SparkplugHost().feed(topic, payload, now_s=0.0)
    yield {
        "kind": "device_event",
        "source": source,
        "code": "payload",
        **_of_payload(payload),
        "flags": [],
        "raw": data.hex(),
    }
    for reading in heard.readings:
        yield _reading_row(source, None, payload, heard, reading)


class _Messages:
    """A capture of whole messages. Time does not pass in it: what is missing stays missing."""

    def __init__(self, source: str) -> None:
        self.host = SparkplugHost()
        self._source = source
        self._offset = 0

    def rows(self, line: bytes) -> Iterator[Row]:
        offset, self._offset = self._offset, self._offset + len(line)
        if not line.strip():
            return
        try:
            message = _message_decoder.decode(line)
            payload = bytes.fromhex(message.payload_hex)
        except (msgspec.MsgspecError, ValueError) as exc:
            yield _quarantined(
                self._source, offset, f"not a message of a capture: {exc}", line.strip()
            )
            return
        published = Published(
            topic=message.topic, payload=payload, qos=message.qos, retain=message.retain
        )
        yield from message_rows(self.host, published, self._source, offset)

    def end(self) -> Iterator[Row]:
        return iter(())


class _Connections:
    """A capture of MQTT connections: segments cut anywhere. A direction that lost its framing stays
    lost.
    """

    def __init__(self, source: str) -> None:
        self.host = SparkplugHost()
        self._source = source
        self._offset = 0
        self._framers: dict[tuple[int | str, str], PacketFramer] = {}
        self._readers: dict[int | str, PublishReader] = {}
        self._lost: set[tuple[int | str, str]] = set()

    def rows(self, line: bytes) -> Iterator[Row]:
        offset, self._offset = self._offset, self._offset + len(line)
        if not line.strip():
            return
        try:
            segment = _segment_decoder.decode(line)
            data = bytes.fromhex(segment.hex)
        except (msgspec.MsgspecError, ValueError) as exc:
            yield _quarantined(
                self._source, offset, f"not a segment of a capture: {exc}", line.strip()
            )
            return
        way = segment.conn, segment.dir
        if way in self._lost:
            yield _quarantined(self._source, offset, "follows bytes that are not MQTT", data)
            return
        framer = self._framers.setdefault(way, PacketFramer())
        reader = self._readers.setdefault(segment.conn, PublishReader())
        try:
            for packet in framer.feed(data):
                published = reader.read(packet)
                if published is not None:
                    yield from message_rows(self.host, published, self._source, offset)
        except ProtocolError as exc:
            self._lost.add(way)
            yield _quarantined(self._source, offset, str(exc), framer.pending)

    def end(self) -> Iterator[Row]:
        for way, framer in self._framers.items():
            if framer.pending and way not in self._lost:
                yield _quarantined(self._source, self._offset, "a packet is cut", framer.pending)


def message_rows(
    host: SparkplugHost, published: Published, source: str, offset: int
) -> Iterator[Row]:
    """A birth, death or command is a row itself; then a row for each metric."""
    try:
        topic = parse_topic(published.topic)
        if topic.type is MessageType.STATE:
            yield _state_row(topic, published)
            return
        payload = decode_payload(published.payload)
        # The will is what a later death will say: nobody has died.
        told = SparkplugHost() if published.will else host
        heard = told.feed(topic, payload, now_s=0.0, retained=published.retain)
    except ProtocolError as exc:
        reason = f"{published.topic[:100]}: {exc}"
        yield _quarantined(source, offset, reason, published.payload)
        return
    if not topic.type.is_data:
        yield {
            "kind": "device_event",
            "source": topic.source,
            "code": topic.type.value.lower(),
            "bd_seq": heard.bd_seq,
            **_of_payload(payload),
            "flags": [*_flags(heard.deviations), *([_WILL] if published.will else ())],
            "raw": published.payload.hex(),
        }
    elif not heard.readings:
        yield {
            "kind": "device_event",
            "source": topic.source,
            "code": topic.type.value.lower(),
            **_of_payload(payload),
            "flags": _flags(heard.deviations),
            "raw": published.payload.hex(),
        }
    for reading in heard.readings:
        yield _reading_row(topic.source, topic.type, payload, heard, reading)


def _reading_row(
    source: str, kind: MessageType | None, payload: Payload, heard: Heard, reading: Reading
) -> Row:
    metric = reading.metric
    value = reading.value
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if reading.datatype is not None:
        numeric = numeric and reading.datatype in NUMERIC
    flags = _flags((*heard.deviations, *reading.deviations))
    if metric.is_historical:
        flags.append(_HISTORICAL)
    row: Row = {
        "kind": "count" if numeric else "device_event",
        "source": source,
        "tag": reading.tag if reading.tag is not None else f"alias:{metric.alias}",
        "value": value.hex() if isinstance(value, bytes) else value,
        "seq": payload.seq,
        "utc": _utc(reading.timestamp),
        "timestamp": reading.timestamp,
        "type": kind.value if kind is not None else None,
        "alias": metric.alias,
        "datatype": type_name(reading.datatype),
        "flags": flags,
        "raw": metric.raw.hex(),
    }
    if not numeric:
        row["code"] = "metric"
    return row


def _state_row(topic: Topic, published: Published) -> Row:
    state = decode_state(published.payload)
    return {
        "kind": "device_event",
        "source": topic.node,
        "code": "state",
        "online": state.online,
        "utc": _utc(state.timestamp) if state.timestamp else None,
        "flags": [_WILL] if published.will else [],
        "raw": published.payload.hex(),
    }


def _of_payload(payload: Payload) -> Row:
    return {
        "seq": payload.seq,
        "utc": _utc(payload.timestamp),
        "timestamp": payload.timestamp,
        "compressed": payload.compressed,
        "metrics": len(payload.metrics),
    }


def _flags(deviations: Sequence[Deviation]) -> list[str]:
    return [one.value for one in dict.fromkeys(deviations) if one in _FLAGGED]


def _utc(timestamp: int | None) -> str | None:
    """None also for an instant that no calendar has; `timestamp` shows the number itself."""
    if timestamp is None or not 0 <= timestamp <= _LAST_INSTANT_MS:
        return None
    return (_EPOCH + timedelta(milliseconds=timestamp)).isoformat(timespec="milliseconds")


def _quarantined(source: str, offset: int, reason: str, raw: bytes) -> Row:
    return quarantined_row(Quarantined(source=source, offset=offset, reason=reason, raw=raw))

"""A Sparkplug B payload as the wire has it: what Tahu's `sparkplug_b.proto` calls Payload and Metric.

What cannot be a count (data sets, file parts, template definitions) is passed over within its own
length. Everything a peer decides has a cap here.
"""

import struct
import zlib
from typing import Final

from msgspec import Struct

from protocols.errors import LimitExceededError, ProtocolError
from protocols.sparkplug.datatypes import Value
from protocols.sparkplug.wire import BYTES, VARINT, Field, read_fields

# A birth of 10,000 metrics with long names is about 1 MB. Larger is no line's box.
MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
MAX_METRICS: Final = 20_000  # of one payload, those inside templates counted
MAX_NESTING: Final = 8  # templates in templates
_MAX_PROPERTIES: Final = 256  # of one metric; the rest is not looked at

COMPRESSED_UUID: Final = "SPBV1.0_COMPRESSED"
_ALGORITHM: Final = "algorithm"

_QUALITY_PROPERTIES: Final = frozenset({"quality", "Quality"})
_INT_VALUE: Final = 10
LONG_VALUE: Final = 11
_MASK32: Final = (1 << 32) - 1


class Metric(Struct, frozen=True, kw_only=True, gc=False):
    """One metric. `value` is as sent: integers without their sign (`datatypes.meaning`).

    name, alias   at least one of them; a metric inside a template has its name behind the outer one's
    timestamp     milliseconds since 1970
    field         which field of the wire held the value; None without one
    quality       the property of that name: 192 good, 500 stale, 0 bad
    raw           the metric's own bytes
    """

    name: str | None
    alias: int | None
    timestamp: int | None
    datatype: int | None
    value: Value
    field: int | None
    is_null: bool
    is_historical: bool
    quality: int | None
    raw: bytes


class Payload(Struct, frozen=True, kw_only=True):
    """`compressed` is the algorithm of the envelope that was opened, None without one. `bare` says
    that the envelope had no seq and no timestamp of its own.
    """

    timestamp: int | None
    seq: int | None
    metrics: tuple[Metric, ...]
    compressed: str | None = None
    bare: bool = False


def decode_payload(data: bytes) -> Payload:
    """Opens a compressed envelope too. Raises ProtocolError, LimitExceededError beyond a cap."""
    outer, uuid, body = _decode(data)
    if uuid != COMPRESSED_UUID or body is None:
        return outer
    algorithm = next((m.value for m in outer.metrics if m.name == _ALGORITHM), "DEFLATE")
    inner, uuid, _ = _decode(_inflate(body, str(algorithm)))
    if uuid == COMPRESSED_UUID:
        raise ProtocolError("a compressed envelope inside a compressed envelope")
    return Payload(
        timestamp=inner.timestamp if inner.timestamp is not None else outer.timestamp,
        seq=inner.seq if inner.seq is not None else outer.seq,
        metrics=inner.metrics,
        compressed=str(algorithm),
        bare=outer.seq is None or outer.timestamp is None,
    )


def _decode(data: bytes) -> tuple[Payload, str | None, bytes | None]:
    if len(data) > MAX_PAYLOAD_BYTES:
        raise LimitExceededError(
            f"a payload of {len(data)} bytes, {MAX_PAYLOAD_BYTES} are read", limit=MAX_PAYLOAD_BYTES
        )
    timestamp: int | None = None
    seq: int | None = None
    uuid: str | None = None
    body: bytes | None = None
    metrics: list[Metric] = []
    for field in read_fields(data):
        match field:
            case (1, 0, int(timestamp)):
                pass
            case (2, 2, bytes(raw)):
                _read_metric(raw, "", 0, metrics)
            case (3, 0, int(seq)):
                pass
            case (4, 2, bytes(text)):
                uuid = _text(text)
            case (5, 2, bytes(body)):
                pass
            case (1 | 2 | 3 | 4 | 5, wire_type, _):
                raise ProtocolError(f"payload field {field[0]} has wire type {wire_type}")
            case _:
                pass  # a field of a later version
    return Payload(timestamp=timestamp, seq=seq, metrics=tuple(metrics)), uuid, body


def _inflate(body: bytes, algorithm: str) -> bytes:
    windows = {"GZIP": (16 + zlib.MAX_WBITS,), "DEFLATE": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}
    if algorithm not in windows:
        raise ProtocolError(f"compressed with {algorithm[:20]!r}, which Sparkplug does not have")
    problem: zlib.error | None = None
    for window in windows[algorithm]:  # DEFLATE is zlib's by the text, bare with some
        inflater = zlib.decompressobj(wbits=window)
        try:
            inflated = inflater.decompress(body, MAX_PAYLOAD_BYTES + 1)
        except zlib.error as exc:
            problem = problem or exc
            continue
        if len(inflated) > MAX_PAYLOAD_BYTES:
            raise LimitExceededError(
                f"{len(body)} bytes inflate to more than {MAX_PAYLOAD_BYTES}",
                limit=MAX_PAYLOAD_BYTES,
            )
        if not inflater.eof:
            raise ProtocolError("the compressed body is cut")
        return inflated
    raise ProtocolError(f"the compressed body is damaged: {problem}")


class _Draft:
    """A metric while its fields come."""

    __slots__ = (
        "alias", "datatype", "field", "historical", "name", "null", "quality", "template",
        "timestamp", "value",
    )  # fmt: skip

    def __init__(self) -> None:
        self.name: str | None = None
        self.alias: int | None = None
        self.timestamp: int | None = None
        self.datatype: int | None = None
        self.historical = False
        self.null = False
        self.quality: int | None = None
        self.field: int | None = None
        self.value: Value = None
        self.template: bytes | None = None

    def take(self, field: Field) -> None:
        match field:
            case (1, 2, bytes(text)):
                self.name = _text(text)
            case (2, 0, int(alias)):
                self.alias = alias
            case (3, 0, int(timestamp)):
                self.timestamp = timestamp
            case (4, 0, int(datatype)):
                self.datatype = datatype
            case (5, 0, int(flag)):
                self.historical = bool(flag)
            case (7, 0, int(flag)):
                self.null = bool(flag)
            case (9, 2, bytes(properties)):
                self.quality = _quality(properties)
            case (number, _, _) if number >= _INT_VALUE:
                self._take_value(field)
            case _:
                pass  # is_transient, metadata

    def _take_value(self, field: Field) -> None:
        match field:
            case (10, 0, int(value)):
                self._set(10, value & _MASK32)  # a negative one may come as ten bytes
            case (11, 0, int(value)):
                self._set(11, value)
            case (12, 5, bytes(packed)):
                self._set(12, struct.unpack("<f", packed)[0])
            case (13, 1, bytes(packed)):
                self._set(13, struct.unpack("<d", packed)[0])
            case (14, 0, int(value)):
                self._set(14, bool(value))
            case (15, 2, bytes(text)):
                self._set(15, _text(text))
            case (16, 2, bytes(value)):
                self._set(16, value)
            case (18, 2, bytes(template)):
                self.template = template
            case (10 | 11 | 12 | 13 | 14 | 15 | 16 | 18, wire_type, _):
                raise ProtocolError(f"metric field {field[0]} has wire type {wire_type}")
            case _:
                pass  # a data set, an extension

    def _set(self, field: int, value: Value) -> None:
        self.field, self.value = field, value


def _read_metric(raw: bytes, prefix: str, depth: int, into: list[Metric]) -> None:
    """Appends the metric, and behind it those that its template holds."""
    if len(into) >= MAX_METRICS:
        raise LimitExceededError(f"more than {MAX_METRICS} metrics", limit=MAX_METRICS)
    draft = _Draft()
    for field in read_fields(raw):
        draft.take(field)
    name = draft.name if draft.name is None else prefix + draft.name
    into.append(
        Metric(
            name=name,
            alias=draft.alias,
            timestamp=draft.timestamp,
            datatype=draft.datatype,
            value=draft.value,
            field=draft.field,
            is_null=draft.null,
            is_historical=draft.historical,
            quality=draft.quality,
            raw=raw,
        )
    )
    if draft.template is not None:
        _read_template(draft.template, f"{name or draft.alias}/", depth + 1, into)


def _read_template(data: bytes, prefix: str, depth: int, into: list[Metric]) -> None:
    if depth > MAX_NESTING:
        raise LimitExceededError(
            f"templates nested more than {MAX_NESTING} deep", limit=MAX_NESTING
        )
    for number, wire_type, value in read_fields(data):
        if number == 2 and wire_type == BYTES and isinstance(value, bytes):
            _read_metric(value, prefix, depth, into)


def _quality(data: bytes) -> int | None:
    """Of a PropertySet: keys and values stand in two lists of equal length."""
    keys: list[bytes] = []
    values: list[bytes] = []
    for number, wire_type, value in read_fields(data):
        if wire_type == BYTES and isinstance(value, bytes) and number in {1, 2}:
            column = keys if number == 1 else values
            if len(column) < _MAX_PROPERTIES:
                column.append(value)
    for key, value in zip(keys, values, strict=False):
        if key.decode(errors="replace") in _QUALITY_PROPERTIES:
            for number, wire_type, found in read_fields(value):
                if number in {3, 4} and wire_type == VARINT and isinstance(found, int):
                    return found
    return None


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise ProtocolError(f"a text that is not UTF-8: {data[:40].hex()}") from exc

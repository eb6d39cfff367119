"""Payloads that we send: a host's rebirth request and STATE, and an edge node's own messages.

Strict, where reading is tolerant: UInt32 goes into `int_value`, as the specification says.
"""

import struct
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.sparkplug.datatypes import DataType
from protocols.sparkplug.wire import bytes_field, fixed_field, varint_field

REBIRTH: Final = "Node Control/Rebirth"
BD_SEQ: Final = "bdSeq"

_INTEGERS: Final = {
    DataType.INT8: (10, 32), DataType.INT16: (10, 32), DataType.INT32: (10, 32),
    DataType.UINT8: (10, 32), DataType.UINT16: (10, 32), DataType.UINT32: (10, 32),
    DataType.INT64: (11, 64), DataType.UINT64: (11, 64), DataType.DATETIME: (11, 64),
}  # fmt: skip


class NewMetric(Struct, frozen=True, kw_only=True):
    """`value` None is sent as null. `name` None: by alias alone, as data after a birth may be."""

    name: str | None
    datatype: DataType
    value: int | float | bool | str | None
    timestamp: int | None = None
    alias: int | None = None
    is_historical: bool = False


class HostState(Struct, frozen=True):
    """STATE of specification 3.0. `timestamp` of the will equals that of its birth."""

    online: bool
    timestamp: int


def encode_payload(
    metrics: Sequence[NewMetric], *, timestamp: int, seq: int | None = None
) -> bytes:
    """`seq` None for NDEATH and commands."""
    parts = [varint_field(1, timestamp)]
    parts += [bytes_field(2, encode_metric(metric)) for metric in metrics]
    if seq is not None:
        parts.append(varint_field(3, seq))
    return b"".join(parts)


def encode_metric(metric: NewMetric) -> bytes:
    parts = []
    if metric.name is not None:
        parts.append(bytes_field(1, metric.name.encode()))
    if metric.alias is not None:
        parts.append(varint_field(2, metric.alias))
    if metric.timestamp is not None:
        parts.append(varint_field(3, metric.timestamp))
    parts.append(varint_field(4, metric.datatype))
    if metric.is_historical:
        parts.append(varint_field(5, 1))
    parts.append(varint_field(7, 1) if metric.value is None else _value(metric))
    return b"".join(parts)


def rebirth_request(timestamp: int) -> bytes:
    """The payload of the NCMD that asks an edge node for its births."""
    asked = NewMetric(name=REBIRTH, datatype=DataType.BOOLEAN, value=True, timestamp=timestamp)
    return encode_payload((asked,), timestamp=timestamp)


def encode_state(state: HostState) -> bytes:
    return msgspec.json.encode(state)


def decode_state(data: bytes) -> HostState:
    """Also the bare words ONLINE and OFFLINE of 2.x, whose timestamp is 0. Raises ProtocolError."""
    if data in {b"ONLINE", b"OFFLINE"}:
        return HostState(online=data == b"ONLINE", timestamp=0)
    try:
        return msgspec.json.decode(data, type=HostState)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ProtocolError(f"no STATE: {exc}") from exc


def _value(metric: NewMetric) -> bytes:
    value = metric.value
    match value:
        case bool():
            return varint_field(14, int(value))
        case str():
            return bytes_field(15, value.encode())
        case int() if metric.datatype in _INTEGERS:
            field, bits = _INTEGERS[metric.datatype]
            return varint_field(field, value & ((1 << bits) - 1))
        case int() | float() if metric.datatype is DataType.FLOAT:
            return fixed_field(12, struct.pack("<f", value))
        case int() | float() if metric.datatype is DataType.DOUBLE:
            return fixed_field(13, struct.pack("<d", value))
        case _:
            raise ProtocolError(f"{value!r} is no {metric.datatype.name}")

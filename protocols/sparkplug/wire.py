"""Protocol Buffers on the wire: as much as a Sparkplug payload needs, and a cap on all of it.

No schema, no reflection: a message is its fields in order, and who reads them knows their meaning.
"""

from collections.abc import Iterator
from typing import Final

from protocols.errors import ProtocolError, TruncatedError

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
_GROUP_BEGIN: Final = 3
_GROUP_END: Final = 4
FIXED32: Final = 5

_MAX_VARINT_BYTES: Final = 10  # 64 bits, seven to a byte
_MASK64: Final = (1 << 64) - 1
_MORE: Final = 0x80

Field = tuple[int, int, int | bytes]
"""Number, wire type, value: an int of a varint, else the bytes."""


def read_fields(data: bytes) -> Iterator[Field]:
    """The fields of one message. Groups, which no schema uses since 2008, are an error.

    Raises ProtocolError; TruncatedError where the message ends inside a field.
    """
    offset, end = 0, len(data)
    while offset < end:
        start = offset
        key = data[offset]
        if key < _MORE:
            offset += 1
        else:
            key, offset = read_varint(data, offset)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ProtocolError("field number 0", offset=start)
        value: int | bytes
        if wire_type == VARINT:
            value, offset = read_varint(data, offset)
        else:
            size, offset = _size(data, offset, wire_type, start)
            if offset + size > end:
                raise TruncatedError(
                    f"field {number} has {size} bytes, {end - offset} are left",
                    missing=offset + size - end,
                    offset=start,
                )
            value = data[offset : offset + size]
            offset += size
        yield number, wire_type, value


def read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """The number and where it ends. Raises ProtocolError."""
    value = shift = 0
    for place in range(offset, min(offset + _MAX_VARINT_BYTES, len(data))):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value & _MASK64, place + 1
        shift += 7
    if len(data) - offset < _MAX_VARINT_BYTES:
        raise TruncatedError("a number is cut", missing=1, offset=offset)
    raise ProtocolError("a number of more than 64 bits", offset=offset)


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= _MORE:
        encoded.append(value & 0x7F | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def varint_field(number: int, value: int) -> bytes:
    return varint(number << 3 | VARINT) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def fixed_field(number: int, value: bytes) -> bytes:
    """Of four or eight bytes."""
    return varint(number << 3 | (FIXED32 if len(value) == 4 else FIXED64)) + value


def _size(data: bytes, offset: int, wire_type: int, start: int) -> tuple[int, int]:
    if wire_type == BYTES:
        return read_varint(data, offset)
    if wire_type == FIXED64:
        return 8, offset
    if wire_type == FIXED32:
        return 4, offset
    if wire_type in {_GROUP_BEGIN, _GROUP_END}:
        raise ProtocolError("a group, which Sparkplug does not have", offset=start)
    raise ProtocolError(f"wire type {wire_type}, which does not exist", offset=start)

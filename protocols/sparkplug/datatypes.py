"""Sparkplug's data types, and what a value of the wire means under each.

Which field of the wire holds a UInt32 is not agreed upon: the specification says `int_value`,
the Java and JavaScript Tahu and Ignition use `long_value` (tahu 131 and 397). Both are read.
"""

from enum import IntEnum
from typing import Final

_BITS32: Final = 32
_BITS64: Final = 64


class DataType(IntEnum):
    """Specification 3.0, chapter 6.4.16."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19


Value = int | float | bool | str | bytes | None

_SIGNED: Final = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_UNSIGNED: Final = {
    DataType.UINT8: 8,
    DataType.UINT16: 16,
    DataType.UINT32: 32,
    DataType.UINT64: 64,
    DataType.DATETIME: 64,
}
NUMERIC: Final = frozenset(
    {*_SIGNED, *_UNSIGNED, DataType.FLOAT, DataType.DOUBLE} - {DataType.DATETIME}
)
"""What can be a count or a measurement."""

_NAMES: Final = {
    1: "Int8", 2: "Int16", 3: "Int32", 4: "Int64", 5: "UInt8", 6: "UInt16", 7: "UInt32",
    8: "UInt64", 9: "Float", 10: "Double", 11: "Boolean", 12: "String", 13: "DateTime", 14: "Text",
    15: "UUID", 16: "DataSet", 17: "Bytes", 18: "File", 19: "Template",
}  # fmt: skip


def type_name(number: int | None) -> str | None:
    """As the specification spells it; a number of later versions as it is."""
    return None if number is None else _NAMES.get(number, str(number))


def meaning(raw: Value, datatype: int | None) -> Value:
    """What `raw` (unsigned, as the wire has integers) says under `datatype`.

    Raises ValueError for an integer that the type cannot hold. A type that is not known, or that
    does not fit the field which was sent, leaves the value as it is.
    """
    if not isinstance(raw, int) or isinstance(raw, bool) or datatype is None:
        return raw
    if datatype == DataType.BOOLEAN:
        return bool(raw)
    if (bits := _SIGNED.get(datatype)) is not None:  # type: ignore[call-overload]
        return _signed(raw, bits)
    if (bits := _UNSIGNED.get(datatype)) is not None:  # type: ignore[call-overload]
        return _unsigned(raw, bits)
    return raw


def _signed(raw: int, bits: int) -> int:
    """Two's complement of the type's own width, or extended to 32 or 64 bits: all three are sent."""
    for width in (bits, _BITS32, _BITS64):
        if raw < 1 << width:
            value = raw - (1 << width) if raw >> (width - 1) else raw
            if -(1 << (bits - 1)) <= value < 1 << (bits - 1):
                return value
    raise ValueError(f"{raw} does not fit {bits} bits with a sign")


def _unsigned(raw: int, bits: int) -> int:
    """A peer with signed integers only extends the sign of large ones."""
    if raw < 1 << bits:
        return raw
    if raw >> (bits - 1) == (1 << (_BITS64 - bits + 1)) - 1:
        return raw & ((1 << bits) - 1)
    raise ValueError(f"{raw} does not fit {bits} bits")

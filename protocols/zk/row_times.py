"""The packed times of many records at once, without decoding the rest of them."""

import struct

from protocols.zk.layouts import Layout

_TIME_BYTES = 4


def packed_times(records: bytes, layout: Layout) -> tuple[int, ...]:
    """Of each whole record, in their order, whether a calendar has that date or not."""
    width, offset = layout.width, _time_offset(layout)
    count = len(records) // width
    lanes = bytearray(count * _TIME_BYTES)
    for byte in range(_TIME_BYTES):
        lanes[byte::_TIME_BYTES] = records[offset + byte : count * width : width]
    return struct.unpack(f"<{count}I", lanes)


def _time_offset(layout: Layout) -> int:
    match layout:
        case Layout.ATT16 | Layout.ATT8A:
            return 4
        case Layout.ATT8B:
            return 3
        case _:  # all TFT records begin alike
            return 27

"""Which seconds of a log carry more than one row: what `LogOrder` must remember, and no more."""

from datetime import datetime

from protocols.zk.clock import unpack_time
from protocols.zk.layouts import Layout, unpack_rows

# 2 MiB of bits. A log of 1,000,000 rows fills 6 % of them, so one second in sixteen is remembered
# without need; that costs memory, never correctness.
_BITS = 1 << 24
_SPREAD = 2_654_435_761  # odd: neighbouring seconds fall on bits far apart


def shared_seconds(table: bytes, layout: Layout) -> frozenset[datetime]:
    """Every second that two or more rows of `table` carry, and a few that only one does.

    One pass over the packed times, 2 MiB whatever the length of the log.
    """
    seen = SecondsSeen(layout)
    seen.add(table)
    return seen.shared()


class SecondsSeen:
    """`shared_seconds` for a table that comes in pieces."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._seen = bytearray(_BITS // 8)
        self._shared: set[int] = set()

    def add(self, piece: bytes) -> None:
        """Whole records of the table."""
        seen, shared = self._seen, self._shared
        for _, _, packed, _, _ in unpack_rows(piece, self._layout):
            bit = packed * _SPREAD % _BITS
            mask = 1 << (bit & 7)
            place = bit >> 3
            if seen[place] & mask:
                shared.add(packed)
            else:
                seen[place] |= mask

    def shared(self) -> frozenset[datetime]:
        times = (unpack_time(packed) for packed in self._shared)
        return frozenset(time for time in times if time is not None)

"""Which pieces of a log share no second with any other row, by the spans of time that they cover.

Nearly every log is in order, and then this is all that has to be known of it to place its rows.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from protocols.zk.attendance import FIRST_SANE_TIME, LAST_PLAIN_TIME
from protocols.zk.layouts import Layout
from protocols.zk.packed_times import PackedTimes

# A piece that goes back in time more often counts as one span: memory is for logs that make sense.
_MAX_RUNS: Final = 16
_PLAIN: Final = range(FIRST_SANE_TIME, LAST_PLAIN_TIME + 1)


class LonePieces:
    """Pieces are added in log order and known by their number, from 0. One that has a second
    outside of the plain ones is never lone; the span of a piece is that of its plain seconds, so
    that one worn row does not make it reach from the year 2000 to 2099.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._spans: list[tuple[int, int, int]] = []  # first second, last second, number
        self._in_order: set[int] = set()
        self._pieces = 0

    def add(self, piece: bytes) -> None:
        """Whole records, one at least."""
        number, self._pieces = self._pieces, self._pieces + 1
        times = PackedTimes(piece, self._layout)
        if times.first in _PLAIN and times.last in _PLAIN and times.in_strict_order():
            self._in_order.add(number)
            self._spans.append((times.first, times.last, number))
            return
        runs = list(_runs(times))
        if len(runs) > _MAX_RUNS:
            runs = [(min(first for first, _ in runs), max(last for _, last in runs))]
        self._spans += [(first, last, number) for first, last in runs]

    def lone(self) -> frozenset[int]:
        """The pieces in strict order of whose seconds no other piece has any."""
        met: set[int] = set()
        reach, reaching = -1, -1
        for first, last, number in sorted(self._spans):
            if first <= reach:
                met |= {number, reaching}
            if last > reach:
                reach, reaching = last, number
        return frozenset(self._in_order - met)


def _runs(times: PackedTimes) -> Iterator[tuple[int, int]]:
    """The spans in which the plain times of one piece do not go back."""
    plain = [time for time in times.numbers() if time in _PLAIN]
    if not plain:
        return
    breaks = [row for row, (one, two) in enumerate(pairwise(plain), start=1) if two < one]
    for start, end in pairwise([0, *breaks, len(plain)]):
        yield plain[start], plain[end - 1]

"""Each punch as one 64-bit number, whose order is the order in which days are judged.

    person and day of the month | second after that day's window opens (17 bits) | row

One sort of these numbers replaces every group-by and join: days lie side by side, their punches in
order of time, and the row number breaks ties by event id and says afterwards which punch it was.
Punches that no day may believe (distrusted, outside window or month) are left out before.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hr_core.attendance.kernel.tables import Int32s, Int64s, PeoplePlan, PunchTable
from hr_core.clock import DAY_S

SECOND_BITS = 17  # 86,400 seconds of a day
KEY_BITS = 64

# Rows handled at a time: a dozen temporary columns of this length stay in a core's second-level cache,
# and nothing as long as the table is written but the keys themselves.
BLOCK = 1 << 15

Keys = NDArray[np.uint64]


class Packing(NamedTuple):
    """The widths of the parts of a key."""

    days: int
    row_bits: int

    @property
    def day_shift(self) -> int:
        return SECOND_BITS + self.row_bits

    def cell(self, keys: Keys) -> Int64s:
        """Person times days, plus day: the place in a table of days."""
        return (keys >> np.uint64(self.day_shift)).view(np.int64)

    def second(self, keys: Keys) -> Int32s:
        mask = np.uint64((1 << SECOND_BITS) - 1)
        return ((keys >> np.uint64(self.row_bits)) & mask).astype(np.int32)

    def row(self, keys: Keys) -> Int64s:
        return (keys & np.uint64((1 << self.row_bits) - 1)).view(np.int64)


def key_bits(people: int, days: int, rows: int) -> int:
    return (people * days).bit_length() + SECOND_BITS + rows.bit_length()


def pack(plan: PeoplePlan, table: PunchTable) -> tuple[Packing, Keys]:
    """The keys that count, unsorted. Raises ValueError for more than 64 bits hold."""
    if key_bits(plan.people, plan.days, len(table)) > KEY_BITS:
        raise ValueError(
            f"{len(table)} punches of {plan.people} people do not fit one key: use more buckets"
        )
    packing = Packing(plan.days, len(table).bit_length())
    packer = _Packer(plan, packing)
    keys = np.empty(len(table), np.uint64)
    filled = 0
    for start in range(0, len(table), BLOCK):
        filled += packer.pack(table, start, keys[filled:])
    return packing, keys[:filled]


class _Packer:
    def __init__(self, plan: PeoplePlan, packing: Packing) -> None:
        self._packing = packing
        opens = np.array([shift.window(0)[0] for shift in plan.shifts], np.int64)
        length = np.array([shift.window_min * 60 for shift in plan.shifts], np.int64)
        self._opens = opens.take(plan.shift_of) + plan.first.toordinal() * DAY_S
        self._length = np.maximum(length, 0).astype(np.uint32).take(plan.shift_of)
        self._month_s = np.uint64(plan.days * DAY_S)

    def pack(self, table: PunchTable, start: int, out: Keys) -> int:
        """Keys of one block into the head of `out`; how many of them count."""
        rows = slice(start, start + BLOCK)
        person = table.person[rows]
        # Seconds since the window of the first day opened; "clip" spares numpy a check that
        # `compute` has made once for all.
        since = table.at[rows] - self._opens.take(person, mode="clip")
        counts = since.view(np.uint64) < self._month_s  # as unsigned, what is before is huge
        second = since.astype(np.uint32)
        day = second // np.uint32(DAY_S)
        second -= day * np.uint32(DAY_S)
        counts &= second < self._length.take(person, mode="clip")
        counts &= ~table.distrusted[rows]
        key = person.astype(np.uint64)
        key *= np.uint64(self._packing.days)
        key += day
        key <<= np.uint64(SECOND_BITS)
        key |= second
        key <<= np.uint64(self._packing.row_bits)
        key |= np.arange(start, start + len(key), dtype=np.uint64)
        kept = key[counts]
        out[: len(kept)] = kept
        return len(kept)

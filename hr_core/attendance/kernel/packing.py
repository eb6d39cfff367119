"""Each punch as one 64-bit number, whose order is the order in which days are judged.

    person | second since the first window of the month opened | row of the table

One sort of these numbers replaces every group-by and join: a person's punches lie in order of time,
and the row breaks ties by event id and says afterwards which punch it was. Distrusted punches and
those of other months are left out before.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hr_core.attendance.kernel.tables import Int64s, PeoplePlan, PunchTable
from hr_core.clock import DAY_S

KEY_BITS = 64

# Rows handled at a time: temporary columns of this length stay in a core's second-level cache, and
# nothing as long as the table is written but the keys themselves.
BLOCK = 1 << 15

Keys = NDArray[np.uint64]


class Packing(NamedTuple):
    """What keys are made of. The month's seconds count from the wall second `origin`."""

    origin: int
    seconds: int
    second_bits: int
    row_bits: int

    def bound(self, person: Int64s, at: Int64s | int) -> Keys:
        """The least key that a punch of the person can have from this wall second on."""
        key = (person << self.second_bits) + (at - self.origin)
        return key.view(np.uint64) << np.uint64(self.row_bits)

    def at(self, keys: Keys) -> Int64s:
        mask = np.uint64((1 << self.second_bits) - 1)
        return ((keys >> np.uint64(self.row_bits)) & mask).view(np.int64) + self.origin

    def row(self, keys: Keys) -> Int64s:
        return (keys & np.uint64((1 << self.row_bits) - 1)).view(np.int64)


def packing_of(plan: PeoplePlan, rows: int) -> Packing:
    """Raises ValueError for more than 64 bits hold."""
    windows = [shift.window(0) for shift in plan.shifts]
    midnight = plan.first.toordinal() * DAY_S
    origin = midnight + min((opens for opens, _ in windows), default=0)
    after = midnight + (plan.days - 1) * DAY_S + max((closes for _, closes in windows), default=0)
    seconds = max(0, after - origin)
    packing = Packing(origin, seconds, seconds.bit_length(), rows.bit_length())
    if plan.people.bit_length() + packing.second_bits + packing.row_bits > KEY_BITS:
        raise ValueError(
            f"{rows} punches of {plan.people} people do not fit one key: use more buckets"
        )
    return packing


def pack(packing: Packing, table: PunchTable) -> Keys:
    """The keys that count, unsorted."""
    keys = np.empty(len(table), np.uint64)
    filled = 0
    for start in range(0, len(table), BLOCK):
        found = _pack_block(packing, table, start)
        keys[filled : filled + len(found)] = found
        filled += len(found)
    return keys[:filled]


def _pack_block(packing: Packing, table: PunchTable, start: int) -> Keys:
    rows = slice(start, start + BLOCK)
    second = (table.at[rows] - packing.origin).view(np.uint64)  # what is before becomes huge
    counts = (second < np.uint64(packing.seconds)) & ~table.distrusted[rows]
    key = table.person[rows].astype(np.uint64)
    key <<= np.uint64(packing.second_bits)
    key |= second
    key <<= np.uint64(packing.row_bits)
    key |= np.arange(start, start + len(key), dtype=np.uint64)
    return key[counts]

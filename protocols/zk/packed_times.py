"""The packed times of many records at once, by lanes."""

from bisect import bisect_left
from calendar import monthrange
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from protocols.column_packing import Numbers, numbers_in
from protocols.number_lanes import LANE_BYTES, are_growing
from protocols.zk.clock import unpack_time
from protocols.zk.layouts import Layout

_TIME_BYTES: Final = 4
_DAY_SECONDS: Final = 86_400
_MONTH_SECONDS: Final = 31 * _DAY_SECONDS  # to the packed clock every month has 31 days
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a device clock is naive
_MILLISECOND: Final = timedelta(milliseconds=1)


class PackedTimes:
    """Of the records of `piece`, at least one and none cut."""

    def __init__(self, piece: bytes, layout: Layout) -> None:
        self._count = len(piece) // layout.width
        lanes = bytearray(LANE_BYTES * self._count)
        for byte in range(_TIME_BYTES):
            lanes[byte::LANE_BYTES] = piece[layout.places.time + byte :: layout.width]
        self._lanes = lanes
        self._whole = int.from_bytes(lanes, "little")
        self.first = self._at(0)
        self.last = self._at(self._count - 1)

    def in_strict_order(self) -> bool:
        """Each later than the one before."""
        return are_growing(self._whole, self._count)

    def numbers(self) -> Numbers:
        return numbers_in(bytes(self._lanes), "q")

    def milliseconds(self) -> Numbers | None:
        """Since 1970-01-01 by the same wall clock. None when a date is in no calendar.

        For times in order only: within a month the packed clock runs as any other.
        """
        shifts: list[tuple[int, int]] = []
        start = 0
        for month in range(self.first // _MONTH_SECONDS, self.last // _MONTH_SECONDS + 1):
            end = self._until((month + 1) * _MONTH_SECONDS, start)
            if end == start:
                continue
            days, shift = _month(month)
            if self._at(end - 1) >= month * _MONTH_SECONDS + days * _DAY_SECONDS:
                return None
            shifts.append((shift, end - start))
            start = end
        shifted = self._whole * 1_000 + _lanes_of_runs(tuple(shifts))
        return numbers_in(shifted.to_bytes(len(self._lanes), "little"), "q")

    def _until(self, time: int, start: int) -> int:
        """How many rows come before `time`, by a look at the rows from `start`."""
        return (
            self._count
            if self.last < time
            else bisect_left(range(self._count), time, lo=start, key=self._at)
        )

    def _at(self, row: int) -> int:
        start = row * LANE_BYTES
        return int.from_bytes(self._lanes[start : start + _TIME_BYTES], "little")


@lru_cache(maxsize=16)  # 40 kB each for whole pages, most of which are within one month
def _lanes_of_runs(runs: tuple[tuple[int, int], ...]) -> int:
    """Of each (number, count) as many lanes of that number."""
    lanes = [number.to_bytes(LANE_BYTES, "little") * count for number, count in runs]
    return int.from_bytes(b"".join(lanes), "little")


@lru_cache(maxsize=256)
def _month(number: int) -> tuple[int, int]:
    """Its days, and what makes milliseconds since 1970 of 1,000 times a packed time in it."""
    packed = number * _MONTH_SECONDS
    start = unpack_time(packed)
    if start is None:
        raise ValueError(f"packed month {number}")
    _, days = monthrange(start.year, start.month)
    return days, (start - _EPOCH) // _MILLISECOND - packed * 1_000

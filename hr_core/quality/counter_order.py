"""The order in which a counter itself went on, whatever the order of arrival.

By series (a replaced box begins another), boot and sequence number first, then the box's clock,
then the time of receipt.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hr_core.quality.counters import Reading, Replacement


class Placed(NamedTuple):
    """`series` counts the boxes under the tag; `late`: a later reading was received before it."""

    series: int
    reading: Reading
    late: bool


def in_counter_order(
    readings: Iterable[Reading], replacements: Sequence[Replacement] = ()
) -> list[Placed]:
    """Each reading once: a delivery repeated is the same event."""
    by_time = sorted({reading.event_id: reading for reading in readings}.values(), key=_time)
    swaps = sorted(entry.at for entry in replacements)
    series = [bisect_right(swaps, reading.at) for reading in by_time]
    began: dict[tuple[int, str], int] = {}
    for number, reading in zip(series, by_time, strict=True):
        began.setdefault((number, reading.boot_id), reading.at)

    def place(at: int) -> tuple[int, int, str, int]:
        number, reading = series[at], by_time[at]
        return number, began[number, reading.boot_id], reading.boot_id, reading.seq

    order = sorted(range(len(by_time)), key=place)
    late = _late([by_time[at].received_at for at in order])
    return [
        Placed(series[at], by_time[at], is_late) for at, is_late in zip(order, late, strict=True)
    ]


def _time(reading: Reading) -> tuple[int, int, str]:
    return reading.at, reading.received_at or 0, reading.event_id


def _late(received: Sequence[int | None]) -> list[bool]:
    """Of each in its order: whether one that follows it was received before."""
    late = [False] * len(received)
    soonest: int | None = None
    for at in range(len(received) - 1, -1, -1):
        moment = received[at]
        if moment is None:
            continue
        if soonest is None or moment <= soonest:
            soonest = moment
        else:
            late[at] = True
    return late

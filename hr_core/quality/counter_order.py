"""The order in which a counter itself went on, whatever the order of arrival.

By series (a replaced box begins another), boot and sequence number first, then the box's clock,
then the time of receipt.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
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
    unique = {reading.event_id: reading for reading in readings}.values()
    swaps = sorted(entry.at for entry in replacements)
    series = {
        reading.event_id: sum(reading.at >= swapped for swapped in swaps) for reading in unique
    }
    began: dict[tuple[int, str], int] = {}
    for reading in unique:
        boot = series[reading.event_id], reading.boot_id
        began[boot] = min(began.get(boot, reading.at), reading.at)

    def place(reading: Reading) -> tuple[int, int, str, int]:
        number = series[reading.event_id]
        return number, began[number, reading.boot_id], reading.boot_id, reading.seq

    by_time = sorted(unique, key=_time)
    ordered = sorted(by_time, key=place)
    late = _late(ordered)
    return [
        Placed(series[one.event_id], one, is_late)
        for one, is_late in zip(ordered, late, strict=True)
    ]


def _time(reading: Reading) -> tuple[int, int, str]:
    return reading.at, reading.received_at or 0, reading.event_id


def _late(ordered: Sequence[Reading]) -> list[bool]:
    late: list[bool] = []
    soonest_after: int | None = None
    for received in map(attrgetter("received_at"), reversed(ordered)):
        late.append(received is not None and soonest_after is not None and soonest_after < received)
        if received is not None:
            soonest_after = received if soonest_after is None else min(soonest_after, received)
    return late[::-1]

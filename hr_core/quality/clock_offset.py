"""How far a box's clock is from the gateway's, per boot, and times that can be believed.

A reading can arrive late but never early. So the smallest of receipt - source time is the box's
offset and the shortest way here; below zero it proves a clock that is ahead. That it is behind
cannot be told from a backlog, unless the clock shows the years of a lost battery.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hr_core.quality.counters import Reading

LOST_CLOCK_BEFORE = 1_262_304_000  # 2010-01-01 UTC: what a clock shows that lost its battery
TOLERANCE_S = 120  # of NTP, polling and the network: no shift hands over more exactly


class ClockOffset(NamedTuple):
    """`seconds` to be added to the box's times; 0 where they are believed as they are."""

    seconds: int
    estimate: int | None
    stopped: bool


def clock_offset(of_one_boot: Iterable[Reading]) -> ClockOffset:
    """From every reading of a boot; the order does not matter."""
    known = [
        (one.at, one.received_at - one.at) for one in of_one_boot if one.received_at is not None
    ]
    if not known:
        return ClockOffset(0, None, stopped=False)
    times = [at for at, _ in known]
    delays = [delay for _, delay in known]
    estimate = min(delays)
    lost = max(times) < LOST_CLOCK_BEFORE
    stopped = lost and max(times) == min(times) and max(delays) - min(delays) > TOLERANCE_S
    wrong = lost or estimate < -TOLERANCE_S
    return ClockOffset(estimate if wrong else 0, estimate, stopped=stopped)


def clock_offsets(of_one_source: Iterable[Reading]) -> dict[str, ClockOffset]:
    """By boot, from the readings of all counters of a box: they share its clock."""
    by_boot: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in of_one_source:
        by_boot[reading.boot_id].append(reading)
    return {boot: clock_offset(of_one) for boot, of_one in by_boot.items()}


def at_believable_time(reading: Reading, offsets: Mapping[str, ClockOffset]) -> Reading:
    """The reading with a time that windows and hand-overs may use. The raw time stays stored."""
    offset = offsets[reading.boot_id]
    if offset.stopped and reading.received_at is not None:
        return reading._replace(at=reading.received_at)
    return reading._replace(at=reading.at + offset.seconds) if offset.seconds else reading

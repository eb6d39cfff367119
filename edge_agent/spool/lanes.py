"""Lanes: the queues of the outbox, and how a batch is shared between them."""

from collections.abc import Mapping
from enum import StrEnum


class Lane(StrEnum):
    """What waits in one queue. A backlog must not delay what happens now, nor starve."""

    PUNCH_LIVE = "punch-live"
    PUNCH_BACKLOG = "punch-backlog"
    COUNT_LIVE = "count-live"
    COUNT_BACKLOG = "count-backlog"
    TELEMETRY = "telemetry"

    @property
    def number(self) -> int:
        """The number in the file (table `lanes`). Never reused, never renumbered."""
        return _NUMBERS[self]


_NUMBERS = {
    Lane.PUNCH_LIVE: 1,
    Lane.PUNCH_BACKLOG: 2,
    Lane.COUNT_LIVE: 3,
    Lane.COUNT_BACKLOG: 4,
    Lane.TELEMETRY: 5,
}
LANE_BY_NUMBER: Mapping[int, Lane] = {number: lane for lane, number in _NUMBERS.items()}

# Punches are pay and go first; live goes before backlog so that people see themselves at once.
WEIGHTS: Mapping[Lane, int] = {
    Lane.PUNCH_LIVE: 8,
    Lane.PUNCH_BACKLOG: 4,
    Lane.COUNT_LIVE: 4,
    Lane.COUNT_BACKLOG: 2,
    Lane.TELEMETRY: 1,
}


def plan_batch(
    available: Mapping[Lane, int], weights: Mapping[Lane, int], limit: int
) -> dict[Lane, int]:
    """How many rows each lane puts into a batch of at most `limit` rows.

    Every waiting lane gets its weight's share and at least one row (heavier lanes first, when
    `limit` is smaller than the number of lanes); what a lane cannot use goes to the others.
    The batch is full whenever enough rows wait.
    """
    taken = dict.fromkeys(available, 0)
    waiting = sorted((lane for lane in available if available[lane]), key=lambda x: -weights[x])
    room = limit
    while room and waiting:
        round_room, total = room, sum(weights[lane] for lane in waiting)
        empty = sum(not taken[lane] for lane in waiting)  # each of them is owed a row
        for lane in waiting:
            empty -= not taken[lane]
            share = min(round_room * weights[lane] // total, room - empty)
            take = min(max(1, share), available[lane] - taken[lane], room)
            taken[lane] += take
            room -= take
        waiting = [lane for lane in waiting if taken[lane] < available[lane]]
    return {lane: count for lane, count in taken.items() if count}

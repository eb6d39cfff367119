"""An outbox in memory that can be looked at, batches for one exporter, and its verdicts."""

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

from protocols.records import Direction
from protocols.uplink import Verdict
from sync.export_loop import ExportLoop, ExportSettings
from sync.exporters.contract import ExportBatch
from tests.hr_core.ingest.batch_samples import observe, punch
from tests.sync.uplink_doubles import InstantClock

NAMES = {"ZK0001": "gate"}
SINK = "hr"


def came(
    number=0, *, user="1007", at=None, direction=Direction.IN, zone="Asia/Shanghai", **changes
):
    """A punch as an exporter is handed it."""
    at = at or datetime(2026, 11, 21, 8) + timedelta(minutes=number)
    state = {Direction.IN: 0, Direction.OUT: 1}.get(direction, 255)
    record = punch(
        number, user_id=user, device_time=at, direction=direction, state=state, **changes
    )
    return observe(record, zone=zone)


def left(number=0, **changes):
    return came(number, direction=Direction.OUT, **changes)


def batch_of(*observations, number=1, names=NAMES):
    return ExportBatch(
        sink=SINK,
        gateway="gw-1",
        site="plant",
        number=number,
        first_arrival=1,
        last_arrival=len(observations),
        observations=observations,
        device_names=names,
    )


async def verdicts_of(exporter, *observations, **about):
    """(verdict, code) of each record, in the order of the records; each judged exactly once."""
    judged = []
    await exporter.deliver(batch_of(*observations, **about), judged.append)
    by_id = {one.event_id: (one.verdict, one.code) for one in judged}
    assert len(by_id) == len(judged) == len(observations)
    return [by_id[one.event_id] for one in observations]


ACCEPTED, DUPLICATE = (Verdict.ACCEPTED, None), (Verdict.DUPLICATE, None)


class Pending(NamedTuple):
    number: int
    first_arrival: int
    last_arrival: int
    observations: tuple


class ExportOutboxDouble:
    """One sink, as the spool keeps it: a batch in flight stays until it is settled."""

    def __init__(self, observations=()):
        self.waiting = deque(observations)
        self.in_flight = None
        self.number = 0
        self.arrival = 0
        self.settled = []
        self.gave_up_before = []

    async def next_batch(self, sink, *, limit):
        assert sink == SINK
        if self.in_flight is None and self.waiting:
            self.number += 1
            taken = tuple(self.waiting.popleft() for _ in range(min(limit, len(self.waiting))))
            self.in_flight = Pending(
                self.number, self.arrival + 1, self.arrival + len(taken), taken
            )
            self.arrival += len(taken)
        return self.in_flight

    async def settle(self, sink, answer):
        assert sink == SINK
        assert answer.number == self.in_flight.number
        by_id = {one.event_id: one for one in self.in_flight.observations}
        assert sorted(one.event_id for one in answer.verdicts) == sorted(by_id)
        for judged in answer.verdicts:
            if judged.verdict is Verdict.KEEP:
                self.waiting.append(by_id[judged.event_id])
        self.settled.extend(answer.verdicts)
        self.in_flight = None

    async def give_up(self, sink, *, before):
        self.gave_up_before.append(before)
        return 0

    async def device_names(self):
        return NAMES


def loop_over(outbox, exporter, clock=None, *, trusted=True, **settings):
    fields = {
        "sink": SINK,
        "gateway": "gw-1",
        "site": "plant",
        "batch_records": 100,
        "hold": timedelta(days=30),
    }
    return ExportLoop(
        outbox,
        exporter,
        ExportSettings(**fields | settings),
        clock=clock or InstantClock(),
        random=lambda: 0.0,
        clock_trusted=lambda: trusted,
    )

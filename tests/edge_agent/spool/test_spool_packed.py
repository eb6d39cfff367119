"""Deliveries in columns: what fits a page is stored as it is, all else row by row, nothing twice."""

import random
import sqlite3
from array import array
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from drivers.contract import Delivery
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool
from protocols.identity import event_id
from protocols.punch_columns import MAX_ROWS, columns_of
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import (
    BOOT,
    ManualClock,
    answer,
    append,
    ids,
    punches,
    sent,
)

# Six bytes of milliseconds end in August 8920.
AFTER_THE_LAST_STAMP = datetime(9000, 1, 1)


async def drained(spool, sink="core", limit=1_000):
    received = []
    while batch := await spool.next_batch(sink, limit=limit):
        received += sent(batch)
        await spool.settle(sink, answer(batch))
    return received


def pages_in(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM pages").fetchone()[0]


def packed(records, serial="SN1"):
    return Delivery(serial=serial, packed=columns_of(records))


async def test_columns_are_one_page_and_come_out_row_by_row(spool, path):
    records = punches(range(MAX_ROWS))
    appended = await append(spool, packed(records))
    assert (appended.stored, appended.known, pages_in(path)) == (MAX_ROWS, 0, 1)
    assert (await spool.find(event_id(records[4_321]))).observation.record == records[4_321]
    assert await drained(spool) == ids(records)


async def test_columns_that_overlap_what_is_known_add_only_what_is_new(spool):
    await append(spool, packed(punches(range(10, 20))))
    for first in (0, 15, 5):
        await append(spool, packed(punches(range(first, first + 10))))
    stats = (await spool.stats()).devices[0]
    assert (stats.stored, stats.known, stats.received) == (25, 15, 40)
    expected = [*range(10, 20), *range(10), *range(20, 25)]
    assert await drained(spool) == ids(punches(expected))


async def test_columns_out_of_order_and_empty_ones_are_no_page_as_they_are(spool):
    twice = (*punches(range(10)), *punches(range(10)))
    appended = await append(spool, packed(twice))
    assert (appended.stored, appended.known) == (10, 10)
    none = replace(columns_of(punches([1])), times=array("q"), user_ids=b"", state=b"", verify=b"")
    appended = await append(
        spool, Delivery(serial="SN1", packed=replace(none, raw=b""), cursor=b"c")
    )
    assert (appended.stored, appended.known) == (0, 0)
    assert await spool.cursor("SN1") == b"c"
    assert await drained(spool) == ids(punches(range(10)))


async def test_columns_longer_than_a_page_become_several(spool):
    parts = [columns_of(punches(range(first, first + 4_000))) for first in (0, 4_000, 8_000)]
    long = replace(
        parts[0],
        times=parts[0].times + parts[1].times + parts[2].times,
        user_ids=b"".join(
            part.user_ids[plane : plane + 4_000]
            for plane in range(0, len(parts[0].user_ids), 4_000)
            for part in parts
        ),
        state=b"".join(part.state for part in parts),
        verify=b"".join(part.verify for part in parts),
        raw=b"".join(part.raw for part in parts),
    )
    assert (await append(spool, Delivery(serial="SN1", packed=long))).stored == 12_000
    assert await drained(spool) == ids(punches(range(12_000)))


@pytest.mark.parametrize("again_packed", [True, False])
async def test_dates_past_what_an_id_can_lead_with_are_recognised(spool, again_packed):
    """A fill pattern reads as the year 9999; its id leads with the last stamp that there is."""
    records = [
        replace(record, device_time=AFTER_THE_LAST_STAMP + timedelta(seconds=number))
        for number, record in enumerate(punches(range(50)))
    ]
    assert (await append(spool, packed(records))).stored == 50
    again = packed(records) if again_packed else Delivery(serial="SN1", records=records)
    appended = await append(spool, again)
    assert (appended.stored, appended.known) == (0, 50)
    assert sorted(await drained(spool)) == sorted(ids(records))


async def test_an_event_that_came_under_two_devices_holds_up_no_sink(spool):
    await append(spool, packed(punches(range(5))))
    await append(spool, Delivery(serial="HUB", records=punches(range(7), "SN1")))
    batch = await spool.next_batch("core", limit=100)
    assert sent(batch) == ids(punches(range(7)))
    await spool.settle("core", answer(batch))
    assert (await spool.backlog("core")).total == 0


class Oracle:
    """What was stored, by lane in order of arrival, and what each sink has seen of it."""

    def __init__(self, sinks):
        self.lanes = {lane: [] for lane in Lane}
        self.lane_of = {}
        self.serial_of = {}
        self.seen = {sink: {lane: [] for lane in Lane} for sink in sinks}
        self.open = {sink: set() for sink in sinks}  # seen, and to be sent again
        self.flight = dict.fromkeys(sinks)
        self.counters = {}

    def store(self, serial, lane, identities):
        new = [one for one in dict.fromkeys(identities) if one not in self.lane_of]
        self.lanes[lane] += new
        self.lane_of |= dict.fromkeys(new, lane)
        self.serial_of |= dict.fromkeys(new, serial)
        stored, known = self.counters.get(serial, (0, 0))
        known += len(identities) - len(new)
        self.counters[serial] = (stored + len(new), known)
        return len(new), len(identities) - len(new)

    def take(self, sink, identities):
        """Checks that each is fresh and next in its lane, or was kept."""
        assert len(set(identities)) == len(identities)
        for identity in identities:
            if identity in self.open[sink]:
                self.open[sink].remove(identity)
                continue
            seen = self.seen[sink][self.lane_of[identity]]
            assert self.lanes[self.lane_of[identity]][len(seen)] == identity
            seen.append(identity)


SERIALS, SINKS, LANES = ("SN1", "SN2", "SN3"), ("core", "webhook"), tuple(Lane)[:3]


@pytest.mark.parametrize("seed", range(6))
async def test_every_punch_reaches_every_sink_once_in_order_of_arrival(path, seed):
    chance, clock, oracle = random.Random(seed), ManualClock(), Oracle(SINKS)
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    written = dict.fromkeys(SERIALS, 0)
    try:
        for step in range(60):
            serial = chance.choice(SERIALS)
            match chance.choice(
                ("append", "append", "again", "take", "settle", "settle", "reopen")
            ):
                case "append":
                    size = chance.choice((1, 3, 40, 700))
                    numbers = range(written[serial], written[serial] + size)
                    written[serial] += size + chance.choice((0, 0, 5))
                    await _deliver(spool, oracle, chance, serial, list(numbers))
                case "again":  # some of it known, some of it skipped before, in any order
                    first = chance.randrange(written[serial] + 1)
                    numbers = list(range(first, first + chance.choice((2, 30, 900))))
                    written[serial] = max(written[serial], numbers[-1] + 1)
                    if chance.random() < 0.2:
                        chance.shuffle(numbers)
                    await _deliver(spool, oracle, chance, serial, numbers)
                case "take":
                    await _take(spool, oracle, chance.choice(SINKS), chance.choice((1, 50, 800)))
                case "settle":
                    await _settle(spool, oracle, chance, chance.choice(SINKS))
                case "reopen":
                    spool.close()
                    spool = Spool.open(path, clock=clock, boot_id=f"boot-{step}")
            clock.advance(chance.choice((0, 40)))
        await _finish(spool, oracle, clock)
    finally:
        spool.close()


async def _deliver(spool, oracle, chance, serial, numbers):
    records, lane = punches(numbers, serial), chance.choice(LANES)
    delivery = Delivery(serial=serial, records=records)
    if chance.random() < 0.6:
        delivery = packed(records, serial)
    appended = await append(spool, delivery, lane=lane)
    assert (appended.stored, appended.known) == oracle.store(serial, lane, ids(records))


async def _take(spool, oracle, sink, limit):
    batch = await spool.next_batch(sink, limit=limit)
    if oracle.flight[sink] is not None:
        assert batch == oracle.flight[sink]
    elif batch is not None:
        assert len(batch.observations) <= limit
        oracle.take(sink, sent(batch))
        oracle.flight[sink] = batch


async def _settle(spool, oracle, chance, sink):
    batch, oracle.flight[sink] = oracle.flight[sink], None
    if batch is None:
        return
    verdicts = chance.choices(tuple(Verdict), weights=(20, 3, 1, 2), k=len(batch.observations))
    judged = answer(batch, verdicts)
    await spool.settle(sink, judged)
    oracle.open[sink] |= {one.event_id for one in judged.verdicts if one.verdict is Verdict.KEEP}


async def _finish(spool, oracle, clock):
    for sink in SINKS:
        clock.advance(7_200)
        peeked = [observation.event_id for observation in await spool.peek(sink, limit=10**6)]
        flying = [] if oracle.flight[sink] is None else sent(oracle.flight[sink])
        backlog = (await spool.backlog(sink)).total
        if oracle.flight[sink] is not None:
            await spool.settle(sink, answer(oracle.flight[sink]))
        rest = await drained(spool, sink)
        oracle.take(sink, rest)
        assert sorted(peeked) == sorted(flying + rest)
        assert backlog == len(peeked)
        assert oracle.seen[sink] == oracle.lanes
        assert not oracle.open[sink]
    stats = {device.serial: device for device in (await spool.stats()).devices}
    assert {serial: (one.stored, one.known) for serial, one in stats.items()} == oracle.counters
    for identity in list(oracle.lane_of)[::97]:
        found = await spool.find(bytes.fromhex(identity))
        assert found.observation.event_id == identity
        assert found.serial == oracle.serial_of[identity]
        assert found.lane is oracle.lane_of[identity]

"""The cap: alarms with hysteresis, thinning, early deletion, then no more pulling; alone again."""

import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drivers.contract import Delivery
from edge_agent.caretaker import Caretaker
from edge_agent.config.models import SpoolSection
from edge_agent.spool.errors import storage_error
from edge_agent.spool.giants import MAX_RECORD_BYTES
from edge_agent.spool.lanes import Lane
from edge_agent.spool.room import Level, Room, default_cap, level_of
from edge_agent.spool.store import SpoolFullError
from edge_agent.timekeeping import Timekeeper
from protocols.records import Count, DeviceEvent
from tests.edge_agent.spool.deliveries import NOON, answer, append, bulky, punch, sent

MIB = 1024 * 1024


def room(percent, disk=10**9):
    return Room(used_bytes=percent, file_bytes=0, max_bytes=100, disk_bytes=disk, reserve_bytes=100)


def test_each_level_is_left_only_some_points_below_it():
    level, seen = Level.ROOMY, []
    for percent in (69, 70, 68, 67, 86, 84, 83, 82, 95, 93, 92, 50):
        level = level_of(room(percent), level)
        seen.append(int(level))
    assert seen == [0, 70, 70, 0, 85, 85, 85, 70, 95, 95, 85, 0]


def test_a_full_disk_counts_as_full_until_there_is_twice_the_reserve():
    assert level_of(room(1, disk=99), Level.ROOMY) is Level.FULL
    assert level_of(room(1, disk=150), Level.FULL) is Level.FULL
    assert level_of(room(1, disk=200), Level.FULL) is Level.ROOMY


def test_the_cap_without_one_is_half_of_the_disk_within_bounds(path):
    assert 64 * MIB <= default_cap(path) <= 8 * 1024 * MIB


def caretaker(spool, path, clock, max_bytes):
    return Caretaker(
        spool,
        SpoolSection(max_bytes=max_bytes),
        path,
        clock=clock,
        timekeeper=Timekeeper(clock, None, datetime(2026, 1, 1, tzinfo=UTC)),
    )


async def fill(spool, first, last, lane=Lane.PUNCH_BACKLOG):
    for number in range(first, last, 100):
        await append(
            spool, Delivery(serial="SN1", records=bulky(range(number, number + 100))), lane=lane
        )


async def test_unsent_rows_stop_the_pulling_and_nothing_is_deleted(spool, path, clock):
    keeper = caretaker(spool, path, clock, 2 * MIB)
    await keeper.look()
    spool.housekeeping.require_room()
    await fill(spool, 0, 6_500)
    await keeper.look()
    with pytest.raises(SpoolFullError) as full:
        spool.housekeeping.require_room()
    assert full.value.code == "spool_full"
    assert keeper.facts()["full"]
    assert (await spool.backlog("core")).total == 6_500
    # What cannot be asked again (a card reader) is stored all the same.
    assert (await append(spool, Delivery(serial="R", records=(punch(1, "R"),)))).stored == 1
    # The core takes it: acked rows make room, the oldest first, and pulling goes on.
    while batch := await spool.next_batch("core", limit=1_000):
        await spool.settle("core", answer(batch), batch_hash=batch.number.to_bytes(32, "big"))
    await keeper.look()
    spool.housekeeping.require_room()
    facts = keeper.facts()
    assert facts["used_bytes"] <= 0.81 * 2 * MIB
    assert 0 < facts["released_early"] < 6_500
    device = next(one for one in (await spool.stats()).devices if one.serial == "SN1")
    assert device.stored == device.acked == 6_500
    # No more went than had to: the youngest are here.
    assert await spool.find(bytes.fromhex((await ids_of(spool))[-1])) is not None


async def ids_of(spool):
    batch = await spool.next_batch("later", limit=5_000)
    return sent(batch)


def readings(seconds, *, after=0, **more):
    about = {"source": "line", "tag": "good", "metric": "pieces", "boot_id": "b"} | more
    return tuple(
        Count(
            value=second, seq=second, source_time=NOON + timedelta(seconds=after + second), **about
        )
        for second in seconds
    )


async def thin(spool, path, clock):
    keeper = caretaker(spool, path, clock, 1024 * 1024)
    await keeper._make_room()
    return keeper


async def test_readings_between_two_others_go_and_that_is_told(spool, path, clock):
    for record in readings(range(900)):
        await append(spool, Delivery(serial="line", records=(record,)), lane=Lane.COUNT_LIVE)
    await thin(spool, path, clock)
    waiting = [one.record for one in await spool.peek("core", limit=5_000)]
    counts = [record for record in waiting if isinstance(record, Count)]
    assert [count.seq for count in counts] == [0, 299, 300, 499, 500, 599, 600, 899], (
        "each five minutes keep both ends (and each step of work its own)"
    )
    told = [record for record in waiting if isinstance(record, DeviceEvent)]
    assert {event.code for event in told} == {"counts_thinned"}
    assert sum(event.detail["readings"] for event in told) == 900 - 8
    assert told[0].detail["first"] == (NOON + timedelta(seconds=1)).isoformat()
    await spool.next_batch("core", limit=50)
    before = await spool.backlog("core")
    await thin(spool, path, clock)
    assert await spool.backlog("core") == before, "what is in flight stays as it was sent"


@pytest.mark.parametrize(
    "edge",
    [{"badge": "7"}, {"boot_id": "c"}, {"quality": "bad"}, {"tag": "other"}],
)
async def test_no_edge_is_crossed(spool, path, clock, edge):
    rows = (*readings(range(10)), *readings(range(10, 20), **edge), *readings(range(5), after=20))
    await append(spool, Delivery(serial="line", records=rows), lane=Lane.COUNT_LIVE)
    await thin(spool, path, clock)
    waiting = [one.record for one in await spool.peek("core", limit=99)]
    kept = [(c.value, c.badge, c.boot_id, c.tag) for c in waiting if isinstance(c, Count)]
    if edge.get("tag"):
        assert len(kept) == 6, "two counters, one of them set back"
    else:
        assert [value for value, *_ in kept] == [0, 9, 10, 19, 0, 4]


async def test_a_record_that_no_batch_may_carry_is_parked_and_stalls_nobody(spool):
    giant = punch(1, raw=bytes(MAX_RECORD_BYTES))
    wordy = DeviceEvent(
        serial="SN1",
        code="x",
        device_time=datetime(2026, 1, 1),
        detail={"a": "b" * MAX_RECORD_BYTES},
    )
    result = await append(spool, Delivery(serial="SN1", records=(giant, wordy, punch(2))))
    assert (result.stored, result.known, result.quarantined) == (1, 0, 2)
    device = (await spool.stats()).devices[0]
    assert (device.received, device.stored, device.quarantined) == (3, 1, 2)
    assert len((await spool.next_batch("core", limit=9)).observations) == 1


def test_a_file_limit_is_no_room_and_a_failed_sync_is_not(path):
    import sqlite3

    class Failed(sqlite3.OperationalError):
        sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        sqlite_errorname = "SQLITE_IOERR_WRITE"

    path.write_bytes(b"x" * 4_096)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert storage_error(Failed(), path).code == "spool_io_error"
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))
    try:
        assert storage_error(Failed(), path).code == "spool_full"
        Failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        assert storage_error(Failed(), path).code == "spool_io_error"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Path(path).exists()

"""Storing: identity, counters, cursor and quarantine in one transaction."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from drivers.contract import Delivery
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool, SpoolError
from protocols.identity import event_id
from protocols.records import Flag, Quarantined
from tests.edge_agent.spool.deliveries import BOOT, NOON, append, ids, punch, punches, sent


def bad_row(offset, raw=b"\xff" * 40):
    return Quarantined(source="SN1", offset=offset, reason="day 40", raw=raw)


async def test_what_was_appended_is_found_as_it_came(spool):
    record = punch(7)
    flags = (Flag.FUTURE, Flag.GATEWAY_CLOCK_SUSPECT)

    appended = await append(spool, Delivery(serial="SN1", records=(record,)), flags=flags)

    assert (appended.stored, appended.known, appended.quarantined) == (1, 0, 0)
    event = await spool.find(event_id(record))
    assert event.observation.record == record
    assert event.observation.received_at == NOON
    assert event.observation.clock_offset_ms == 250
    assert event.observation.zone == "Asia/Shanghai"
    assert event.observation.flags == flags
    assert (event.serial, event.device_name, event.lane) == ("SN1", "gate", Lane.PUNCH_LIVE)
    assert (event.boot_id, event.monotonic_ms, event.sinks) == (BOOT, 1_000_000, {})


async def test_an_event_that_is_not_there_is_none(spool):
    assert await spool.find(event_id(punch(1))) is None
    assert await spool.cursor("SN1") is None
    assert await spool.last_stored_at() is None


async def test_the_same_event_again_is_known_and_drains_once(spool):
    await append(spool, Delivery(serial="SN1", records=punches(range(3))))
    again = await append(spool, Delivery(serial="SN1", records=punches(range(5))))

    assert (again.stored, again.known) == (2, 3)
    batch = await spool.next_batch("core", limit=100)
    assert sent(batch) == ids(punches(range(5)))
    device = (await spool.stats()).devices[0]
    assert (device.received, device.stored, device.known) == (8, 5, 3)


async def test_twice_in_one_delivery_is_known_the_second_time(spool):
    appended = await append(spool, Delivery(serial="SN1", records=(punch(1), punch(1))))
    assert (appended.stored, appended.known) == (1, 1)


async def test_a_repull_does_not_multiply_quarantine(spool):
    delivery = Delivery(serial="SN1", quarantined=(bad_row(0), bad_row(40)))
    for _ in range(3):
        appended = await append(spool, delivery)
        assert appended.quarantined == 2
    await append(spool, Delivery(serial="SN1", quarantined=(bad_row(40, b"\x00" * 40),)))

    stats = await spool.stats()
    assert stats.quarantined == 3
    device = stats.devices[0]
    assert (device.quarantined, device.quarantined_again, device.received) == (3, 4, 7)


async def test_the_cursor_stays_unless_the_delivery_brings_one(spool):
    await append(spool, Delivery(serial="SN1", cursor=b"after 10"))
    await append(spool, Delivery(serial="SN1", records=(punch(1),)))
    assert await spool.cursor("SN1") == b"after 10"
    await append(spool, Delivery(serial="SN1", cursor=b""))
    assert await spool.cursor("SN1") == b""


async def test_a_delivery_that_fails_leaves_nothing_of_itself_and_harms_no_other(spool):
    broken = punch(2)
    unencodable = Delivery(serial="SN1", records=(punch(1), broken, object()), cursor=b"too far")
    results = await asyncio.gather(
        append(spool, Delivery(serial="SN2", records=(punch(1, "SN2"),), cursor=b"good")),
        append(spool, unencodable),
        append(spool, Delivery(serial="SN3", records=(punch(1, "SN3"),), cursor=b"good")),
        return_exceptions=True,
    )

    assert isinstance(results[1], Exception)
    assert await spool.cursor("SN1") is None
    assert await spool.find(event_id(punch(1))) is None
    assert await spool.cursor("SN2") == await spool.cursor("SN3") == b"good"
    batch = await spool.next_batch("core", limit=10)
    assert sent(batch) == ids((punch(1, "SN2"), punch(1, "SN3")))


async def test_a_naive_receipt_time_is_refused(spool):
    with pytest.raises(TypeError):
        await append(
            spool,
            Delivery(serial="SN1", records=(punch(1),)),
            received_at=NOON.replace(tzinfo=None),
        )
    assert await spool.find(event_id(punch(1))) is None


async def test_a_whole_read_tells_what_the_device_holds_and_what_was_fetched(spool):
    page = Delivery(serial="SN1", records=punches(range(2)), log_rows=2, last=False)
    await append(spool, page)
    assert (await spool.stats()).devices[0].on_device is None

    last = Delivery(
        serial="SN1",
        records=punches(range(2, 4)),
        quarantined=(bad_row(160),),
        log_rows=5,
        on_device=5,
    )
    await append(spool, last)
    device = (await spool.stats()).devices[0]
    assert device.on_device == device.fetched == device.stored + device.quarantined == 5

    await append(spool, Delivery(serial="SN1", records=(punch(9),)))  # live, tells no count
    device = (await spool.stats()).devices[0]
    assert (device.on_device, device.fetched, device.stored) == (5, 5, 5)


async def test_last_stored_at_ignores_receipts_of_an_unsure_clock(spool, clock):
    await append(spool, Delivery(serial="SN1", records=(punch(1),)))
    await append(
        spool,
        Delivery(serial="SN1", records=(punch(2),)),
        received_at=NOON.replace(year=2036),
        flags=(Flag.GATEWAY_CLOCK_SUSPECT,),
    )
    assert await spool.last_stored_at() == NOON


async def test_concurrent_producers_share_commits(spool):
    producers = 100
    await asyncio.gather(
        *(append(spool, Delivery(serial="SN1", records=(punch(n),))) for n in range(producers))
    )
    assert (await spool.stats()).devices[0].stored == producers
    assert spool._writer.commits < producers / 4


async def test_a_cancelled_append_may_still_be_stored_and_hurts_nobody(spool):
    task = asyncio.ensure_future(append(spool, Delivery(serial="SN1", records=(punch(1),))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await append(spool, Delivery(serial="SN1", records=(punch(2),)))).stored == 1
    assert await spool.find(event_id(punch(1))) is not None


async def test_close_stores_what_is_queued_and_refuses_what_comes_later(path, clock):
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    queued = [
        asyncio.ensure_future(append(spool, Delivery(serial="SN1", records=(punch(n),))))
        for n in range(20)
    ]
    await asyncio.sleep(0)
    spool.close()
    spool.close()
    assert sum(done.stored for done in await asyncio.gather(*queued)) == 20
    with pytest.raises(SpoolError) as refused:
        await append(spool, Delivery(serial="SN1", records=(punch(99),)))
    assert refused.value.code == "spool_closed"
    with pytest.raises(SpoolError):
        await spool.stats()

    with sqlite3.connect(path) as connection:
        assert connection.execute(
            "SELECT sum(last_arrival - first_arrival + 1) FROM pages"
        ).fetchone() == (20,)
    connection.close()


async def test_new_rows_between_known_ones_drain_once_in_their_order(spool):
    """A cleared log comes whole again, and with it rows that were never read."""
    await append(spool, Delivery(serial="SN1", records=punches([1, 3, 5])))
    mixed = punches([0, 1, 2, 2, 3, 4, 5, 6])
    appended = await append(spool, Delivery(serial="SN1", records=mixed))
    assert (appended.stored, appended.known) == (4, 4)
    again = await append(spool, Delivery(serial="SN1", records=mixed))
    assert (again.stored, again.known) == (0, 8)

    batch = await spool.next_batch("core", limit=100)
    assert sent(batch) == ids(punches([1, 3, 5, 0, 2, 4, 6]))


async def test_every_length_of_delivery_is_stored_whole(spool):
    """Rows go in a hundred to a statement, and what is left over one by one."""
    numbers = iter(range(10_000))
    wanted = []
    for length in (1, 99, 100, 101, 250):
        delivery = punches([next(numbers) for _ in range(length)])
        wanted += ids(delivery)
        # Its first comes again, in the middle.
        known = (delivery[0],)
        appended = await append(
            spool, Delivery(serial="SN1", records=delivery[:60] + known + delivery[60:])
        )
        assert (appended.stored, appended.known) == (length, 1)
    assert sent(await spool.next_batch("core", limit=1_000)) == wanted


async def test_rows_that_break_a_constraint_undo_their_delivery(spool, path):
    """NOT NULL is not a conflict to be skipped: that would lose the punch without a word."""
    await append(spool, Delivery(serial="SN1"))
    with pytest.raises(sqlite3.IntegrityError):
        await spool.append(
            Delivery(serial="SN1", records=punches(range(120))),
            device_name=None,  # refused behind the pages
            zone="Asia/Shanghai",
            lane=Lane.PUNCH_LIVE,
            received_at=NOON,
            clock_offset_ms=None,
        )
    assert await spool.find(event_id(punch(1))) is None
    appended = await append(spool, Delivery(serial="SN1", records=punches(range(120))))
    assert appended.stored == 120


async def test_a_large_held_back_row_is_not_written_again_at_each_sighting(spool, path):
    """A log of 4 MB that no layout fits is seen at every start of the agent. To the day is enough."""
    held = Delivery(serial="SN1", quarantined=(bad_row(0, bytes(range(256)) * 1_000),))

    async def sighted() -> int:
        assert (await append(spool, held)).quarantined == 1
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
            return reader.execute("SELECT seen FROM quarantine WHERE offset = 0").fetchone()[0]

    assert [await sighted() for _ in range(5)] == [1] * 5
    stats = await spool.stats()
    assert (stats.quarantined, stats.devices[0].quarantined_again) == (1, 4)
    small = Delivery(serial="SN1", quarantined=(bad_row(40),))
    assert [(await append(spool, small)).quarantined for _ in range(2)] == [1, 1]
    later = NOON + timedelta(days=1)
    await append(spool, held, received_at=later)
    assert await sighted() == 2

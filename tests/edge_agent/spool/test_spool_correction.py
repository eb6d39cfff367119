"""Receipt times written before the gateway knew the time."""

from datetime import UTC, datetime, timedelta

import pytest

from drivers.contract import Delivery
from edge_agent.spool.store import Spool
from edge_agent.timekeeping import Timekeeper
from protocols.identity import event_id
from protocols.records import DeviceEvent, Flag
from tests.edge_agent.spool.deliveries import (
    BOOT,
    NOON,
    ManualClock,
    answer,
    append,
    ids,
    punch,
    punches,
    sent,
)

FLOOR = datetime(2026, 1, 1, tzinfo=UTC)
DEAD_BATTERY = datetime(1970, 1, 1, 0, 0, 30, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(now=DEAD_BATTERY, monotonic=30.0)


@pytest.fixture
def keeper(clock):
    return Timekeeper(clock, None, FLOOR)


async def receive(spool, keeper, number, serial="SN1"):
    stamp = keeper.stamp()
    await append(
        spool,
        Delivery(serial=serial, records=(punch(number, serial),)),
        received_at=stamp.received_at,
        flags=stamp.flags,
    )
    return stamp


async def receipt(spool, number, serial="SN1"):
    return (await spool.find(event_id(punch(number, serial)))).observation


async def test_unsent_rows_get_the_true_time_and_lose_the_flag(spool, keeper, clock):
    for number in range(3):
        await receive(spool, keeper, number)
        clock.advance(60)
    clock.step(NOON - clock.wall)
    await receive(spool, keeper, 3)  # before the step is noticed: on the old timeline still
    step = keeper.check()
    await receive(spool, keeper, 4)

    corrected = await spool.correct_received_at(BOOT, step)

    assert (corrected.moved, corrected.announced) == (4, 0)
    for number, minutes in ((0, 3), (1, 2), (2, 1), (3, 0), (4, 0)):
        observation = await receipt(spool, number)
        assert observation.received_at == NOON - timedelta(minutes=minutes)
        assert observation.flags == ()
    assert await spool.last_stored_at() == NOON
    again = await spool.correct_received_at(BOOT, step)
    assert (again.moved, again.announced) == (0, 0)


async def test_sent_rows_stay_and_the_core_is_told_the_step_once(spool, keeper, clock):
    await receive(spool, keeper, 0)
    await receive(spool, keeper, 1, "SN2")
    in_flight = await spool.next_batch("core", limit=10)
    await receive(spool, keeper, 2)
    clock.step(NOON - clock.wall)
    step = keeper.check()

    corrected = await spool.correct_received_at(BOOT, step)
    await spool.correct_received_at(BOOT, step)

    assert (corrected.moved, corrected.announced) == (1, 2)
    assert await spool.next_batch("core", limit=10) == in_flight
    await spool.settle("core", answer(in_flight))
    batch = await spool.next_batch("core", limit=10)
    assert sent(batch)[:1] == ids((punch(2),))
    assert batch.observations[0].received_at == NOON
    assert batch.observations[0].flags == ()
    told = [observation.record for observation in batch.observations[1:]]
    assert [(type(event), event.serial, event.code) for event in told] == [
        (DeviceEvent, serial, "gateway_clock_step") for serial in ("SN1", "SN2")
    ]
    assert told[0].device_time == datetime(2026, 11, 21, 12, 0)
    assert told[0].detail == {
        "boot_id": BOOT,
        "step_ms": (NOON - DEAD_BATTERY) // timedelta(milliseconds=1),
        "rows": 1,
        "received_from": DEAD_BATTERY.isoformat(),
        "received_until": DEAD_BATTERY.isoformat(),
    }
    first = await receipt(spool, 0)
    assert (first.received_at, first.flags) == (DEAD_BATTERY, (Flag.GATEWAY_CLOCK_SUSPECT,))
    ledger = {device.serial: device.stored for device in (await spool.stats()).devices}
    assert ledger == {"SN1": 2, "SN2": 1}  # what the gateway says is no record of the device


async def test_what_another_boot_received_is_not_moved(spool, keeper, clock, path):
    await receive(spool, keeper, 0)
    spool.close()
    later = Spool.open(path, clock=clock, boot_id="boot-2")
    try:
        keeper = Timekeeper(clock, None, FLOOR)
        await receive(later, keeper, 1)
        clock.step(NOON - clock.wall)
        corrected = await later.correct_received_at("boot-2", keeper.check())
        assert corrected.moved == 1
        assert (await receipt(later, 0)).received_at == DEAD_BATTERY
        assert (await receipt(later, 0)).flags == (Flag.GATEWAY_CLOCK_SUSPECT,)
        assert (await receipt(later, 1)).received_at == NOON
    finally:
        later.close()


async def test_a_later_step_does_not_move_an_older_timeline_of_the_same_boot(spool, keeper, clock):
    """Agent restarted, clock set meanwhile, then lost and found again: 1970 stays flagged."""
    await receive(spool, keeper, 0)
    clock.step(NOON - clock.wall)
    restarted = Timekeeper(clock, None, FLOOR)
    clock.step(-timedelta(days=400))
    assert not restarted.check().trusted
    await receive(spool, restarted, 1)
    clock.step(timedelta(days=400))
    corrected = await spool.correct_received_at(BOOT, restarted.check())

    assert corrected.moved == 1
    assert (await receipt(spool, 0)).flags == (Flag.GATEWAY_CLOCK_SUSPECT,)
    assert (await receipt(spool, 1)).received_at == NOON


async def test_order_is_by_arrival_while_the_clock_is_unsure(spool, keeper, clock):
    for number in (5, 3, 9, 1):
        clock.step(timedelta(days=-number))
        await receive(spool, keeper, number)
    batch = await spool.next_batch("core", limit=10)
    assert sent(batch) == ids(punches((5, 3, 9, 1)))

"""Sinks beside the core: where they begin, what they stop holding back, how they end."""

from datetime import timedelta

import pytest

from drivers.contract import Delivery
from edge_agent.spool import sinks
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import NOON, answer, append, punches


async def fill(spool, numbers, **changes):
    await append(spool, Delivery(serial="SN1", records=punches(numbers)), **changes)


async def total(spool, sink):
    return (await spool.backlog(sink)).total


async def test_a_new_sink_begins_before_or_behind_what_is_here(spool):
    await fill(spool, range(5))
    await spool.start_sink("all", "all")
    await spool.start_sink("now", "now")
    assert (await total(spool, "all"), await total(spool, "now")) == (5, 0)
    await fill(spool, range(5, 7))
    assert (await total(spool, "all"), await total(spool, "now")) == (7, 2)
    batch = await spool.next_batch("now", limit=10)
    assert (batch.first_arrival, batch.last_arrival) == (6, 7)
    assert len(batch.observations) == 2


async def test_a_known_sink_keeps_its_position(spool):
    await fill(spool, range(5))
    await spool.start_sink("hr", "all")
    await spool.settle("hr", answer(await spool.next_batch("hr", limit=3)))
    for start in ("now", "all"):
        await spool.start_sink("hr", start)
        assert await total(spool, "hr") == 2


async def test_old_records_are_passed_over_and_counted(spool, clock):
    await spool.start_sink("hr", "all")
    await fill(spool, range(4), received_at=NOON - timedelta(days=40))
    await fill(spool, range(4, 6), received_at=NOON)
    assert await spool.give_up("hr", before=NOON - timedelta(days=30)) == 4
    assert await total(spool, "hr") == 2
    assert await total(spool, "core") == 6
    assert await spool.give_up("hr", before=NOON - timedelta(days=30)) == 0
    batch = await spool.next_batch("hr", limit=10)
    assert len(batch.observations) == 2


async def test_a_batch_in_flight_goes_as_a_whole_or_stays(spool):
    await spool.start_sink("hr", "all")
    await fill(spool, range(3), received_at=NOON - timedelta(days=40))
    await fill(spool, range(3, 5), received_at=NOON)
    mixed = await spool.next_batch("hr", limit=4)
    assert await spool.give_up("hr", before=NOON - timedelta(days=30)) == 0
    assert (await spool.next_batch("hr", limit=4)).observations == mixed.observations
    await spool.settle("hr", answer(mixed))
    last = await spool.next_batch("hr", limit=4)
    assert await spool.give_up("hr", before=NOON + timedelta(days=1)) == 1
    assert await spool.next_batch("hr", limit=4) is None
    await fill(spool, range(5, 6), received_at=NOON)
    assert (await spool.next_batch("hr", limit=4)).number == last.number + 1


async def test_kept_records_that_are_old_are_passed_over(spool):
    await spool.start_sink("hr", "all")
    await fill(spool, range(2), received_at=NOON - timedelta(days=40))
    batch = await spool.next_batch("hr", limit=4)
    await spool.settle("hr", answer(batch, (Verdict.KEEP, Verdict.ACCEPTED)))
    assert await total(spool, "hr") == 1
    assert await spool.give_up("hr", before=NOON) == 1
    assert await total(spool, "hr") == 0


async def test_an_unknown_sink_has_nothing_to_pass_over(spool):
    assert await spool.give_up("nobody", before=NOON) == 0


async def test_forgetting_ends_one_sink_beside_the_open_spool(spool, path):
    await fill(spool, range(4))
    await spool.start_sink("hr", "all")
    await spool.settle("core", answer(await spool.next_batch("core", limit=10)))
    batch = await spool.next_batch("hr", limit=3)
    await spool.settle("hr", answer(batch, (Verdict.REJECTED, Verdict.KEEP, Verdict.ACCEPTED)))
    gone = sinks.forget(path, "hr")
    assert (gone.waiting, gone.dead_letters) == (2, 1)
    assert sinks.forget(path, "hr") is None
    stats = await spool.stats()
    assert set(stats.backlog) == {"core"}
    assert stats.devices[0].acked_by == {"core": 4}
    await spool.start_sink("hr", "all")
    assert await total(spool, "hr") == 4


async def test_device_names(spool):
    await fill(spool, range(1))
    assert list(await spool.device_names()) == ["SN1"]


@pytest.mark.parametrize("sinks_known", [(), ("hr",), ("core", "hr")])
async def test_acked_is_what_the_core_has(spool, sinks_known):
    await fill(spool, range(3))
    for sink in sinks_known:
        limit = 2 if sink == "hr" else 10
        await spool.settle(sink, answer(await spool.next_batch(sink, limit=limit)))
    device = (await spool.stats()).devices[0]
    assert device.acked == {(): 0, ("hr",): 2, ("core", "hr"): 3}[sinks_known]

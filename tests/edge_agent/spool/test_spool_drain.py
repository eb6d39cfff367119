"""Draining: one batch in flight per sink, and what every verdict does."""

from datetime import timedelta

import pytest

from drivers.contract import Delivery
from edge_agent.spool import drain
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool, SpoolError
from protocols.identity import event_id
from protocols.uplink import Answer, RecordVerdict, Verdict
from tests.edge_agent.spool.deliveries import (
    NOON,
    answer,
    append,
    ids,
    punch,
    punches,
    sent,
)

ACCEPTED, DUPLICATE, REJECTED, KEEP = (
    Verdict.ACCEPTED,
    Verdict.DUPLICATE,
    Verdict.REJECTED,
    Verdict.KEEP,
)


async def fill(spool, numbers, lane=Lane.PUNCH_LIVE):
    await append(spool, Delivery(serial="SN1", records=punches(numbers)), lane=lane)


async def test_an_empty_spool_has_no_batch(spool):
    assert await spool.next_batch("core", limit=10) is None
    await fill(spool, range(1))
    batch = await spool.next_batch("core", limit=10)
    await spool.settle("core", answer(batch))
    assert await spool.next_batch("core", limit=10) is None
    assert batch.number == 1


async def test_a_batch_is_the_same_until_it_is_settled_even_after_a_crash(path, clock, spool):
    await fill(spool, range(5))
    first = await spool.next_batch("core", limit=3)
    await fill(spool, range(5, 9))
    assert await spool.next_batch("core", limit=100) == first

    spool.close()
    reopened = Spool.open(path, clock=clock, boot_id="boot-2")
    try:
        assert await reopened.next_batch("core", limit=1) == first
        await reopened.settle("core", answer(first))
        second = await reopened.next_batch("core", limit=100)
    finally:
        reopened.close()
    assert second.number == first.number + 1
    assert sent(first) + sent(second) == ids(punches(range(9)))


async def test_every_verdict_settles_its_record(spool, clock):
    await fill(spool, range(4))
    batch = await spool.next_batch("core", limit=10)

    settled = await spool.settle("core", answer(batch, (ACCEPTED, DUPLICATE, REJECTED, KEEP)))

    assert (settled.accepted, settled.duplicate, settled.rejected, settled.kept) == (1, 1, 1, 1)
    states = [(await spool.find(event_id(punch(n)))).sinks["core"] for n in range(4)]
    assert states == ["settled", "settled", "dead", "kept"]
    (letter,) = await spool.dead_letters("core")
    assert (letter.code, letter.at) == ("unknown_person", NOON)
    assert letter.observation.event_id == ids((punch(2),))[0]
    backlog = await spool.backlog("core")
    assert backlog.total == backlog.rows[Lane.PUNCH_LIVE] == 1
    assert backlog.oldest_received_at == NOON
    device = (await spool.stats()).devices[0]
    assert (device.acked, device.acked_by) == (2, {"core": 2})


async def test_a_kept_record_comes_again_later_and_each_time_later_still(spool, clock):
    await fill(spool, range(1))
    delays = []
    for _ in range(9):
        batch = await spool.next_batch("core", limit=10)
        await spool.settle("core", answer(batch, (KEEP,)))
        waited = 0
        while await spool.next_batch("core", limit=10) is None:
            clock.advance(30)
            waited += 30
        delays.append(waited)
    assert delays == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]

    batch = await spool.next_batch("core", limit=10)
    await spool.settle("core", answer(batch))
    assert (await spool.backlog("core")).total == 0
    assert (await spool.stats()).devices[0].acked == 1


async def test_a_clock_set_back_does_not_hold_kept_records(spool, clock):
    clock.step(timedelta(days=3650))
    await fill(spool, range(1))
    batch = await spool.next_batch("core", limit=10)
    await spool.settle("core", answer(batch, (KEEP,)))
    clock.step(timedelta(days=-3650))
    assert sent(await spool.next_batch("core", limit=10)) == sent(batch)


async def test_kept_records_take_at_most_half_while_new_ones_wait(spool, clock):
    await fill(spool, range(6))
    batch = await spool.next_batch("core", limit=6)
    await spool.settle("core", answer(batch, [KEEP] * 6))
    await fill(spool, range(6, 12))
    clock.advance(3600)

    mixed = await spool.next_batch("core", limit=4)

    assert sent(mixed) == ids(punches((0, 1, 6, 7)))
    await spool.settle("core", answer(mixed))
    rest = await spool.next_batch("core", limit=100)
    assert sent(rest) == ids(punches((2, 3, 4, 5, 8, 9, 10, 11)))


async def test_lanes_share_a_batch_by_weight(spool):
    await fill(spool, range(100), Lane.PUNCH_BACKLOG)
    await fill(spool, range(100, 200), Lane.TELEMETRY)
    await fill(spool, range(200, 202), Lane.PUNCH_LIVE)

    batch = await spool.next_batch("core", limit=20)

    numbers = [int.from_bytes(o.record.raw, "big") for o in batch.observations]
    assert len(numbers) == 20
    assert [n for n in numbers if n >= 200] == [200, 201]
    assert 1 <= sum(100 <= n < 200 for n in numbers) <= 6
    assert numbers == sorted(numbers)  # in order of arrival


async def test_each_sink_has_its_own_position(spool):
    await fill(spool, range(3))
    await spool.settle("core", answer(await spool.next_batch("core", limit=10)))
    assert (await spool.backlog("core")).total == 0
    assert (await spool.backlog("webhook")).total == 3
    await spool.settle(
        "webhook", answer(await spool.next_batch("webhook", limit=2), (ACCEPTED, REJECTED))
    )
    device = (await spool.stats()).devices[0]
    assert device.acked_by == {"core": 3, "webhook": 1}
    assert device.acked == 3  # an export that lags is no doubt in what the core has
    assert await spool.dead_letters("core") == ()


@pytest.mark.parametrize("change", ["number", "missing", "doubled", "foreign"])
async def test_an_answer_to_something_else_changes_nothing(spool, change):
    await fill(spool, range(3))
    batch = await spool.next_batch("core", limit=10)
    good = answer(batch)
    foreign = RecordVerdict(event_id="00" * 16, verdict=ACCEPTED)
    bad = {
        "number": Answer(number=batch.number + 1, verdicts=good.verdicts),
        "missing": Answer(number=batch.number, verdicts=good.verdicts[:2]),
        "doubled": Answer(number=batch.number, verdicts=(*good.verdicts, good.verdicts[0])),
        "foreign": Answer(number=batch.number, verdicts=(*good.verdicts[:2], foreign)),
    }[change]
    with pytest.raises(SpoolError) as refused:
        await spool.settle("core", bad)
    assert refused.value.code == (
        "spool_wrong_batch" if change == "number" else "spool_wrong_answer"
    )
    assert await spool.next_batch("core", limit=10) == batch
    assert (await spool.stats()).devices[0].acked == 0


async def test_the_same_answer_twice_is_refused_the_second_time(spool):
    await fill(spool, range(3))
    batch = await spool.next_batch("core", limit=10)
    await spool.settle("core", answer(batch))
    with pytest.raises(SpoolError):
        await spool.settle("core", answer(batch))
    assert (await spool.stats()).devices[0].acked == 3


async def test_long_records_make_smaller_batches(spool, monkeypatch):
    monkeypatch.setattr(drain, "_AIMED_BATCH_BYTES", 10_000)
    long = tuple(punch(n, raw=bytes([n]) * 1_500) for n in range(10))
    await append(spool, Delivery(serial="SN1", records=long))
    received = []
    while batch := await spool.next_batch("core", limit=100):
        assert 1 <= len(batch.observations) <= 4
        received += sent(batch)
        await spool.settle("core", answer(batch))
    assert received == ids(long)


async def test_a_batch_holds_at_least_one_record(spool):
    with pytest.raises(ValueError, match="at most 0"):
        await spool.next_batch("core", limit=0)


async def test_peek_shows_what_comes_next_and_moves_nothing(spool, clock):
    await fill(spool, range(5))
    assert [o.event_id for o in await spool.peek("core", limit=3)] == ids(punches(range(3)))
    batch = await spool.next_batch("core", limit=2)
    await spool.settle("core", answer(batch, (KEEP, ACCEPTED)))
    peeked = [o.event_id for o in await spool.peek("core")]
    assert peeked == ids(punches((0, 2, 3, 4)))

"""Going back and going on in the chain, and what the gateway says about it."""

import pytest

from drivers.contract import Delivery
from edge_agent.core_outbox import CoreOutbox
from edge_agent.spool.store import SpoolError
from protocols.batch_chain import NO_BATCH, ChainHead
from protocols.records import DeviceEvent
from sync.errors import ChainForkError
from tests.edge_agent.spool.deliveries import NOON, answer, append, ids, punches, sent


def hash_of(number):
    return number.to_bytes(32, "big")


async def deliver(spool, limit=2):
    """Everything, in batches that the sink accepts."""
    numbers = []
    while batch := await spool.next_batch("core", limit=limit):
        await spool.settle("core", answer(batch), batch_hash=hash_of(batch.number))
        numbers.append(batch.number)
    return numbers


@pytest.fixture
async def delivered(spool):
    await append(spool, Delivery(serial="SN1", records=punches(range(6))))
    assert await deliver(spool) == [1, 2, 3]
    return spool


@pytest.fixture
def outbox(spool, clock):
    return CoreOutbox(spool, gateway="gw-1", zone="Asia/Shanghai", clock=clock)


async def test_going_back_is_told_in_the_same_commit(delivered, outbox):
    head = ChainHead(number=1, batch_hash=hash_of(1))
    rewound = await outbox.rewind("core", head)
    assert (rewound.batches, rewound.rows) == (2, 4)
    batch = await delivered.next_batch("core", limit=10)
    assert (batch.number, batch.previous) == (2, hash_of(1))
    *again, event = batch.observations
    assert [one.event_id for one in again] == ids(punches(range(2, 6)))
    assert event.record == DeviceEvent(
        serial="gw-1",
        code="core_restored",
        device_time=NOON.replace(hour=12, tzinfo=None),
        detail={"last_batch": 1, "batches": 2, "rows": 4},
    )
    assert event.zone == "Asia/Shanghai"


async def test_a_foreign_head_changes_and_tells_nothing(delivered, outbox):
    for number, batch_hash in ((2, hash_of(9)), (4, hash_of(4))):
        with pytest.raises(ChainForkError) as caught:
            await outbox.rewind("core", ChainHead(number=number, batch_hash=batch_hash))
        assert caught.value.code == "chain_fork"
        assert "SD card" in caught.value.remedy
    assert await delivered.next_batch("core", limit=10) is None
    assert await delivered.chain_head("core") == ChainHead(number=3, batch_hash=hash_of(3))


async def test_another_failure_of_the_spool_is_no_fork(spool, outbox):
    spool.close()
    with pytest.raises(SpoolError):
        await outbox.rewind("core", NO_BATCH)


async def test_a_new_spool_goes_on_behind_the_lost_one(spool, outbox):
    await append(spool, Delivery(serial="SN1", records=punches(range(2))))
    head = ChainHead(number=7, batch_hash=hash_of(7))
    assert await outbox.join("core", head)
    assert await spool.chain_head("core") == head
    batch = await spool.next_batch("core", limit=10)
    assert (batch.number, batch.previous) == (8, hash_of(7))
    assert sent(batch)[:2] == ids(punches(range(2)))
    assert batch.observations[-1].record.code == "spool_restarted"
    assert batch.observations[-1].record.detail == {"last_batch": 7}


async def test_a_spool_that_has_made_a_batch_joins_nothing(delivered, outbox):
    assert not await outbox.join("core", ChainHead(number=7, batch_hash=hash_of(7)))
    assert await delivered.next_batch("core", limit=10) is None


async def test_a_batch_in_flight_that_was_never_answered_joins_nothing(spool, outbox):
    await append(spool, Delivery(serial="SN1", records=punches(range(2))))
    batch = await spool.next_batch("core", limit=10)
    assert not await outbox.join("core", ChainHead(number=7, batch_hash=hash_of(7)))
    assert await spool.next_batch("core", limit=10) == batch

"""Gateway, broker and core together, with the broker profile that we ship."""

import asyncio

import pytest

from hr_core.audit.verification import verify_chains
from hr_core.store.events import count_events, distinct_device_users
from protocols.batch_chain import NO_BATCH
from sync.errors import CoreRefusedError, CoreUnreachableError
from sync.identity import GatewayIdentity
from tests.hr_core.api.running_core import StoppedClock
from tests.hr_core.ingest.batch_samples import observe, punch
from tests.hr_core.signed_batches import CORE_KEY, enrol, key_of
from tests.sync.mosquitto import OTHER, mosquitto
from tests.sync.uplink_doubles import ListOutbox, uplink_over


@pytest.fixture(autouse=True)
def _enrolled(engine):
    enrol(engine)


@pytest.fixture
async def broker(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    async with mosquitto(folder) as running:
        yield running


def outbox_of(size):
    return ListOutbox(observe(punch(n)) for n in range(size))


def stored(engine):
    with engine.connect() as conn:
        assert len(distinct_device_users(conn)) == count_events(conn)["punch"]  # no doubles
        (chain,) = verify_chains(conn) or [None]
        assert chain is None or chain.faults == ()
        return count_events(conn)["punch"]


async def test_a_backlog_drains(engine, broker):
    outbox = outbox_of(250)
    async with broker.core(engine, StoppedClock()), broker.transport() as transport:
        assert await transport.chain_head(NO_BATCH) == NO_BATCH
        uplink = uplink_over(outbox, transport, batch_records=100)
        assert await uplink.drain_once() == 250
        assert (await transport.chain_head(NO_BATCH)).number == 3
    assert stored(engine) == uplink.state.accepted == 250


async def test_no_core_at_the_broker_is_told_at_once(engine, broker):
    async with broker.transport(timeout_s=20) as transport:
        with pytest.raises(CoreUnreachableError, match="no core listens") as caught:
            async with asyncio.timeout(5):
                await transport.chain_head(NO_BATCH)
    assert caught.value.code == "no_core"


async def test_an_unenrolled_gateway_is_refused_with_the_cores_own_code(engine, broker):
    stranger = GatewayIdentity(gateway=OTHER, key=key_of(OTHER), core_public=CORE_KEY.public)
    async with broker.core(engine, StoppedClock()), broker.transport(stranger) as transport:
        with pytest.raises(CoreRefusedError) as caught:
            await transport.chain_head(NO_BATCH)
    assert caught.value.code == "unknown_gateway"

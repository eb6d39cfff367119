"""Gateway and core together on real sockets: exactly one stored copy, whatever happens between."""

from urllib.parse import urlsplit

import pytest

from hr_core.store.events import count_events, distinct_device_users
from protocols.batch_chain import NO_BATCH
from protocols.core_signature import decode_head
from sync.errors import CoreRefusedError, CoreUnreachableError
from sync.identity import GatewayIdentity
from sync.sealing import Sealer
from tests.hr_core.api.running_core import core_app, serving
from tests.hr_core.ingest.batch_samples import GATEWAY, observe, punch
from tests.hr_core.signed_batches import CORE_KEY, enrol, key_of
from tests.sync.test_uplink import run_until_empty
from tests.sync.uplink_doubles import (
    InstantClock,
    ListOutbox,
    answering,
    http_to,
    reply,
    swallowing_proxy,
    uplink_over,
)


@pytest.fixture(autouse=True)
def _enrolled(engine):
    enrol(engine)


def outbox_of(size):
    return ListOutbox(observe(punch(n)) for n in range(size))


def stored(engine):
    with engine.connect() as conn:
        assert len(distinct_device_users(conn)) == count_events(conn)["punch"]  # no doubles
        return count_events(conn)["punch"]


async def test_a_backlog_drains(engine):
    outbox = outbox_of(250)
    async with serving(core_app(engine)) as url, http_to(url) as transport:
        uplink = uplink_over(outbox, transport, batch_records=100)
        assert await uplink.drain_once() == 250
    assert stored(engine) == uplink.state.accepted == 250


async def test_a_swallowed_answer_costs_a_retry_and_no_double(engine):
    outbox = outbox_of(20)
    async with (
        serving(core_app(engine)) as core,
        swallowing_proxy(urlsplit(core).port, swallow=3) as (url, requests),
        http_to(url) as transport,
    ):
        uplink = uplink_over(outbox, transport, batch_records=10)
        await run_until_empty(uplink, outbox)
    assert stored(engine) == 20
    assert requests[0] == requests[1] == requests[2] == requests[3]
    assert len(requests) == 5
    assert (uplink.state.duplicate, uplink.state.accepted) == (10, 10)


async def test_a_core_that_is_down_and_comes_back(engine):
    outbox = outbox_of(5)
    async with answering(b"") as (url, _):
        port = urlsplit(url).port
    async with http_to(f"http://127.0.0.1:{port}") as transport:
        uplink = uplink_over(outbox, transport)
        with pytest.raises(CoreUnreachableError):
            await uplink.drain_once()
    async with serving(core_app(engine)) as url, http_to(url) as transport:
        assert await uplink_over(outbox, transport).drain_once() == 5
    assert stored(engine) == 5


async def test_a_wrong_key_delivers_nothing_until_it_is_right(engine):
    outbox = outbox_of(5)
    wrong = GatewayIdentity(gateway=GATEWAY, key=key_of("x"), core_public=CORE_KEY.public)
    async with serving(core_app(engine)) as url:
        async with http_to(url, wrong) as transport:
            uplink = uplink_over(outbox, transport)
            with pytest.raises(CoreRefusedError):
                await uplink.drain_once()
        assert uplink.state.last_error.code == "bad_signature"
        assert stored(engine) == 0
        async with http_to(url) as transport:
            assert await uplink_over(outbox, transport).drain_once() == 5
    assert stored(engine) == 5


async def test_another_core_is_not_believed_though_it_takes_everything(engine):
    outbox = outbox_of(5)
    pinned = GatewayIdentity(gateway=GATEWAY, key=key_of(), core_public=key_of("y").public)
    async with serving(core_app(engine)) as url, http_to(url, pinned) as transport:
        uplink = uplink_over(outbox, transport)
        with pytest.raises(CoreRefusedError):
            await uplink.drain_once()
        assert uplink.state.last_error.code == "wrong_core"
        sealed = Sealer(pinned, site="plant").seal(await outbox.next_batch("core", limit=9))
        with pytest.raises(CoreRefusedError) as caught:
            await transport.send(sealed)
        assert caught.value.code == "wrong_core"
    assert outbox.settled == []


async def test_rubbish_then_patience_then_the_core(engine):
    """A captive portal, a failing proxy and a busy core stand in the way, one after the other."""
    outbox, clock = outbox_of(3), InstantClock()
    async with (
        serving(core_app(engine)) as core,
        swallowing_proxy(urlsplit(core).port, swallow=0) as (proxy, _),
        answering(
            reply("200 OK", b"<html>Wi-Fi</html>"),
            reply("500 Oops"),
            reply("503 Busy", Retry_After=40),
        ) as (bad, bodies),
    ):
        async with http_to(bad) as transport:
            uplink = uplink_over(outbox, transport, clock)
            for _ in range(3):
                with pytest.raises(Exception, match="core http") as caught:
                    await uplink.drain_once()
                await clock.sleep(uplink._wait_after(caught.value))
        assert outbox.settled == []
        assert clock.slept == [0.5, 1, 40]
        for body in bodies:  # no batch is sent before the chains agree
            assert decode_head(body) == NO_BATCH
        async with http_to(proxy) as transport:
            await uplink_over(outbox, transport).drain_once()
    assert stored(engine) == 3


async def test_one_bad_record_does_not_hold_up_the_others(engine):
    outbox = ListOutbox(
        [observe(punch(1)), observe(punch(2), zone="Nowhere/At_all"), observe(punch(3))]
    )
    async with serving(core_app(engine)) as url, http_to(url) as transport:
        uplink = uplink_over(outbox, transport)
        await uplink.drain_once()
    assert [judged.verdict for judged in outbox.settled] == ["accepted", "rejected", "accepted"]
    assert [judged.code for judged in outbox.settled] == [None, "unknown_zone", None]
    assert (uplink.state.accepted, uplink.state.rejected) == (2, 1)
    assert stored(engine) == 2

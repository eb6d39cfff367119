"""The host against an edge node on a socket: counts, badges, gaps, rebirths, STATE, bad payloads."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from drivers.contract import DriverContext
from drivers.errors import LinkDownError
from drivers.sparkplug_host import SparkplugHostConfig, SparkplugHostDriver
from protocols.records import Count, DeviceEvent, Flag
from protocols.sparkplug import (
    DataType,
    NewMetric,
    decode_payload,
    decode_state,
    encode_payload,
)
from simulators.line_boxes import SparkplugNode
from simulators.mqtt_broker import SimulatedBroker

DATA = "spBv1.0/Factory/DDATA/Box/Station"


class RunningClock:
    def now(self):
        return datetime(2026, 11, 22, 6, 30, tzinfo=UTC)

    def monotonic(self):
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


@pytest.fixture
async def broker():
    async with SimulatedBroker() as found:
        yield found


@pytest.fixture
def node(broker):
    return SparkplugNode(broker, now=RunningClock().now)


class Host:
    """Collects what the driver delivers, and acknowledges it unless told not to."""

    def __init__(self, broker, **more):
        config = {
            "name": "boxes", "kind": "sparkplug-host", "host": broker.host, "port": broker.port,
            "groups": ["Factory"], "timeout_s": 2, "reorder_s": 0.2, "rebirth_every_s": 5,
        }  # fmt: skip
        context = DriverContext(clock=RunningClock(), zone="Asia/Shanghai")
        self.driver = SparkplugHostDriver(
            SparkplugHostConfig.model_validate(config | more), context
        )
        self.records, self.quarantined = [], []
        self.deliveries = self.driver.live()

    async def following(self, *, ack=True):
        async with asyncio.timeout(5):
            delivery = await anext(self.deliveries)
        self.records += delivery.records
        self.quarantined += delivery.quarantined
        if ack:
            await self.driver.acknowledge(delivery)
        return delivery

    async def until(self, met):
        while not met():
            await self.following()

    @property
    def counts(self):
        return [r for r in self.records if isinstance(r, Count)]

    def events(self, code):
        return [r for r in self.records if isinstance(r, DeviceEvent) and r.code == code]


@contextlib.asynccontextmanager
async def listening(broker, **more):
    host = Host(broker, **more)
    await host.driver.identity()
    try:
        yield host
    finally:
        await host.deliveries.aclose()
        await host.driver.aclose()


async def test_births_data_and_badges(broker, node):
    async with listening(broker) as host:
        node.badge = "E1"
        node.be_born()
        node.make(5, rejects=2)
        node.change_badge("E2")
        await host.until(lambda: len(host.counts) == 5)
    assert [(c.tag, c.metric, c.value, c.badge) for c in host.counts] == [
        ("Counters/Pieces", "pieces", 0, "E1"),
        ("Counters/Rejects", "rejects", 0, "E1"),
        ("Counters/Pieces", "pieces", 5, "E1"),
        ("Counters/Rejects", "rejects", 2, "E1"),
        ("Counters/Pieces", "pieces", 5, "E2"),
    ]
    assert {c.source for c in host.counts} == {"Factory/Box/Station"}
    assert [e.detail["badge"] for e in host.events("badge_changed")] == ["E1", "E2"]
    assert [e.detail["bd_seq"] for e in host.events("sparkplug_nbirth")] == [0]
    seqs = [c.seq for c in host.counts]
    assert seqs == sorted(set(seqs))
    assert max(seqs) < 2**53


async def test_a_node_that_is_in_the_middle_is_asked_for_its_births_once(broker, node):
    async with listening(broker) as host:
        node.be_born()
        await host.until(lambda: host.counts)
    async with listening(broker) as host:
        node.make()
        node.make()
        await host.until(lambda: host.events("sparkplug_dbirth"))
        node.make()
        await host.until(lambda: host.counts[-1].value == 3)
    assert node.births == 2
    assert [c.value for c in host.counts if c.metric == "pieces"] == [1, 2, 2, 3], "nothing is lost"


async def test_a_lost_message_is_a_fact_and_a_rebirth(broker, node):
    async with listening(broker) as host:
        node.be_born()
        await host.until(lambda: host.counts)
        node.lose_message()
        node.make()
        await host.until(lambda: host.events("count_gap"))
        await host.until(lambda: node.births == 2 and len(host.events("sparkplug_dbirth")) == 2)
    (gap,) = host.events("count_gap")
    assert (gap.serial, gap.detail["messages"]) == ("Factory/Box", 1)
    assert "messages_lost" in {alarm.code for alarm in host.driver.vitals().alarms}


async def test_what_the_box_had_kept_goes_to_its_own_time(broker, node):
    def metric(value, ago_s, **more):
        at = RunningClock().now() - timedelta(seconds=ago_s)
        return NewMetric(
            name="Counters/Pieces", datatype=DataType.UINT32, value=value,
            timestamp=int(at.timestamp() * 1000), **more,
        )  # fmt: skip

    async with listening(broker) as host:
        node.pieces = 20
        node.be_born()
        await host.until(lambda: host.counts)
        kept = (metric(7, 600, is_historical=True), metric(9, 300, is_historical=True))
        payload = encode_payload((*kept, metric(21, 0)), timestamp=metric(0, 0).timestamp, seq=2)
        broker.publish(DATA, payload)
        await host.until(lambda: len(host.counts) == 5)
    pieces = [c for c in host.counts if c.metric == "pieces"]
    assert [c.value for c in sorted(pieces, key=lambda c: c.seq)] == [7, 9, 20, 21]


async def test_state_is_online_only_after_something_was_stored(broker, node):
    said = []
    broker.heard = lambda message: said.append((message.topic, decode_state(message.payload)))
    async with listening(broker, host_id="hall") as host:
        delivery = await host.following(ack=False)
        await asyncio.sleep(0.1)
        assert said == [], "nobody knows yet whether the spool can be written"
        await host.driver.acknowledge(delivery)
        await asyncio.sleep(0.1)
        assert [(topic, state.online) for topic, state in said] == [("spBv1.0/STATE/hall", True)]
    await asyncio.sleep(0.1)
    assert [state.online for _, state in said] == [True, False]
    assert len({state.timestamp for _, state in said}) == 1


async def test_a_will_of_an_older_connection_is_answered(broker):
    said = []
    async with listening(broker, host_id="hall", state_version="2") as host:
        broker.heard = lambda message: said.append(message.payload)
        await host.following()
        broker.publish("STATE/hall", b"OFFLINE", qos=1)
        task = asyncio.create_task(host.following())
        async with asyncio.timeout(5):
            while said != [b"ONLINE", b"ONLINE"]:
                await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_bad_payloads_and_values_are_quarantined_and_the_next_one_counts(broker, node):
    def sent(*metrics):
        return encode_payload(metrics, timestamp=1_795_300_000_000, seq=2)

    def pieces(value, kind=DataType.INT32):
        return NewMetric(name="Counters/Pieces", datatype=kind, value=value)

    async with listening(broker) as host:
        node.be_born()
        await host.until(lambda: host.counts)
        broker.publish(DATA, b"\x12\x7f\x01")
        broker.publish(DATA, b"x" * 10_000_000)
        broker.publish("spBv1.0/Factory/NOTHING/Box", sent(pieces(1)))
        broker.publish(DATA, sent(pieces(-5), pieces(1.5, DataType.DOUBLE)))
        broker.publish(DATA, sent(NewMetric(name=None, alias=77, datatype=DataType.INT32, value=3)))
        broker.publish(DATA, sent(pieces(12.0, DataType.DOUBLE), pieces(None)))
        await host.until(lambda: host.counts[-1].value == 12)
    reasons = [row.reason for row in host.quarantined]
    assert len(reasons) == 6
    assert "10000000 bytes" in reasons[1]
    assert len(host.quarantined[1].raw) == 4096
    assert "-5" in reasons[3]
    assert "alias" in reasons[5]
    assert "refused" in {alarm.code for alarm in host.driver.vitals().alarms}


async def test_clocks_of_boxes(broker, node):
    times = {1: 5_000, 2: 4_102_444_800_000, 3: 2**63}
    async with listening(broker) as host:
        node.be_born()
        await host.until(lambda: host.counts)
        for value, at in times.items():
            metric = NewMetric(
                name="Counters/Pieces", datatype=DataType.UINT32, value=value, timestamp=at
            )
            broker.publish(DATA, encode_payload((metric,), timestamp=at, seq=1 + value))
        await host.until(lambda: len(host.counts) == 5)
    assert [c.flags for c in host.counts[2:]] == [
        (Flag.CLOCK_SUSPECT,), (Flag.FUTURE,), (Flag.CLOCK_SUSPECT,),
    ]  # fmt: skip


async def test_a_death_and_a_new_life(broker, node):
    async with listening(broker) as host:
        node.be_born()
        node.die()
        node.pieces = 0
        node.be_born()
        await host.until(lambda: len(host.events("sparkplug_dbirth")) == 2)
    assert [e.detail["bd_seq"] for e in host.events("sparkplug_ndeath")] == [0]
    assert [e.detail["bd_seq"] for e in host.events("sparkplug_nbirth")] == [0, 1]


async def test_what_was_not_stored_is_delivered_again(broker, node):
    host = Host(broker)
    await host.driver.identity()
    node.be_born()
    await host.following()
    lost = await host.following(ack=False)
    await host.deliveries.aclose()
    again = host.driver.live()
    assert await anext(again) is lost
    await again.aclose()
    await host.driver.aclose()


async def test_nothing_mapped_is_an_alarm(broker, node):
    metrics = [{"name": "Good/*", "meaning": "pieces"}]
    async with listening(broker, metrics=metrics) as host:
        node.be_born()
        await host.until(lambda: host.events("sparkplug_dbirth"))
    assert host.counts == []
    assert "nothing_mapped" in {alarm.code for alarm in host.driver.vitals().alarms}


async def test_a_broker_that_goes_is_told(broker, node):
    async with listening(broker) as host:
        await host.following()
        task = asyncio.create_task(host.following())
        await asyncio.sleep(0.05)
        await broker.stop()
        with pytest.raises(LinkDownError):
            await task


async def test_it_publishes_rebirths_and_its_state_and_nothing_else(broker, node):
    said = []
    broker.heard = lambda message: said.append((message.topic, message.payload))
    async with listening(broker, host_id="hall") as host:
        node.make()
        await host.until(lambda: host.counts)
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)
    topics = [topic for topic, _ in said]
    assert sorted(set(topics)) == ["spBv1.0/Factory/NCMD/Box", "spBv1.0/STATE/hall"]
    (request,) = [payload for topic, payload in said if "NCMD" in topic]
    (metric,) = decode_payload(request).metrics
    assert (metric.name, metric.value) == ("Node Control/Rebirth", True)

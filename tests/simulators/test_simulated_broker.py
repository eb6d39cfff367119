"""The simulated broker is one to paho as well: both versions, sessions, retained, wills, refusals."""

import asyncio

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulators.mqtt_broker import SimulatedBroker, topic_fits


@pytest.fixture
async def broker():
    async with SimulatedBroker() as found:
        yield found


class Listener:
    def __init__(self, broker, name="listener", *, version=paho.MQTTv311, clean=True, will=None):
        five = version == paho.MQTTv5
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=version,
            clean_session=None if five else clean, manual_ack=not clean,
        )  # fmt: skip
        self.heard, self.port = [], broker.port
        self.client.on_message = lambda _c, _d, m: self.heard.append((m.topic, m.payload, m.retain))
        if will:
            self.client.will_set(*will)

    async def __aenter__(self):
        await asyncio.to_thread(self.client.connect, "127.0.0.1", self.port)
        self.client.loop_start()
        return self

    async def __aexit__(self, *_):
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)

    async def subscribed(self, topic):
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.client.on_subscribe = lambda *_: loop.call_soon_threadsafe(done.set)
        self.client.subscribe(topic, qos=1)
        await asyncio.wait_for(done.wait(), 5)

    async def until(self, count):
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5])
async def test_messages_retained_ones_and_wills(broker, version):
    broker.publish("a/state", b"kept", qos=1, retain=True)
    async with Listener(broker, version=version) as listener:
        await listener.subscribed("a/#")
        await listener.until(1)
        other = Listener(broker, "other", version=version, will=("a/gone", b"dead", 1))
        async with other:
            other.client.publish("a/b", b"1", qos=1)
            await listener.until(2)
            other.client.loop_stop()
            other.client.socket().close()  # without a goodbye
            await listener.until(3)
    assert listener.heard == [
        ("a/state", b"kept", True), ("a/b", b"1", False), ("a/gone", b"dead", False),
    ]  # fmt: skip


async def test_a_session_keeps_what_was_not_acknowledged(broker):
    async with Listener(broker, "box", clean=False) as first:
        await first.subscribed("a/b")
        broker.publish("a/b", b"1", qos=1)
        await first.until(1)
    broker.publish("a/b", b"2", qos=1)
    broker.publish("a/b", b"lost", qos=0)
    async with Listener(broker, "box", clean=False) as again:
        await again.until(2)
    assert [payload for _, payload, _ in again.heard] == [b"1", b"2"]


async def test_what_is_no_mqtt_is_hung_up_on(broker):
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\x30\x00", b"\x00\x00"):
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        writer.write(said)
        if said.startswith(b"GET"):
            writer.write_eof()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_wildcards():
    assert topic_fits("a/+/c", "a/b/c")
    assert topic_fits("a/#", "a/b/c")
    assert topic_fits("#", "a")
    assert not topic_fits("a/+", "a/b/c")
    assert not topic_fits("a/b", "a")

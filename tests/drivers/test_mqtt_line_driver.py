"""The driver against a real Mosquitto: what is stored, acknowledged, refused, and sent again."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from drivers.contract import DriverContext
from drivers.errors import BlockedError, LinkDownError
from drivers.links.mqtt_client import BufferedClient
from drivers.mqtt_line import MqttLineConfig, MqttLineDriver
from protocols.identity import event_id
from protocols.records import Count, DeviceEvent, Flag
from tests.drivers.line_broker import in_thread, line_broker


class WallClock:
    def now(self):
        return datetime(2026, 11, 22, 6, 30, tzinfo=UTC)

    def monotonic(self):
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


@pytest.fixture
def broker(tmp_path):
    with line_broker(tmp_path / "broker") as found:
        yield found


def driver_at(broker, **more):
    config = MqttLineConfig.model_validate(
        {
            "name": "hall",
            "kind": "mqtt-line",
            "host": "127.0.0.1",
            "port": broker.port,
            "timeout_s": 3,
        }
        | more
    )
    return MqttLineDriver(config, DriverContext(clock=WallClock(), zone="Asia/Shanghai"))


@contextlib.asynccontextmanager
async def listening(driver):
    """Its deliveries, one at a time; nothing is acknowledged by itself."""
    deliveries = driver.live()
    await driver.identity()

    async def following():
        async with asyncio.timeout(5):
            return await anext(deliveries)

    try:
        yield following
    finally:
        await deliveries.aclose()
        await driver.aclose()


async def collected(following, driver, wanted, *, ack=True):
    records = []
    while len(records) < wanted:
        delivery = await following()
        records += delivery.records
        if ack:
            await driver.acknowledge(delivery)
    return records


async def test_a_count_becomes_its_readings(broker):
    driver = driver_at(broker)
    async with listening(driver) as following:
        with broker.box() as box:
            more = {"rejects": 3, "rej": {"scratch": 2, "dent": 1}, "badge": "E1001"}
            await in_thread(box.count, 7, 120, **more)
        records = await collected(following, driver, 4)
    assert [(r.metric, r.value, r.reject_code) for r in records] == [
        ("pieces", 120, None), ("rejects", 3, None),
        ("rejects", 2, "scratch"), ("rejects", 1, "dent"),
    ]  # fmt: skip
    first = records[0]
    assert (first.source, first.tag, first.boot_id, first.seq) == (
        "plant/line1/press", "press", "1", 7,
    )  # fmt: skip
    assert first.source_time == datetime(2026, 11, 21, 22, 26, 47, tzinfo=UTC)
    assert first.badge == "E1001"
    assert json.loads(first.raw)["pieces"] == 120


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(broker, version):
    driver = driver_at(broker, mqtt_version=version)
    async with listening(driver) as following:
        with broker.box() as box:
            for seq in range(4):
                await in_thread(box.count, seq)
            await collected(following, driver, 4)
            for seq in range(4, 10):
                await in_thread(box.count, seq)
            rest = await collected(following, driver, 6, ack=False)
    again = driver_at(broker, mqtt_version=version)
    async with listening(again) as following:
        redelivered = await collected(following, again, len(rest))
    assert [event_id(r) for r in redelivered] == [event_id(r) for r in rest]
    await asyncio.sleep(
        0.3
    )  # the broker reads an acknowledgement a time, and saves its queue for each
    last = driver_at(broker, mqtt_version=version)
    async with listening(last) as following:
        with broker.box() as box:
            await in_thread(box.count, 99)
        assert [r.seq for r in await collected(following, last, 1)] == [99]


async def test_what_is_published_while_the_gateway_is_away_waits_at_the_broker(broker):
    driver = driver_at(broker)
    await driver.identity()
    await driver.aclose()
    with broker.box() as box:
        for seq in range(1200):  # more than Mosquitto keeps by default
            await in_thread(
                box.client.publish,
                "gw/v1/p/l/s/count",
                json.dumps({"boot": 1, "seq": seq, "pieces": seq}),
                1,
            )
        await in_thread(box.count, 1200)
    async with listening(driver) as following:
        records = await collected(following, driver, 1201)
    assert [r.seq for r in records] == list(range(1201))


BAD = {
    "10 MB": b"x" * 10_000_000,
    "nested": b'{"pieces":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "no object": b"[1, 2]",
    "no JSON": b"\xff\xfe\x00",
    "text": b'{"pieces": "12"}',
    "boolean": b'{"pieces": true}',
    "half a piece": b'{"pieces": 1.5}',
    "negative": b'{"pieces": -1}',
    "too large": b'{"pieces": 9223372036854775808}',
    "no count": b'{"seq": 3}',
    "another version": b'{"v": 2, "pieces": 1}',
    "badge is a list": b'{"pieces": 1, "badge": [1]}',
    "time is a list": b'{"pieces": 1, "ts": [1]}',
    "codes are a number": b'{"rej": 5}',
    "empty": b"",
}


async def test_bad_messages_are_quarantined_and_the_next_one_counts(broker):
    driver = driver_at(broker)
    quarantined, records = [], []
    async with listening(driver) as following:
        with broker.box() as box:
            for payload in BAD.values():
                await in_thread(box.say, "gw/v1/plant/line1/press/count", payload)
            await in_thread(box.count, 1)
        while not records:
            delivery = await following()
            quarantined += delivery.quarantined
            records += delivery.records
            await driver.acknowledge(delivery)
    assert [row.raw for row in quarantined] == [payload[:4096] for payload in BAD.values()]
    assert all("gw/v1/plant/line1/press/count" in row.source for row in quarantined)
    assert "10000000 bytes" in quarantined[0].reason
    assert [r.value for r in records] == [1]
    assert {alarm.code for alarm in driver.vitals().alarms} == {"refused"}


async def test_clocks_that_are_wrong_are_flagged_and_cost_nothing(broker):
    driver = driver_at(broker)
    times = {1: 100_000, 2: "2049-01-01T00:00:00Z", 3: 1e300, 4: None}
    async with listening(driver) as following:
        with broker.box() as box:
            for seq, ts in times.items():
                await in_thread(box.count, seq, ts=ts)
        records = await collected(following, driver, 4)
    now = WallClock().now()
    assert [(r.source_time, r.flags) for r in records] == [
        (datetime(1970, 1, 2, 3, 46, 40, tzinfo=UTC), (Flag.CLOCK_SUSPECT,)),
        (datetime(2049, 1, 1, tzinfo=UTC), (Flag.FUTURE,)),
        (now, ()),
        (now, ()),
    ]


async def test_a_gap_is_a_fact_and_one_that_closes_is_none(broker, monkeypatch):
    monkeypatch.setattr("protocols.line_json.gaps.PATIENCE_S", 0.3)
    driver = driver_at(broker)
    async with listening(driver) as following:
        with broker.box() as box:
            for seq in (1, 2, 5, 4, 9):
                await in_thread(box.count, seq)
        records = await collected(following, driver, 7)
    events = [r for r in records if isinstance(r, DeviceEvent)]
    assert len([r for r in records if isinstance(r, Count)]) == 5
    assert [(e.serial, e.code, e.detail["from_seq"], e.detail["to_seq"]) for e in events] == [
        ("plant/line1/press", "count_gap", 3, 3),
        ("plant/line1/press", "count_gap", 6, 8),
    ]


async def test_a_retained_count_is_the_same_reading_at_every_connection(broker):
    with broker.box() as box:
        topic = "gw/v1/plant/line1/press/count"
        await in_thread(
            box.say, topic, {"boot": 1, "seq": 5, "ts": 1795300000000, "pieces": 9}, retain=True
        )
    found = []
    for number in (1, 2):
        driver = driver_at(broker, client_id=f"gateway-{number}")
        async with listening(driver) as following:
            found += await collected(following, driver, 1)
    assert event_id(found[0]) == event_id(found[1])


async def test_a_box_that_leaves_says_so(broker):
    driver = driver_at(broker)
    async with listening(driver) as following:
        with broker.box() as box:
            await in_thread(box.say, "gw/v1/plant/line1/press/status", {"online": False, "boot": 3})
        (event,) = await collected(following, driver, 1)
    assert (event.serial, event.code, event.detail) == (
        "plant/line1/press", "station_offline", {"boot": "3"},
    )  # fmt: skip


async def test_a_second_client_of_the_same_name_is_named(broker):
    codes = []
    for _ in range(3):
        driver = driver_at(broker, client_id="shared")
        async with listening(driver) as following:
            heard = asyncio.create_task(following())
            await asyncio.sleep(0)
            other = paho.Client(CallbackAPIVersion.VERSION2, "shared", protocol=paho.MQTTv5)
            await in_thread(other.connect, "127.0.0.1", broker.port)
            with pytest.raises(LinkDownError) as caught:
                await heard
            codes.append(caught.value.code)
            other.disconnect()
            other.loop_write()
    assert codes == ["link_lost", "link_lost", "session_taken_over"]
    assert "shared" in caught.value.what


async def test_a_broker_of_3_1_1_is_spoken_to_in_its_own_way(tmp_path):
    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        await _hang_up_on_5(reader, writer, broker.port)

    with line_broker(tmp_path, extra="max_qos 1\n") as broker:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        driver = driver_at(broker, port=port)
        identity = await driver.identity()
        assert identity.facts["mqtt"] == "3.1.1"
        await driver.aclose()
        server.close()
        async with asyncio.timeout(5):
            await asyncio.gather(*served)
        with pytest.raises(LinkDownError):
            await driver_at(broker, port=port).identity()


async def _hang_up_on_5(reader, writer, port):
    """Looks at the version in CONNECT, as an old broker does."""
    data = await reader.read(100)
    if data[8] == 5:
        writer.close()
        await writer.wait_closed()
        return
    there, back = await asyncio.open_connection("127.0.0.1", port)
    back.write(data)

    async def pump(source, sink):
        while chunk := await source.read(4096):
            sink.write(chunk)
        sink.close()

    try:
        await asyncio.gather(pump(reader, back), pump(there, writer))
    finally:
        for end in (back, writer):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()


async def test_refusals_have_their_codes(tmp_path):
    passwords = tmp_path / "passwords"
    passwords.touch()
    extra = f"password_file {passwords}\n"
    with line_broker(tmp_path, allow_anonymous="false", extra=extra) as broker:
        with pytest.raises(BlockedError) as caught:
            await driver_at(broker).identity()
        assert caught.value.code == "broker_refused"
        broker.kill()
        with pytest.raises(LinkDownError) as caught:
            await driver_at(broker).identity()
        assert caught.value.code == "link_refused"
    with pytest.raises(BlockedError) as caught:
        await driver_at(broker, user="x", password_file=str(tmp_path / "none")).identity()
    assert caught.value.code == "broker_password"


@pytest.mark.slow
async def test_a_broker_that_is_killed_is_told_and_what_it_had_accepted_is_kept(broker):
    driver = driver_at(broker)
    async with listening(driver) as following:
        with broker.box() as box:
            await in_thread(box.count, 1)
        await collected(following, driver, 1, ack=False)
        broker.kill()
        with pytest.raises(LinkDownError):
            await following()
    broker.start()
    again = driver_at(broker)
    await again.identity()
    await again.aclose()
    with broker.box() as box:
        for seq in range(20):
            await in_thread(box.count, seq)
    await in_thread(broker.saved)
    broker.kill()
    broker.start()
    async with listening(again) as following:
        records = await collected(following, again, 20)
    assert {r.seq for r in records} == set(range(20))


UMH = {"shapes": ["umh-classic"]}


async def test_increments_are_added_up_and_survive_a_crash_between_store_and_acknowledge(broker):
    driver = driver_at(broker, **UMH)
    topic = "ia/acme/hall/filler/count"

    def say(box, number, amount):
        box.say(topic, {"timestamp_ms": 1795300000000 + number, "count": amount})

    async with listening(driver) as following:
        with broker.box() as box:
            await in_thread(say, box, 1, 16)
            first = await following()
            await driver.acknowledge(first)
            await in_thread(say, box, 2, 17)
            stored = await following()  # committed, and the agent dies before it can say so
    assert [r.value for r in first.records] == [0, 16]
    assert [r.value for r in stored.records] == [33]
    again = driver_at(broker, **UMH)
    again.resume(stored.cursor)
    async with listening(again) as following:
        with broker.box() as box:
            await in_thread(say, box, 3, 1)
        records = await collected(following, again, 1)
    assert [(r.value, r.seq) for r in records] == [(34, 3)], "17 was added once"
    assert records[0].boot_id == first.records[0].boot_id


async def test_increments_that_were_not_stored_are_added_again(broker):
    driver = driver_at(broker, **UMH)
    async with listening(driver) as following:
        with broker.box() as box:
            await in_thread(box.say, "ia/a/b/c/count", {"timestamp_ms": 1795300000000, "count": 5})
        assert [r.value for r in (await following()).records] == [0, 5]
    async with listening(driver) as following:
        assert [r.value for r in (await following()).records] == [0, 5]


async def test_a_cursor_that_is_not_ours_is_quarantined(broker):
    driver = driver_at(broker, **UMH)
    driver.resume(b"nonsense")
    async with listening(driver) as following:
        with broker.box() as box:
            await in_thread(box.say, "ia/a/b/c/count", {"timestamp_ms": 1795300000000, "count": 5})
        delivery = await following()
    assert [row.raw for row in delivery.quarantined] == [b"nonsense"]


async def test_topics_of_another_form_by_configuration(broker):
    driver = driver_at(
        broker,
        shapes=[],
        topics=[
            {
                "filter": "plant/{line}/{machine}/+/data",
                "source": "{line}/{machine}",
                "tag": "good",
                "fields": {"pieces": "d.0.v", "time": "d.0.t", "seq": "n", "badge": "who"},
            }
        ],
    )
    async with listening(driver) as following:
        with broker.box() as box:
            data = {"d": [{"v": 12.0, "t": "2026-11-22T08:00:00+08:00"}], "n": 4, "who": 77}
            await in_thread(box.say, "plant/L1/M2/x/data", data)
        (count,) = await collected(following, driver, 1)
    assert (count.source, count.tag, count.value, count.seq, count.badge) == (
        "L1/M2",
        "good",
        12,
        4,
        "77",
    )
    assert count.source_time == datetime(2026, 11, 22, tzinfo=UTC)


async def test_bytes_cut_anywhere_give_the_same_counts(broker):
    """Between broker and driver every byte comes alone."""

    async def trickle(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", broker.port)

        async def pump(source, sink, size):
            while chunk := await source.read(4096):
                for at in range(0, len(chunk), size):
                    sink.write(chunk[at : at + size])
                    await sink.drain()
                    await asyncio.sleep(0)
            sink.close()
            with contextlib.suppress(OSError):
                await sink.wait_closed()

        with contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, back, 4096), pump(there, writer, 1))

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    driver = driver_at(broker, port=server.sockets[0].getsockname()[1])
    async with listening(driver) as following:
        with broker.box() as box:
            for seq in range(5):
                await in_thread(box.count, seq, badge="张三")
        records = await collected(following, driver, 5)
    server.close()
    await asyncio.sleep(0.1)  # its handler closes what was opened
    assert [(r.seq, r.badge) for r in records] == [(seq, "张三") for seq in range(5)]


async def test_it_publishes_nothing(broker):
    said = []
    listener = paho.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _client, _data, message: said.append(message.topic)
    listener.connect("127.0.0.1", broker.port)
    listener.subscribe("#")
    listener.loop_start()
    driver = driver_at(broker)
    async with listening(driver) as following:
        with broker.box() as box:
            await in_thread(box.count, 1)
        await collected(following, driver, 1)
    await asyncio.sleep(0.1)
    listener.disconnect()
    listener.loop_stop()
    assert said == ["gw/v1/plant/line1/press/count"]


async def _serving(answer):
    async def serve(reader, writer):
        await reader.read(100)
        writer.write(answer)
        await _until_closed(reader, writer)

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def _until_closed(reader, writer):
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_a_broker_that_says_nothing_costs_its_time_and_no_more(broker):
    server = await _serving(b"")
    port = server.sockets[0].getsockname()[1]
    began = asyncio.get_running_loop().time()
    with pytest.raises(LinkDownError) as caught:
        await driver_at(broker, port=port, timeout_s=0.3).identity()
    assert asyncio.get_running_loop().time() - began < 1.5
    assert caught.value.code == "link_timeout"
    server.close()
    await asyncio.sleep(0.1)  # its handler closes what was opened


async def test_what_answers_is_no_broker(broker):
    server = await _serving(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(LinkDownError) as caught:
        await driver_at(broker, port=port, timeout_s=0.5).identity()
    assert caught.value.remedy
    server.close()
    await asyncio.sleep(0.1)  # its handler closes what was opened


async def test_a_flood_waits_at_the_broker_and_not_in_memory(tmp_path):
    with line_broker(tmp_path, persistence="false") as broker:
        driver = driver_at(broker)
        async with listening(driver) as following:
            first = None
            with broker.box() as box:
                for seq in range(6_000):
                    box.client.publish("gw/v1/p/l/s/count", b'{"pieces": %d}' % seq, qos=1)
                    if seq == 100:
                        first = await following()
                await in_thread(box.count, 6_000)
            await asyncio.sleep(0.5)
            assert driver._link.waiting <= 2 * 2_000
            await driver.acknowledge(first)
            records = [
                *first.records,
                *await collected(following, driver, 6_001 - len(first.records)),
            ]
    assert len({r.value for r in records}) == 6_001


def test_paho_still_has_the_methods_that_are_overridden():
    for name in ("_sock_recv", "_sock_send"):
        assert name in vars(paho.Client), "paho changed: BufferedClient is only slower now"
        assert name in vars(BufferedClient)

"""The OPC UA driver against an asyncua server in this process, over a real socket."""

import asyncio
import contextlib
import io
import sys
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary

from drivers.contract import DriverContext
from drivers.errors import BlockedError, DeviceMisbehavedError, LinkDownError
from drivers.opcua_counter import OpcuaCounterConfig, OpcuaCounterDriver
from drivers.opcua_counter import driver as driver_module
from edge_agent.system_clock import SystemClock
from protocols.records import Count, DeviceEvent
from simulators.opcua_counter import OpcuaCounterServer
from tests.free_ports import free_port

UNCERTAIN, BAD_DEVICE_FAILURE = 0x40000000, 0x808B0000
OVERFLOW = 0x0480


# A server takes seconds to start: one for all tests, each with its values set anew.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server():
    async with OpcuaCounterServer(port=free_port()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def server(shared_server):
    for name, value in {"pieces": 41, "rejects": 0, "badge": ""}.items():
        await shared_server.show(name, value)
    return shared_server


class Line:
    def __init__(self, driver):
        self.driver = driver
        self._deliveries = driver.live()

    async def next(self, *, commit=True):
        async with asyncio.timeout(20):  # a loaded machine is slow, not wrong
            delivery = await anext(self._deliveries)
        if commit:
            await self.driver.acknowledge(delivery)
        return list(delivery.records)

    async def stop(self):
        with contextlib.suppress(LinkDownError):
            await self._deliveries.aclose()
        await self.driver.aclose()


def driver_at(server, *counters, **changes):
    table = {
        "name": "line 1",
        "kind": "opcua-counter",
        "url": server.url,
        "timeout_s": 2.0,
        "publishing_s": 0.05,
        "sampling_s": 0,
        "counters": counters or [{"tag": "L1", "pieces": server.node("pieces")}],
    }
    config = OpcuaCounterConfig.model_validate(table | changes)
    return OpcuaCounterDriver(config, DriverContext(clock=SystemClock(), zone="Asia/Shanghai"))


@pytest_asyncio.fixture(loop_scope="module")
async def line(server):
    lines = []

    def open_(*counters, driver=None, **changes):
        lines.append(Line(driver or driver_at(server, *counters, **changes)))
        return lines[-1]

    yield open_
    for one in lines:
        await one.stop()


async def test_present_value_then_each_change(server, line):
    one = line()
    (first,) = await one.next()
    assert (first.source, first.tag, first.metric, first.value) == ("line 1", "L1", "pieces", 41)
    at = datetime.now(UTC) - timedelta(seconds=30)
    await server.show("pieces", 42, at=at)
    (count,) = await one.next()
    assert (count.value, count.quality, count.boot_id) == (42, "good", first.boot_id)
    assert abs(count.source_time - at) < timedelta(milliseconds=1)
    assert count.seq > first.seq
    decoded = struct_from_binary(ua.DataValue, io.BytesIO(count.raw))
    assert decoded.Value.Value == 42
    assert decoded.ServerTimestamp is not None


async def test_what_is_not_good_keeps_its_value_and_says_so(server, line):
    one = line()
    await one.next()
    await server.show("pieces", 43, status=UNCERTAIN)
    (count,) = await one.next()
    assert (count.value, count.quality) == (43, "uncertain")
    await server.show("pieces", 44, status=BAD_DEVICE_FAILURE)
    (record,) = await one.next()
    assert isinstance(record, Count | DeviceEvent)
    if isinstance(record, Count):
        assert (record.value, record.quality) == (44, "bad")
    else:  # a server may withhold the value of a bad status
        assert (record.code, record.detail["status"]) == ("value_not_counted", "BadDeviceFailure")


async def test_the_overflow_bit_is_an_event_and_the_value_counts(server, line):
    one = line()
    await one.next()
    await server.show("pieces", 50, status=OVERFLOW)
    event, count = await one.next()
    assert (event.code, event.detail["tag"]) == ("queue_overflow", "L1")
    assert (count.value, count.quality) == (50, "good")


async def test_a_badge_that_changes_hands_splits_the_count_exactly(server, line):
    counter = {
        "tag": "L1",
        "pieces": server.node("pieces"),
        "rejects": server.node("rejects"),
        "badge": server.node("badge"),
    }
    await server.show("badge", "E1")
    one = line(counter)
    seen = await one.next() + await one.next()
    assert {(c.metric, c.value, c.badge) for c in seen} == {
        ("pieces", 41, "E1"),
        ("rejects", 0, "E1"),
    }
    await server.show("pieces", 45)
    assert [(c.value, c.badge) for c in await one.next()] == [(45, "E1")]
    await server.show("badge", "E2")
    records = await one.next()
    assert [(c.metric, c.value, c.badge) for c in records] == [
        ("pieces", 45, "E1"),
        ("rejects", 0, "E1"),
        ("pieces", 45, "E2"),
        ("rejects", 0, "E2"),
    ]
    assert [c.seq - records[0].seq for c in records] == [0, 0, 1, 1]
    await server.show("pieces", 46)
    assert [(c.value, c.badge) for c in await one.next()] == [(46, "E2")]
    await server.show("badge", "")
    assert [c.badge for c in await one.next()] == ["E2", "E2", None, None]


@pytest.mark.slow
async def test_a_restart_of_the_server_is_a_new_boot(server, line):
    one = line()
    (before,) = await one.next()
    await server.stop()
    with pytest.raises(LinkDownError):
        await one.next()
    with pytest.raises(LinkDownError) as caught:
        await one.driver.identity()
    assert caught.value.code == "link_refused"
    await server.start()
    (after,) = await line(driver=one.driver).next()
    assert after.boot_id > before.boot_id
    assert (after.value, after.seq > before.seq) == (41, True)


async def test_what_was_not_stored_comes_again_and_the_present_value_only_once(line):
    one = line()
    lost = await one.next(commit=False)
    await one._deliveries.aclose()
    again = line(driver=one.driver)
    assert await again.next() == lost


async def test_one_unknown_node_stops_no_other(server, line):
    one = line(
        {"tag": "gone", "pieces": "ns=2;s=Nothing"},
        {"tag": "L1", "pieces": server.node("pieces")},
    )
    (event,) = await one.next()
    assert (event.code, event.detail["tag"], event.detail["status"]) == (
        "counter_unreadable",
        "gone",
        "BadNodeIdUnknown",
    )
    assert [count.value for count in await one.next()] == [41]
    with pytest.raises(DeviceMisbehavedError) as caught:
        await line({"tag": "gone", "pieces": "ns=2;s=Nothing"}).next()
    assert caught.value.code == "nodes_unknown"


async def test_a_value_that_is_no_number_is_an_event(server, line):
    one = line({"tag": "L1", "pieces": server.node("badge")})
    (event,) = await one.next()
    assert (event.code, event.detail["metric"]) == ("value_not_counted", "pieces")


async def test_who_it_is_and_a_server_that_is_not_there(server):
    driver = driver_at(server)
    try:
        identity = await driver.identity()
        assert identity.serial == "line 1"
        assert identity.facts["started"]
        assert (await driver.count()).records is None
        assert [d async for d in driver.fetch(None)] == []
    finally:
        await driver.aclose()
        await driver.aclose()


async def test_another_protocol_at_the_address():
    async def talk(reader, writer):
        with contextlib.suppress(OSError):
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    web = await asyncio.start_server(talk, "127.0.0.1", 0)
    host, port = web.sockets[0].getsockname()
    driver = OpcuaCounterDriver(
        OpcuaCounterConfig(
            name="x", kind="opcua-counter", url=f"opc.tcp://{host}:{port}", timeout_s=1,
            counters=({"tag": "a", "pieces": "i=1"},),
        ),
        DriverContext(clock=SystemClock(), zone="UTC"),
    )  # fmt: skip
    try:
        with pytest.raises((DeviceMisbehavedError, LinkDownError)) as caught:
            await driver.identity()
        assert caught.value.remedy
    finally:
        await driver.aclose()
        web.close()
        await web.wait_closed()


async def test_without_the_extra_it_says_how_to_get_it(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncua", None)
    driver = driver_at(server)
    with pytest.raises(BlockedError) as caught:
        await driver.identity()
    assert caught.value.code == "extra_missing"
    assert "pip install 'clockline[opcua]'" in caught.value.remedy


async def test_a_server_that_says_nothing_costs_a_bounded_time():
    async def listen(reader, writer):
        await reader.read()
        writer.close()
        await writer.wait_closed()

    mute = await asyncio.start_server(listen, "127.0.0.1", 0)
    host, port = mute.sockets[0].getsockname()
    table = {"name": "x", "kind": "opcua-counter", "url": f"opc.tcp://{host}:{port}",
             "timeout_s": 0.3, "counters": [{"tag": "a", "pieces": "i=1"}]}  # fmt: skip
    driver = OpcuaCounterDriver(
        OpcuaCounterConfig.model_validate(table), DriverContext(clock=SystemClock(), zone="UTC")
    )
    try:
        with pytest.raises(LinkDownError) as caught:
            async with asyncio.timeout(10):
                await driver.identity()
        assert caught.value.code == "link_timeout"
    finally:
        await driver.aclose()
        mute.close()
        await mute.wait_closed()


async def test_more_samples_than_anybody_takes_end_the_session_and_not_the_memory(
    server, line, monkeypatch
):
    monkeypatch.setattr(driver_module, "_QUEUE_SAMPLES", 3)
    one = line(queue_size=100)
    assert [count.value for count in await one.next()] == [41]
    for pieces in range(42, 60):
        await server.show("pieces", pieces)
    await asyncio.sleep(0.5)
    told = []

    async def drain():
        while True:
            told.extend(count.value for count in await one.next())

    with pytest.raises(LinkDownError):
        await drain()
    assert len(told) <= 3
    assert one.driver.samples_dropped > 0
    again = line(driver=one.driver)
    assert [count.value for count in await again.next()] == [59]  # cumulative: no piece is lost


async def test_whoever_never_acknowledges_is_stopped(server, line, monkeypatch):
    monkeypatch.setattr(driver_module, "_MAX_UNSTORED", 2)
    one = line()

    async def take():
        for pieces in range(60, 65):
            await one.next(commit=False)
            await server.show("pieces", pieces)

    with pytest.raises(BlockedError) as caught:
        await take()
    assert caught.value.code == "readings_not_stored"

"""Modbus RTU on a real (pseudo) serial port: one line, several units, several devices, noise."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from drivers.contract import DriverContext
from drivers.errors import BlockedError, LinkDownError
from drivers.modbus_counter import (
    ModbusCounterConfig,
    ModbusCounterDriver,
    ModbusRtuConfig,
    ModbusRtuDriver,
)
from protocols.modbus.pdu import encode_pdu
from protocols.modbus.rtu import RtuFramer, Side, encode_rtu
from protocols.records import Count, DeviceEvent
from simulators.modbus_rtu import ModbusRtuLine
from simulators.modbus_units import CounterUnit, ServedUnits

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SILENCE_S = 0.25


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.elapsed = 0.0

    def now(self):
        return NOON + timedelta(seconds=self.elapsed)

    def monotonic(self):
        return self.elapsed

    async def sleep(self, seconds):
        self.elapsed += seconds


@pytest.fixture
async def line(tmp_path):
    units = {17: CounterUnit(pieces=70_000, rejects=3), 18: CounterUnit(pieces=5)}
    async with ModbusRtuLine(units, link=tmp_path / "by-id") as line:
        yield line


@pytest.fixture
async def driver_of(line):
    """Builds drivers on the line, and closes them."""
    built = []

    def build(*counters, clock=None, **changes):
        settings = {
            "name": "press shop",
            "kind": "modbus-rtu",
            "port": line.port,
            "timeout_s": 5.0,  # a loaded machine is slow, not wrong
            "counters": counters or [{"unit": 17, "tag": "press", "pieces": 0, "rejects": 2}],
        }
        config = ModbusRtuConfig.model_validate(settings | changes)
        context = DriverContext(clock=clock or HandClock(), zone="Asia/Shanghai")
        built.append(ModbusRtuDriver(config, context))
        return built[-1]

    yield build
    for driver in built:
        await driver.aclose()
        await driver.aclose()


async def read(driver, cursor=None):
    (delivery,) = [delivery async for delivery in driver.fetch(cursor)]
    return delivery


def shown(delivery):
    return [
        (record.tag, record.metric, record.value)
        for record in delivery.records
        if isinstance(record, Count)
    ]


PRESS = [("press", "pieces", 70_000), ("press", "rejects", 3)]


async def test_a_counter_on_a_serial_line(line, driver_of):
    delivery = await read(driver_of())
    assert shown(delivery) == PRESS
    assert delivery.records[0].raw == bytes.fromhex("0308000111700000" + "0003")
    assert line.asked == {3: 1}


async def test_two_units_and_a_third_that_is_not_there(line, driver_of):
    driver = driver_of(
        {"unit": 9, "tag": "gone", "pieces": 0},
        {"unit": 17, "tag": "a", "pieces": 0},
        {"unit": 18, "tag": "b", "pieces": 0},
        timeout_s=SILENCE_S,
    )
    delivery = await read(driver)
    assert shown(delivery) == [("a", "pieces", 70_000), ("b", "pieces", 5)]
    (event,) = (record for record in delivery.records if isinstance(record, DeviceEvent))
    assert (event.detail["tag"], event.detail["error"]) == ("gone", "unit_silent")
    asked = line.asked[3]
    await read(driver, delivery.cursor)
    assert line.asked[3] == asked + 2  # the dead unit is in back-off, the others are not


async def test_devices_that_share_a_line_take_turns(line, driver_of):
    """Were two questions on the line at once, their bytes would mix in the simulator's framer."""
    line.faults.slice_bytes, line.faults.pause_s = 2, 0.002
    one = driver_of()
    two = driver_of({"unit": 18, "tag": "b", "pieces": 0}, name="second")
    rounds = await asyncio.gather(*(read(driver) for driver in (one, two) * 4))
    assert [shown(delivery)[0][2] for delivery in rounds] == [70_000, 5] * 4
    await one.aclose()
    line.units[18].pieces = 6
    assert shown(await read(two)) == [("b", "pieces", 6)]  # the line stays open for the other


async def test_one_line_has_one_speed(driver_of):
    one = driver_of()
    await one.identity()
    two = driver_of({"unit": 18, "tag": "b", "pieces": 0}, parity="even")
    with pytest.raises(BlockedError) as caught:
        await two.identity()
    assert caught.value.code == "line_settings_differ"
    assert "parity even" in caught.value.what


@pytest.mark.parametrize("size", [1, 3])
async def test_an_answer_in_pieces(line, driver_of, size):
    line.faults.slice_bytes, line.faults.pause_s = size, 0.001
    assert shown(await read(driver_of())) == PRESS


async def test_noise_before_an_answer_costs_nothing(line, driver_of):
    line.faults.noise = 1
    assert shown(await read(driver_of())) == PRESS


async def test_an_adapter_that_hears_itself(line, driver_of):
    line.faults.echo = True
    assert shown(await read(driver_of())) == PRESS


async def test_a_false_start_does_not_hold_the_frame_behind_it(line, driver_of):
    """The noise looks like the head of an answer of 250 bytes."""
    driver = driver_of(timeout_s=2.0)
    await driver.identity()
    reading = asyncio.create_task(read(driver))
    while line.asked[3] < 2:
        await asyncio.sleep(0)
    await line.send(bytes.fromhex("1103fa"))
    assert shown(await reading) == PRESS


@pytest.mark.parametrize("fault", ["wrong_checksums", "wrong_units"])
async def test_what_is_not_the_answer_is_never_taken(line, driver_of, fault):
    driver = driver_of(timeout_s=SILENCE_S)
    setattr(line.faults, fault, 1)
    with pytest.raises(LinkDownError) as caught:
        await read(driver)
    assert caught.value.code == "unit_silent"
    assert shown(await read(driver)) == PRESS


async def test_a_late_answer_is_not_taken_for_the_next_one(line, driver_of):
    """Same unit, same size, another register: only time can tell them apart."""
    line.units[17].extra = {100: 0, 101: 42}
    one = driver_of({"unit": 17, "tag": "a", "pieces": 0}, timeout_s=SILENCE_S)
    two = driver_of({"unit": 17, "tag": "b", "pieces": 100}, timeout_s=SILENCE_S, name="two")
    line.faults.late_answers, line.faults.late_s = 1, SILENCE_S * 1.2
    with pytest.raises(LinkDownError):
        await read(one)
    assert shown(await read(two)) == [("b", "pieces", 42)]


async def test_a_second_master_is_named(line, driver_of):
    driver = driver_of(timeout_s=SILENCE_S, baud=300)  # silence of 128 ms

    async def babble():
        while True:
            with contextlib.suppress(BlockingIOError):  # nobody has opened the port yet
                await line.send(b"\x55")
            await asyncio.sleep(0)

    master = asyncio.create_task(babble())
    try:
        with pytest.raises(LinkDownError) as caught:
            await driver.identity()
    finally:
        master.cancel()
    assert caught.value.code == "line_never_silent"
    assert "master" in caught.value.remedy


async def test_an_adapter_that_is_pulled_out_and_back(line, driver_of):
    driver = driver_of(timeout_s=SILENCE_S)
    await read(driver)
    await line.unplug()
    with pytest.raises(LinkDownError):
        await read(driver)
    with pytest.raises(LinkDownError) as caught:
        await read(driver)
    assert caught.value.code == "port_missing"
    await line.plug()
    line.units[17].pieces += 1
    assert shown(await read(driver))[0] == ("press", "pieces", 70_001)


async def test_it_never_writes(line, driver_of):
    driver = driver_of()
    await driver.identity()
    await read(driver)
    assert set(line.asked) == {3}


@pytest.mark.parametrize("unit", [0, 248])
def test_units_of_a_serial_line(unit):
    for model, way in (
        (ModbusRtuConfig, {"kind": "modbus-rtu", "port": "/dev/ttyS1"}),
        (ModbusCounterConfig, {"kind": "modbus-counter", "host": "h", "framing": "rtu"}),
    ):
        with pytest.raises(ValidationError, match="1 to 247"):
            model.model_validate(
                {"name": "x", "counters": [{"unit": unit, "tag": "a", "pieces": 0}]} | way
            )


async def test_a_converter_that_passes_the_line_through():
    """RTU frames over TCP, in pieces as converters send them."""
    served = ServedUnits({17: CounterUnit(pieces=70_000, rejects=3)})
    ended = asyncio.Event()

    async def pump(reader, writer):
        framer = RtuFramer(Side.REQUESTS)
        while data := await reader.read(256):
            for frame in framer.feed(data):
                wire = encode_rtu(frame.unit, encode_pdu(served.respond(frame.unit, frame.pdu)))
                for start in range(0, len(wire), 4):
                    writer.write(wire[start : start + 4])
                    await asyncio.sleep(0.001)
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(pump, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    config = ModbusCounterConfig.model_validate(
        {
            "name": "behind a converter",
            "kind": "modbus-counter",
            "host": host,
            "port": port,
            "framing": "rtu",
            "timeout_s": 5.0,
            "counters": [{"unit": 17, "tag": "press", "pieces": 0, "rejects": 2}],
        }
    )
    driver = ModbusCounterDriver(config, DriverContext(clock=HandClock(), zone="UTC"))
    try:
        assert shown(await read(driver)) == PRESS
    finally:
        await driver.aclose()
        await ended.wait()
        server.close()
        await server.wait_closed()

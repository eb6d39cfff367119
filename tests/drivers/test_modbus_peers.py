"""The Modbus drivers against servers that we did not write: pymodbus (TCP, and RTU over socat's pair
of ports) and npm's modbus-serial.
"""

import asyncio
import subprocess
from contextlib import asynccontextmanager

import pytest
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.contract import DriverContext
from drivers.errors import DeviceMisbehavedError
from drivers.modbus_counter import (
    ModbusCounterConfig,
    ModbusCounterDriver,
    ModbusRtuConfig,
    ModbusRtuDriver,
)
from edge_agent.system_clock import SystemClock
from protocols.records import Count, DeviceEvent
from tests.drivers.test_serial_peers import port_pair
from tests.free_ports import free_port

U32 = 4_294_967_290
# u32 with the high word first, u32 with the low word first, u16, boot, u64 with the high word first.
WORDS = [0xFFFF, 0xFFFA, 0xFFFA, 0xFFFF, 65_530, 3, 0, 1, 0, 5]
COUNTERS = [
    {"unit": 17, "tag": "big", "pieces": 0, "boot": 5},
    {"unit": 17, "tag": "little", "pieces": 2, "word_order": "little"},
    {"unit": 17, "tag": "narrow", "pieces": 4, "width": 16},
    {"unit": 17, "tag": "long", "pieces": 6, "width": 64},
    {"unit": 18, "tag": "other", "pieces": 0},
]
READ = {"big": U32, "little": U32, "narrow": 65_530, "long": 2**32 + 5, "other": 9}


def units():
    return [
        SimDevice(id=17, simdata=[SimData(0, values=WORDS, datatype=DataType.REGISTERS)]),
        SimDevice(id=18, simdata=[SimData(0, values=[0, 9], datatype=DataType.REGISTERS)]),
    ]


@asynccontextmanager
async def serving(server):
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


@asynccontextmanager
async def tcp_driver(port, *counters, **keys):
    table = {"name": "x", "kind": "modbus-counter", "host": "127.0.0.1", "port": port,
             "timeout_s": 5, "counters": counters}  # fmt: skip
    config = ModbusCounterConfig.model_validate(table | keys)
    driver = ModbusCounterDriver(config, DriverContext(clock=SystemClock(), zone="UTC"))
    try:
        yield driver
    finally:
        await driver.aclose()


async def read(driver, cursor=None):
    (delivery,) = [delivery async for delivery in driver.fetch(cursor)]
    return delivery


def values(delivery):
    return {record.tag: record.value for record in delivery.records if isinstance(record, Count)}


@pytest.mark.parametrize("function", [3, 4])
async def test_pymodbus_over_tcp(function) -> None:
    port = free_port()
    async with (
        serving(ModbusTcpServer(units(), address=("127.0.0.1", port))),
        tcp_driver(port, *COUNTERS, function=function) as driver,
    ):
        delivery = await read(driver)
        assert values(delivery) == READ
        assert {record.boot_id for record in delivery.records} == {"3", "0"}


async def test_pymodbus_has_no_such_register_and_no_such_unit() -> None:
    port = free_port()
    wrong = [
        {"unit": 17, "tag": "far", "pieces": 500},
        {"unit": 99, "tag": "nobody", "pieces": 0},
    ]
    async with (
        serving(ModbusTcpServer(units(), address=("127.0.0.1", port))),
        tcp_driver(port, COUNTERS[0], *wrong) as driver,
    ):
        delivery = await read(driver)
        assert values(delivery) == {"big": U32}
        errors = {
            record.detail["tag"]: record.detail["error"]
            for record in delivery.records
            if isinstance(record, DeviceEvent)
        }
        assert errors["far"] == "modbus_exception_2"
        assert errors["nobody"].startswith("modbus_exception_")  # a real bus would be silent


async def test_pymodbus_on_a_serial_line(tmp_path) -> None:
    with port_pair(tmp_path) as (ours, theirs):
        async with serving(
            ModbusSerialServer(units(), port=str(theirs), baudrate=19_200, parity="N")
        ):
            table = {"name": "x", "kind": "modbus-rtu", "port": str(ours), "baud": 19_200,
                     "timeout_s": 5, "counters": COUNTERS}  # fmt: skip
            driver = ModbusRtuDriver(
                ModbusRtuConfig.model_validate(table),
                DriverContext(clock=SystemClock(), zone="UTC"),
            )
            try:
                for _ in range(3):
                    assert values(await read(driver)) == READ
            finally:
                await driver.aclose()


@pytest.fixture(scope="module")
def modbus_serial_port(repository):
    """The modbus-serial of npm as a server."""
    folder = repository / "tests" / "peers"
    assert (folder / "node_modules" / "modbus-serial").is_dir(), "run make test once (npm ci)"
    with subprocess.Popen(
        ["node", "modbus_server.js"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=10)


async def test_modbus_serial_over_tcp(modbus_serial_port) -> None:
    counters = [
        {"unit": 1, "tag": "big", "pieces": 0, "boot": 5},
        {"unit": 1, "tag": "little", "pieces": 2, "word_order": "little"},
    ]
    async with tcp_driver(modbus_serial_port, *counters) as driver:
        assert values(await read(driver)) == {"big": U32, "little": U32}
    async with tcp_driver(modbus_serial_port, counters[0], function=4) as driver:
        assert values(await read(driver)) == {"big": 1}  # its input registers hold 0 and 1


async def test_modbus_serial_is_silent_for_another_unit_and_refuses_a_register(
    modbus_serial_port,
) -> None:
    counters = [
        {"unit": 1, "tag": "big", "pieces": 0},
        {"unit": 7, "tag": "nobody", "pieces": 0},
    ]
    async with tcp_driver(modbus_serial_port, *counters, timeout_s=0.5) as driver:
        began = asyncio.get_running_loop().time()
        delivery = await read(driver)
        assert asyncio.get_running_loop().time() - began < 5
        assert values(delivery) == {"big": U32}
        (event,) = (record for record in delivery.records if isinstance(record, DeviceEvent))
        assert (event.detail["tag"], event.detail["error"]) == ("nobody", "unit_silent")
    async with tcp_driver(modbus_serial_port, {"unit": 1, "tag": "far", "pieces": 50}) as driver:
        with pytest.raises(DeviceMisbehavedError) as caught:
            await read(driver)
        assert caught.value.code.startswith("modbus_exception_")

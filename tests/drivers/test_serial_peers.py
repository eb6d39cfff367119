"""Serial stations and RTU units behind ports that another program makes: socat's pairs of ptys."""

import asyncio
import os
import signal
import subprocess
from contextlib import asynccontextmanager, contextmanager

import pytest

from drivers.barcode_scanner import BarcodeScannerConfig, BarcodeScannerDriver
from drivers.contract import DriverContext
from drivers.errors import LinkDownError
from drivers.modbus_counter import ModbusRtuConfig, ModbusRtuDriver
from drivers.pulse_counter import PulseCounterConfig, PulseCounterDriver
from tests.drivers.serial_listening import HandClock, counts

KINDS = {
    "pulse-counter": (PulseCounterConfig, PulseCounterDriver),
    "barcode-scanner": (BarcodeScannerConfig, BarcodeScannerDriver),
    "modbus-rtu": (ModbusRtuConfig, ModbusRtuDriver),
}


@contextmanager
def port_pair(folder):
    """Two ports that are each other's other end. Ends, as a plug that is pulled, with the `with`."""
    ours, theirs = folder / "ours", folder / "theirs"
    ends = [f"pty,raw,echo=0,link={end}" for end in (ours, theirs)]
    with subprocess.Popen(["socat", *ends], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(500):
                if ours.exists() and theirs.exists():
                    break
                process.poll()
                assert process.returncode is None, "socat could not make the ports"
                os.sched_yield()
                subprocess.run(["sleep", "0.01"], check=True)
            yield ours, theirs
        finally:
            process.send_signal(signal.SIGTERM)


@asynccontextmanager
async def driver_at(port, kind, **keys):
    model, driver = KINDS[kind]
    config = model.model_validate({"name": "x", "kind": kind, "port": str(port), **keys})
    made = driver(config, DriverContext(clock=HandClock(), zone="Asia/Shanghai"))
    try:
        yield made
    finally:
        await made.aclose()


async def heard(listening, driver):
    async with asyncio.timeout(10):
        delivery = await anext(listening)
    await driver.acknowledge(delivery)
    return delivery.records


async def test_box_over_a_pair_of_ports_that_socat_makes(tmp_path) -> None:
    with port_pair(tmp_path) as (ours, theirs):
        async with driver_at(ours, "pulse-counter", tag="t", sends="total") as driver:
            await driver.identity()
            listening = driver.live()
            await asyncio.to_thread(theirs.write_bytes, b"41\r\n42\r\n")
            assert (
                counts(await heard(listening, driver)) == []
            )  # opened inside a line, as far as known
            assert counts(await heard(listening, driver)) == [("pieces", 42, None)]
            await listening.aclose()


async def test_scanner_over_a_pair_of_ports_that_socat_makes(tmp_path) -> None:
    with port_pair(tmp_path) as (ours, theirs):
        async with driver_at(ours, "barcode-scanner", tag="t") as driver:
            await driver.identity()
            listening = driver.live()
            assert counts(await heard(listening, driver)) == [("pieces", 0, None)]
            await asyncio.to_thread(theirs.write_bytes, b"\r4006381333931\r4006381333931\r")
            assert counts(await heard(listening, driver)) == [("pieces", 1, None)]
            assert counts(await heard(listening, driver)) == [("pieces", 2, None)]
            await listening.aclose()


async def test_the_pair_goes_away_and_comes_back(tmp_path) -> None:
    async with driver_at(tmp_path / "ours", "pulse-counter", tag="t", sends="total") as driver:
        for total in (7, 8):
            with port_pair(tmp_path) as (_, theirs):
                await driver.identity()
                listening = driver.live()
                await asyncio.to_thread(theirs.write_bytes, b"\r%d\r" % total)
                assert counts(await heard(listening, driver)) == [("pieces", total, None)]
            with pytest.raises(LinkDownError):
                await heard(listening, driver)
            with pytest.raises(LinkDownError) as caught:
                await driver.identity()
            assert caught.value.code == "port_missing"

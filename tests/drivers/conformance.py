"""What the conformance suite drives: each built-in driver with its simulator, as a rig.

A new driver joins by one row in RIGS; the suite then holds it to the contract. A third party's joins
by the environment, and is then the only one under test (docs/write-a-driver.md):

    CLOCKLINE_RIG=demo-clock=conformance_rig:demo_clock pytest tests/drivers/test_conformance.py
"""

import asyncio
import importlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drivers.card_reader import CardReaderConfig, CardReaderDriver
from drivers.contract import Delivery, Driver, DriverContext, Mode
from drivers.modbus_counter import ModbusCounterConfig, ModbusCounterDriver
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from protocols.zk.attendance import AttendanceRow
from simulators.card_reader import CardReaderSim
from simulators.modbus_counter import CounterUnit, ModbusCounterBox
from simulators.zk_terminal import TerminalConfig, ZkTerminal

LIVE_S = 2.0  # for one record of a device that talks, on this machine
START = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


class HandClock:
    """Stands still until a rig moves it."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        self.elapsed_s += seconds


@dataclass(kw_only=True)
class Rig:
    """A driver and its device.

    produce  the device makes one record more
    vanish   the device goes away in the middle of everything
    """

    driver: Driver
    serial: str
    produce: Callable[[], Awaitable[None]]
    vanish: Callable[[], Awaitable[None]]
    cursor: bytes | None = None
    _listening: AsyncGenerator[Delivery, None] | None = None

    async def offered(self, expected: int) -> list[Delivery]:
        """What the driver delivers now; not committed. `expected` records end a live listening."""
        if self.driver.manifest.mode is not Mode.TALKS:
            return [delivery async for delivery in self.driver.fetch(self.cursor)]
        if self._listening is None:
            self._listening = self.driver.live()
        deliveries: list[Delivery] = []
        async with asyncio.timeout(LIVE_S):
            while sum(len(delivery.records) for delivery in deliveries) < expected:
                deliveries.append(await anext(self._listening))
        return deliveries

    async def stop_listening(self) -> None:
        """Ends what `offered` began, as a supervisor does that lost the device."""
        if self._listening is not None:
            await self._listening.aclose()
            self._listening = None

    async def commit(self, deliveries: list[Delivery]) -> None:
        """As the supervisor does after storing."""
        for delivery in deliveries:
            self.cursor = delivery.cursor or self.cursor
            await self.driver.acknowledge(delivery)


@asynccontextmanager
async def zk_pull(folder: Path) -> AsyncIterator[Rig]:
    clock = HandClock()
    config = TerminalConfig(clock=lambda: START.replace(tzinfo=None) + timedelta(hours=8))
    async with ZkTerminal(config, [], []) as terminal:
        host, port = terminal.address

        async def produce() -> None:
            clock.elapsed_s += 60
            row = AttendanceRow(
                uid=1, user_id="007", time=clock.now().replace(tzinfo=None), verify=1
            )
            await terminal.punch(row)

        yield Rig(
            driver=ZkPullDriver(
                ZkPullConfig(name="gate", host=host, port=port, timeout_s=1),
                DriverContext(clock=clock, zone="Asia/Shanghai"),
            ),
            serial=config.serial,
            produce=produce,
            vanish=terminal.stop,
        )


@asynccontextmanager
async def modbus_counter(folder: Path) -> AsyncIterator[Rig]:
    clock = HandClock()
    unit = CounterUnit(pieces=100)
    async with ModbusCounterBox({1: unit}) as box:

        async def produce() -> None:
            clock.elapsed_s += 60
            unit.pieces += 1

        yield Rig(
            driver=ModbusCounterDriver(
                ModbusCounterConfig.model_validate(
                    {
                        "name": "line 1 box",
                        "kind": "modbus-counter",
                        "host": box.host,
                        "port": box.port,
                        "timeout_s": 0.2,
                        "counters": [{"unit": 1, "tag": "L1", "pieces": 0}],
                    }
                ),
                DriverContext(clock=clock, zone="Asia/Shanghai"),
            ),
            serial="line 1 box",
            produce=produce,
            vanish=box.stop,
        )


@asynccontextmanager
async def rdm6300(folder: Path) -> AsyncIterator[Rig]:
    clock = HandClock()
    async with CardReaderSim(link=folder / "reader") as reader:
        driver = CardReaderDriver(
            CardReaderConfig(name="door", kind="rdm6300", port=reader.port),
            DriverContext(clock=clock, zone="Asia/Shanghai"),
        )
        await driver.identity()  # what comes before the port is open, nobody hears

        async def produce() -> None:
            clock.elapsed_s += 60
            await reader.present("01001293D8")

        yield Rig(driver=driver, serial="door", produce=produce, vanish=reader.unplug)


MakeRig = Callable[[Path], AbstractAsyncContextManager[Rig]]

RIGS: dict[str, MakeRig] = {
    "zk-pull": zk_pull,
    "modbus-counter": modbus_counter,
    "rdm6300": rdm6300,
}


def _third_party() -> dict[str, MakeRig]:
    kind, named, path = os.environ.get("CLOCKLINE_RIG", "").partition("=")
    if not named:
        return {}
    module, _, function = path.partition(":")
    return {kind: getattr(importlib.import_module(module), function)}


UNDER_TEST = _third_party() or RIGS

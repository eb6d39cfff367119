"""The simulators of our own drivers, as devices that the suite can drive.

The suite asks for an empty device on a free port of this machine: that is all they do.
"""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.simulation import Simulate
from protocols.zk.attendance import AttendanceRow
from simulators.card_reader import CardReaderSim
from simulators.line_boxes import LineBox, SparkplugNode
from simulators.modbus_counter import ModbusCounterBox
from simulators.modbus_rtu import ModbusRtuLine
from simulators.modbus_units import CounterUnit
from simulators.mqtt_broker import SimulatedBroker
from simulators.opcua_counter import OpcuaCounterServer
from simulators.serial_lines import LineSender
from simulators.zk_terminal import TerminalConfig, ZkTerminal


@dataclass(frozen=True, kw_only=True)
class _Device:
    serial: str
    config: Mapping[str, object]
    produce: Callable[[], Awaitable[None]]
    vanish: Callable[[], Awaitable[None]]
    come_back: Callable[[], Awaitable[object]]


@asynccontextmanager
async def _zk_terminal(*, now: Callable[[], datetime], **_asked: object) -> AsyncIterator[_Device]:
    config = TerminalConfig(clock=now)
    async with ZkTerminal(config, [], []) as terminal:
        host, port = terminal.address

        async def produce() -> None:
            await terminal.punch(AttendanceRow(uid=1, user_id="007", time=now(), verify=1))

        yield _Device(
            serial=config.serial,
            config={"host": host, "port": port, "timeout_s": 1},
            produce=produce,
            vanish=terminal.stop,
            come_back=terminal.start,
        )


@asynccontextmanager
async def _modbus_counter(**_asked: object) -> AsyncIterator[_Device]:
    unit = CounterUnit(pieces=100)
    async with ModbusCounterBox({1: unit}) as box:

        async def produce() -> None:
            unit.pieces += 1

        yield _Device(
            serial="line 1",
            config={
                "host": box.host,
                "port": box.port,
                "serial": "line 1",
                "timeout_s": 0.2,
                "counters": [{"unit": 1, "tag": "L1", "pieces": 0}],
            },
            produce=produce,
            vanish=box.stop,
            come_back=box.start,
        )


@asynccontextmanager
async def _modbus_rtu(**_asked: object) -> AsyncIterator[_Device]:
    unit = CounterUnit(pieces=100)
    with tempfile.TemporaryDirectory() as folder:
        async with ModbusRtuLine({17: unit}, link=Path(folder) / "line") as line:

            async def produce() -> None:
                unit.pieces += 1

            yield _Device(
                serial="line 1",
                config={
                    "port": line.port,
                    "serial": "line 1",
                    "timeout_s": 0.2,
                    "counters": [{"unit": 17, "tag": "L1", "pieces": 0}],
                },
                produce=produce,
                vanish=line.unplug,
                come_back=line.plug,
            )


def _line_sender(line: str) -> Simulate:
    """A station that sends `line` for each record; after a silence, as lines begin."""

    @asynccontextmanager
    async def simulate(**_asked: object) -> AsyncIterator[_Device]:
        with tempfile.TemporaryDirectory() as folder:
            async with LineSender(link=Path(folder) / "station") as sender:

                async def produce() -> None:
                    await sender.send(b"\n")  # whoever has just opened the port is in step
                    await sender.say(line)

                yield _Device(
                    serial="station 4",
                    config={"port": sender.port, "serial": "station 4", "tag": "L1"},
                    produce=produce,
                    vanish=sender.unplug,
                    come_back=sender.plug,
                )

    return simulate


@asynccontextmanager
async def _opcua_counter(**_asked: object) -> AsyncIterator[_Device]:
    async with OpcuaCounterServer(pieces=100) as server:

        async def produce() -> None:
            pieces = server.values["pieces"]
            assert isinstance(pieces, int)  # noqa: S101 - as it was made
            await server.show("pieces", pieces + 1)

        yield _Device(
            serial="line 1",
            config={
                "url": server.url,
                "serial": "line 1",
                "timeout_s": 1,
                "publishing_s": 0.05,
                "counters": [{"tag": "L1", "pieces": server.node("pieces")}],
            },
            produce=produce,
            vanish=server.stop,
            come_back=server.start,
        )


@asynccontextmanager
async def _rdm6300(**_asked: object) -> AsyncIterator[_Device]:
    with tempfile.TemporaryDirectory() as folder:
        async with CardReaderSim(link=Path(folder) / "reader") as reader:

            async def produce() -> None:
                await reader.present("01001293D8")

            yield _Device(
                serial="door",
                config={"port": reader.port, "serial": "door"},
                produce=produce,
                vanish=reader.unplug,
                come_back=reader.plug,
            )


@asynccontextmanager
async def _mqtt_line(*, now: Callable[[], datetime], **_asked: object) -> AsyncIterator[_Device]:
    async with SimulatedBroker() as broker:
        box = LineBox(broker, now=lambda: now().replace(tzinfo=UTC))

        async def produce() -> None:
            box.make()

        yield _Device(
            serial="hall",
            config={"host": broker.host, "port": broker.port, "serial": "hall", "timeout_s": 2},
            produce=produce,
            vanish=broker.stop,
            come_back=broker.start,
        )


@asynccontextmanager
async def _sparkplug(*, now: Callable[[], datetime], **_asked: object) -> AsyncIterator[_Device]:
    """A node that does not know how to be asked for its births: its data is all that there is."""
    async with SimulatedBroker() as broker:
        node = SparkplugNode(broker, now=lambda: now().replace(tzinfo=UTC), answers_rebirth=False)

        async def produce() -> None:
            node.make()

        yield _Device(
            serial="boxes",
            config={
                "host": broker.host,
                "port": broker.port,
                "serial": "boxes",
                "groups": ["Factory"],
                "timeout_s": 2,
            },
            produce=produce,
            vanish=broker.stop,
            come_back=broker.start,
        )


# By `manifest.simulator` of their driver.
SIMULATORS: dict[str, Simulate] = {
    "zk-terminal": _zk_terminal,
    "modbus-counter": _modbus_counter,
    "modbus-rtu": _modbus_rtu,
    "pulse-counter": _line_sender("OK"),
    "barcode-scanner": _line_sender("4006381333931"),
    "opcua-counter": _opcua_counter,
    "rdm6300": _rdm6300,
    "mqtt-line": _mqtt_line,
    "sparkplug": _sparkplug,
}

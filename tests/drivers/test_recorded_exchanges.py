"""Bytes and programs that we did not write: replayed through the drivers, or reading beside them."""

import asyncio
import itertools
import json
import subprocess
from contextlib import asynccontextmanager

from drivers.card_reader import CardReaderConfig, CardReaderDriver
from drivers.modbus_counter import (
    ModbusCounterConfig,
    ModbusCounterDriver,
    ModbusRtuConfig,
    ModbusRtuDriver,
)
from simulators.card_reader import CardReaderSim
from simulators.modbus_counter import ModbusCounterBox
from simulators.modbus_rtu import ModbusRtuLine
from simulators.modbus_units import CounterUnit
from simulators.serial_plug import SerialPlug
from tests.drivers.zk_site import CONTEXT


def counter_box(host: str, port: int, *counters: dict) -> ModbusCounterDriver:
    config = {"name": "box", "kind": "modbus-counter", "host": host, "port": port, "timeout_s": 1}
    return ModbusCounterDriver(
        ModbusCounterConfig.model_validate(config | {"counters": counters}), CONTEXT
    )


def counters_on_line(port: str, *counters: dict) -> ModbusRtuDriver:
    config = {"name": "box", "kind": "modbus-rtu", "port": port, "timeout_s": 5}
    return ModbusRtuDriver(ModbusRtuConfig.model_validate(config | {"counters": counters}), CONTEXT)


async def counts(driver: ModbusCounterDriver | ModbusRtuDriver) -> list[tuple[str, str, int]]:
    try:
        (delivery,) = [delivery async for delivery in driver.fetch(None)]
    finally:
        await driver.aclose()
    assert delivery.quarantined == ()
    return [(count.tag, count.metric, count.value) for count in delivery.records]


@asynccontextmanager
async def recorded_server(exchanges: list[tuple[bytes, bytes]]):
    """Answers what was asked on the wire as pymodbus answered it then, byte for byte."""
    answers = {asked[6:]: answered[6:] for asked, answered in exchanges}

    async def serve(reader, writer):
        try:
            while head := await reader.readexactly(6):
                body = await reader.readexactly(int.from_bytes(head[4:6], "big"))
                answer = answers[body]
                writer.write(head[:4] + len(answer).to_bytes(2, "big") + answer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        await server.wait_closed()


async def test_the_modbus_driver_reads_what_pymodbus_answered(shared_data) -> None:
    recorded = shared_data / "line" / "modbus" / "tcp_mbpoll+modbus-serial_vs_pymodbus.jsonl"
    lines = [json.loads(line) for line in recorded.read_text("utf-8").splitlines()]
    frames = [(line["dir"], bytes.fromhex(line["hex"])) for line in lines]
    exchanges = [
        (frame, answer) for (way, frame), (_, answer) in itertools.pairwise(frames) if way == "c2s"
    ]
    async with recorded_server(exchanges) as (host, port):
        box = counter_box(host, port, {"unit": 1, "tag": "L1", "pieces": 0})
        assert await counts(box) == [("L1", "pieces", 4_294_967_290)]


async def test_mbpoll_reads_from_the_simulator_what_the_driver_reads() -> None:
    unit = CounterUnit(pieces=70_123, rejects=42)
    async with ModbusCounterBox({7: unit}) as box:
        ours = await counts(
            counter_box(box.host, box.port, {"unit": 7, "tag": "L1", "pieces": 0, "rejects": 2})
        )
        # -B: high word first; -0: addresses count from 0; -1: once
        command = [
            "mbpoll",
            "-m",
            "tcp",
            "-p",
            str(box.port),
            "-a",
            "7",
            "-0",
            "-r",
            "0",
            "-c",
            "2",
        ]
        polled = await asyncio.to_thread(
            subprocess.run,
            [*command, "-t", "4:int", "-B", "-1", box.host],
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        )
    theirs = [int(line.split()[1]) for line in polled.stdout.splitlines() if line.startswith("[")]
    assert theirs == [70_123, 42]
    assert [value for _, _, value in ours] == theirs


class RecordedLine(SerialPlug):
    """Answers what was asked on the line as pymodbus answered it then, byte for byte."""

    def __init__(self, exchanges: dict[bytes, bytes]) -> None:
        super().__init__()
        self._exchanges = exchanges
        self._heard = b""
        self._sending: list[asyncio.Task[None]] = []

    def hear(self, data: bytes) -> None:
        self._heard += data
        answer = self._exchanges.get(self._heard)
        if answer is not None:
            self._heard = b""
            self._sending.append(asyncio.create_task(self.send(answer, slice_bytes=7)))


async def test_the_rtu_driver_reads_what_pymodbus_answered(shared_data) -> None:
    recorded = shared_data / "line" / "modbus" / "rtu_mbpoll_vs_pymodbus_socat.txt"
    lines = recorded.read_text("utf-8").splitlines()
    frames = [bytes.fromhex(line) for line in lines if line.startswith(" ")]
    async with RecordedLine(dict(zip(frames[::2], frames[1::2], strict=True))) as line:
        counter = {"unit": 17, "tag": "L1", "pieces": 0, "rejects": 2, "badge": 4, "boot": 7}
        line1 = counters_on_line(line.port, counter | {"badge_width": 16, "word_order": "big"})
        assert await counts(line1) == [
            ("L1", "pieces", 4_294_967_290),
            ("L1", "rejects", 0xFFFA_FFFF),
        ]


async def test_mbpoll_reads_from_the_simulated_line_what_the_driver_reads() -> None:
    unit = CounterUnit(pieces=70_123, rejects=42)
    async with ModbusRtuLine({7: unit}) as line:
        counter = {"unit": 7, "tag": "L1", "pieces": 0, "rejects": 2}
        ours = await counts(counters_on_line(line.port, counter))
        command = ["mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-a", "7", "-0", "-r", "0"]
        polled = await asyncio.to_thread(
            subprocess.run,
            [*command, "-c", "2", "-t", "4:int", "-B", "-1", line.port],
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        )
    theirs = [int(row.split()[1]) for row in polled.stdout.splitlines() if row.startswith("[")]
    assert theirs == [70_123, 42]
    assert [value for _, _, value in ours] == theirs


async def test_the_card_reader_driver_reads_a_recorded_reader(shared_data) -> None:
    """Three cards, then the first one held on the coil: the numbers that are printed on them."""
    folder = shared_data / "vendors"
    stream = (folder / "rdm6300_frames.bin").read_bytes()
    expected = json.loads((folder / "rdm6300_frames.bin.expected.json").read_text("utf-8"))
    cards: list[str] = []
    async with CardReaderSim() as reader:
        driver = CardReaderDriver(
            CardReaderConfig(name="door", kind="rdm6300", port=reader.port), CONTEXT
        )
        await driver.identity()
        await reader.send(stream, slice_bytes=5)
        await reader.present("0000000001")  # ends the listening
        listening = driver.live()
        async with asyncio.timeout(5):
            while cards[-1:] != ["0000000001"]:
                delivery = await anext(listening)
                cards += [punch.card for punch in delivery.records]
                await driver.acknowledge(delivery)
        await listening.aclose()
        await driver.aclose()
    assert cards[:-1] == [fact["printed10"] for fact in expected]
    assert driver.repeats_removed == 3

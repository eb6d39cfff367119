"""What `edge-agent simulate` plays of a production line, and what of it is serial: counters, card
readers, scanners.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_agent.cli.simulated import Scene, say_listening
from edge_agent.errors import CommandError
from simulators.card_reader import CardReaderSim
from simulators.modbus_counter import ModbusCounterBox
from simulators.modbus_rtu import ModbusRtuLine
from simulators.modbus_units import CounterUnit
from simulators.opcua_counter import OpcuaCounterServer
from simulators.serial_lines import LineSender

_CARD_EVERY_S = 3.0  # longer than a reader's debounce: each is a punch
_PIECE_EVERY_S = 1.0
_REJECT_SHARE = 0.03
_PRODUCT = "4006381333931"
_PIECES_TO_A_BADGE = 20


def serve_serial(
    kind: str, scene: Scene, *, records: int, link: Path | None
) -> Coroutine[Any, Any, None]:
    """Devices on pseudo terminals. `link`: a path by which the port of a single one can be named."""
    match kind:
        case "modbus-rtu":
            return _serve_modbus_lines(scene, pieces=records, link=link)
        case "pulse-counter":
            return _serve_senders(scene, _pulses, link=link)
        case "barcode-scanner":
            return _serve_senders(scene, _scans, link=link)
        case _:
            return _serve_card_readers(scene, cards=records, link=link)


async def serve_modbus_counters(scene: Scene, *, pieces: int) -> None:
    """Boxes of one unit (number 1) that makes a piece a second, some of them rejects."""
    draws = [scene.luck_of(number) for number in range(scene.devices)]
    units = [CounterUnit(pieces=pieces) for _ in draws]
    async with AsyncExitStack() as running:
        boxes = [
            await running.enter_async_context(
                ModbusCounterBox({1: unit}, host=scene.host, port=scene.port_of(number))
            )
            for number, unit in enumerate(units)
        ]
        for box in boxes:
            say_listening(box.host, box.port)
        await _count_on(units, draws, scene.every)


async def serve_opcua_counters(scene: Scene, *, pieces: int) -> None:
    """Servers that make a piece a second, some of them rejects. Raises CommandError without asyncua."""
    if find_spec("asyncua") is None:
        raise CommandError(
            "OPC UA needs an extra that is not installed",
            where="simulate opcua-counter",
            remedy="pip install 'clockline[opcua]'",
            try_command="edge-agent simulate modbus-counter",
        )
    draws = [scene.luck_of(number) for number in range(scene.devices)]
    async with AsyncExitStack() as running:
        servers = [
            await running.enter_async_context(
                OpcuaCounterServer(host=scene.host, port=scene.port_of(number), pieces=pieces)
            )
            for number in range(scene.devices)
        ]
        for server in servers:
            say_listening(server.host, server.port)
        made = rejected = 0
        while True:
            await asyncio.sleep(scene.every or _PIECE_EVERY_S)
            made += 1
            for server, draw in zip(servers, draws, strict=True):
                await server.show("pieces", pieces + made)
                if draw.random() < _REJECT_SHARE:
                    rejected += 1
                    await server.show("rejects", rejected)


async def _serve_modbus_lines(scene: Scene, *, pieces: int, link: Path | None) -> None:
    """Serial lines of one unit (number 17), which counts like a box of Modbus TCP."""
    draws = [scene.luck_of(number) for number in range(scene.devices)]
    units = [CounterUnit(pieces=pieces) for _ in draws]
    async with AsyncExitStack() as running:
        for unit in units:
            line = await running.enter_async_context(ModbusRtuLine({17: unit}, link=link))
            print(f"listening {line.port}", flush=True)
        await _count_on(units, draws, scene.every)


async def _count_on(
    units: Sequence[CounterUnit], draws: Sequence[random.Random], every: float | None
) -> None:
    while True:
        await asyncio.sleep(every or _PIECE_EVERY_S)
        for unit, draw in zip(units, draws, strict=True):
            unit.pieces += 1
            unit.rejects += draw.random() < _REJECT_SHARE


def _pulses(draw: random.Random) -> Iterator[str]:
    """A box that weighs each piece."""
    while True:
        yield "NG" if draw.random() < _REJECT_SHARE else "OK"


def _scans(draw: random.Random) -> Iterator[str]:
    """A badge (E and four digits), then pieces of one product, some with a code of their own."""
    number = 0
    while True:
        if number % _PIECES_TO_A_BADGE == 0:
            yield f"E{draw.randrange(1, 5):04d}"
        number += 1
        yield _PRODUCT if draw.random() < 0.5 else f"SN{number:06d}"


async def _serve_senders(
    scene: Scene, script: Callable[[random.Random], Iterator[str]], *, link: Path | None
) -> None:
    async with AsyncExitStack() as running:
        senders = [
            await running.enter_async_context(LineSender(link=link)) for _ in range(scene.devices)
        ]
        lines = [script(scene.luck_of(number)) for number in range(scene.devices)]
        for sender in senders:
            print(f"listening {sender.port}", flush=True)
        while True:
            await asyncio.sleep(scene.every or _PIECE_EVERY_S)
            for sender, line in zip(senders, lines, strict=True):
                # Nobody reads the port and its buffer is full: the line is lost, as on a real one.
                with contextlib.suppress(BlockingIOError):
                    await sender.say(next(line))


async def _serve_card_readers(scene: Scene, *, cards: int, link: Path | None) -> None:
    """One of `cards` different cards is held to each reader now and then."""
    draws = [scene.luck_of(number) for number in range(scene.devices)]
    numbers = [[draw.randbytes(5).hex() for _ in range(cards)] for draw in draws]
    async with AsyncExitStack() as running:
        readers = [await running.enter_async_context(CardReaderSim(link=link)) for _ in draws]
        for reader in readers:
            print(f"listening {reader.port}", flush=True)
        while True:
            await asyncio.sleep(scene.every or _CARD_EVERY_S)
            for reader, draw, known in zip(readers, draws, numbers, strict=True):
                if known:
                    # Nobody reads the port and its buffer is full: the card stays unread.
                    with contextlib.suppress(BlockingIOError):
                        await reader.present(draw.choice(known))

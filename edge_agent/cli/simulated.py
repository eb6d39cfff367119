"""The simulated devices that `edge-agent simulate` serves, and what happens on them."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.cli.simulated_terminals import methods_of, wall_clock
from edge_agent.simulation import load_simulator, third_party_simulators
from protocols.zk.attendance import AttendanceRow
from simulators.card_reader import CardReaderSim
from simulators.modbus_counter import ModbusCounterBox
from simulators.modbus_rtu import ModbusRtuLine
from simulators.modbus_units import CounterUnit
from simulators.zk_terminal import TerminalDisabledError, ZkTerminal

_CARD_EVERY_S = 3.0  # longer than a reader's debounce: each is a punch
_PIECE_EVERY_S = 1.0
_REJECT_SHARE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where devices listen, and how lively it is.

    port    of the first device, the others follow; 0: each gets a free one
    every   seconds between two punches, pieces or cards; None: as usual for the kind
    """

    host: str = "127.0.0.1"
    port: int = 0
    devices: int = 1
    every: float | None = None
    seed: int = 0

    def port_of(self, number: int) -> int:
        return self.port + number if self.port else 0

    def luck_of(self, number: int) -> random.Random:
        return random.Random(self.seed + number)  # noqa: S311 - repeatable, not secret


async def until_stopped(scene: Coroutine[Any, Any, None]) -> None:
    """Runs `scene` until Ctrl-C or SIGTERM, then lets it clean up."""
    task = asyncio.ensure_future(scene)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def serve_zk_terminals(terminals: Sequence[ZkTerminal], scene: Scene) -> None:
    """Raises ValueError for a log or users that the model cannot hold."""
    async with AsyncExitStack() as running:
        for number, terminal in enumerate(terminals):
            terminal.address = (scene.host, scene.port_of(number))
            await running.enter_async_context(terminal)
        for terminal in terminals:
            _say_listening(*terminal.address)
        if scene.every is None:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as doors:
            for number, terminal in enumerate(terminals):
                doors.create_task(_punches(terminal, scene.every or 0, scene.luck_of(number)))


async def _punches(terminal: ZkTerminal, every: float, draw: random.Random) -> None:
    """Someone of the user table punches now and then; nobody while it is disabled."""
    methods = methods_of(terminal.layout)
    while terminal.users:
        await asyncio.sleep(every * draw.uniform(0.5, 1.5))
        user = draw.choice(terminal.users)
        row = AttendanceRow(
            uid=user.uid,
            user_id=user.user_id,
            time=terminal.local_time.replace(microsecond=0),
            state=draw.randrange(2),
            verify=draw.choice(methods),
        )
        with contextlib.suppress(TerminalDisabledError):
            await terminal.punch(row)


async def serve_third_party(kind: str, scene: Scene, *, records: int) -> None:
    """Devices of another package; what happens on them is that package's business.

    Raises BrokenSimulatorError.
    """
    simulate = load_simulator(third_party_simulators()[kind])
    async with AsyncExitStack() as running:
        devices = [
            await running.enter_async_context(
                simulate(
                    host=scene.host,
                    port=scene.port_of(number),
                    records=records,
                    seed=scene.seed + number,
                    now=wall_clock,
                )
            )
            for number in range(scene.devices)
        ]
        for device in devices:
            config = device.config
            place = f"{config['host']}:{config['port']}" if "host" in config else config["port"]
            print(f"listening {place}", flush=True)
        await asyncio.Event().wait()


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
            _say_listening(box.host, box.port)
        await _count_on(units, draws, scene.every)


async def serve_modbus_lines(scene: Scene, *, pieces: int, link: Path | None = None) -> None:
    """Serial lines of one unit (number 17), which counts like a box of Modbus TCP.

    link    a path by which the port of a single line can be named
    """
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


async def serve_card_readers(scene: Scene, *, cards: int, link: Path | None = None) -> None:
    """Readers on pseudo terminals; one of `cards` different cards is held to each now and then.

    link    a path by which the port of a single reader can be named
    """
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


def _say_listening(host: str, port: int) -> None:
    print(f"listening {host}:{port}", flush=True)

"""The simulated devices that `edge-agent simulate` serves, and what happens on them."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from edge_agent.cli.simulated_terminals import methods_of, wall_clock
from edge_agent.simulation import load_simulator, third_party_simulators
from protocols.zk.attendance import AttendanceRow
from simulators.zk_terminal import TerminalDisabledError, ZkTerminal


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
            say_listening(*terminal.address)
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


def say_listening(host: str, port: int) -> None:
    print(f"listening {host}:{port}", flush=True)

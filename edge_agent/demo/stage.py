"""The running scene: terminals, a line and the real agent on loopback, all on one moved clock."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.app import Agent
from edge_agent.config.loading import load_config
from edge_agent.core_link import CORE_SINK
from edge_agent.demo.stepped_clock import SteppedClock
from edge_agent.demo.world import ZONE
from edge_agent.errors import CommandError
from edge_agent.notify import Notifier
from edge_agent.spool.store import DeviceLedger
from protocols.zk.attendance import AttendanceRow
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal

# In the scene's time; often enough that the uplink works beside the collecting, as it does in life.
_UPLINK_LOOKS_EVERY_S = 6 * 3_600.0
_LAST_ROUNDS = 50  # far more than a full spool needs; then something refuses what we send


def make_terminal(
    serial: str, clock: SteppedClock, log: list[AttendanceRow], *, record_capacity: int = 100_000
) -> ZkTerminal:
    """A terminal whose wall clock is the scene's, in the site's zone."""
    zone = ZoneInfo(ZONE)
    config = TerminalConfig(
        clock=lambda: clock.now().astimezone(zone).replace(tzinfo=None, microsecond=0),
        serial=serial,
        packet_bytes=65_528,
        record_capacity=record_capacity,
    )
    return ZkTerminal(config, log, [])


class Stage:
    """The agent of a site file, with the scene's clock in hand."""

    def __init__(self, agent: Agent, clock: SteppedClock, running: asyncio.Task[None]) -> None:
        self._agent = agent
        self._clock = clock
        self._running = running

    async def step_to(self, instant: datetime) -> None:
        """Moves the scene to `instant` and returns when the agent has done what was due."""
        await self._unless_ended(self._clock.advance_to(instant, loops=self._agent.loops))

    async def deliver_everything(self) -> None:
        """Moves on until the core has answered for everything that the spool holds."""
        for _ in range(_LAST_ROUNDS):
            if (await self._agent.spool.backlog(CORE_SINK)).total == 0:
                return
            await self.step_to(self._clock.now() + timedelta(seconds=_UPLINK_LOOKS_EVERY_S))
        raise CommandError(
            "the core did not take everything that was collected",
            where="demo",
            remedy="This should not happen; please report it with the output above",
            try_command="edge-agent doctor",
        )

    async def ledgers(self) -> tuple[DeviceLedger, ...]:
        return (await self._agent.spool.stats()).devices

    async def settled(self) -> None:
        await self._unless_ended(self._clock.settled(self._agent.loops))

    async def _unless_ended(self, waiting: Coroutine[Any, Any, None]) -> None:
        """Awaits `waiting`, but raises at once what ends the agent meanwhile."""
        step = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait({step, self._running}, return_when=asyncio.FIRST_COMPLETED)
            if self._running.done():
                await self._running
            await step
        finally:
            step.cancel()


@contextlib.asynccontextmanager
async def open_stage(site_file: Path, clock: SteppedClock, *, seed: int) -> AsyncIterator[Stage]:
    """Starts the agent of `site_file`; on leaving, it is stopped and the spool closed."""
    site = load_config(site_file)
    site.gateway.state_dir.mkdir(exist_ok=True)
    agent = await Agent.open(
        site,
        clock=clock,
        randomness=random.Random(seed),
        notifier=Notifier({}),
        uplink_idle_s=_UPLINK_LOOKS_EVERY_S,
        floor=datetime(2000, 1, 1, tzinfo=UTC),  # the scene may play in the past
    )
    running = asyncio.ensure_future(agent.run())
    try:
        stage = Stage(agent, clock, running)
        await stage.settled()
        yield stage
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        agent.close()


Progress = Callable[[str, int, int], None]
"""Called with what is going on, steps done and steps in all."""

"""What the rules hold in hand: a driver, its simulated device, and a clock that stands still."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from drivers.contract import Delivery, Driver, DriverContext, Mode
from edge_agent.simulation import Simulate, SimulatedDevice

LIVE_S = 2.0  # for one record of a device that talks, on this machine
ZONE = "Asia/Shanghai"
# Long ago: a driver that looks at the machine's own clock gives itself away.
START = datetime(2025, 11, 3, 1, 0, tzinfo=UTC)
_STEP_S = 60.0


class HandClock:
    """Stands still until somebody waits for it or a rig moves it."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        self.elapsed_s += seconds

    def on_the_wall(self) -> datetime:
        return self.now().astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)


@dataclass(kw_only=True)
class Rig:
    """Plays the supervisor for one driver: offers what it delivers, commits what was stored."""

    kind: type[Driver]
    device: SimulatedDevice
    clock: HandClock
    driver: Driver = field(init=False)
    cursor: bytes | None = None
    _listening: AsyncGenerator[Delivery, None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.driver = self.driver_for()

    @property
    def talks(self) -> bool:
        return self.driver.manifest.mode is Mode.TALKS

    def driver_for(self, **changes: object) -> Driver:
        """A driver for the device, under a site file with `changes`."""
        manifest = self.kind.manifest
        config = manifest.config.model_validate(
            {"name": "gate", "kind": manifest.kind, **self.device.config, **changes}
        )
        # The contract says that a driver is built from its config and a context.
        make: Callable[..., Driver] = self.kind
        return make(config, DriverContext(clock=self.clock, zone=ZONE))

    async def produce(self) -> None:
        """A minute later the device makes one record."""
        if self.talks:
            await self.driver.identity()  # what comes before the link is open, nobody hears
        self.clock.elapsed_s += _STEP_S
        await self.device.produce()

    async def offered(self, expected: int) -> list[Delivery]:
        """What the driver delivers now; not committed. `expected` records end a live listening."""
        if not self.talks:
            return [delivery async for delivery in self.driver.fetch(self.cursor)]
        if self._listening is None:
            self._listening = _generator(self.driver.live())
        deliveries: list[Delivery] = []
        async with asyncio.timeout(LIVE_S):
            while sum(len(delivery.every_record()) for delivery in deliveries) < expected:
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


async def _generator(deliveries: AsyncIterator[Delivery]) -> AsyncGenerator[Delivery, None]:
    """Closing it closes `deliveries`, where that can be closed."""
    try:
        async for delivery in deliveries:
            yield delivery
    finally:
        if isinstance(deliveries, AsyncGenerator):
            await deliveries.aclose()


@asynccontextmanager
async def opened_rig(kind: type[Driver], simulate: Simulate) -> AsyncIterator[Rig]:
    """An empty device, and a driver for it that has done nothing yet. Both end with the `with`."""
    clock = HandClock()
    wanted = simulate(host="127.0.0.1", port=0, records=0, seed=0, now=clock.on_the_wall)
    async with wanted as device:
        rig = Rig(kind=kind, device=device, clock=clock)
        try:
            yield rig
        finally:
            await rig.stop_listening()
            await rig.driver.aclose()

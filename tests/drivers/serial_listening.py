"""A supervisor for drivers that listen on a serial port, and a clock that a test moves."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

from drivers.errors import LinkDownError
from protocols.records import Count, DeviceEvent

START = datetime(2026, 11, 22, 0, 30, 15, tzinfo=UTC)


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.elapsed = 0.0

    def now(self):
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self):
        return self.elapsed

    async def sleep(self, seconds):
        self.elapsed += seconds


class Station:
    """A simulated sender, the driver that listens to it, and what was stored."""

    def __init__(self, sender, driver, clock):
        self.sender, self.driver, self.clock = sender, driver, clock
        self._deliveries = driver.live()

    async def next(self, *, commit=True):
        async with asyncio.timeout(10):  # a loaded machine is slow, not wrong
            delivery = await anext(self._deliveries)
        if commit:
            await self.driver.acknowledge(delivery)
        return delivery

    async def said(self, text, *, after_s=10.0):
        """What one line becomes; it must become something."""
        self.clock.elapsed += after_s
        await self.sender.say(text)
        return list((await self.next()).records)

    async def unheard(self, text, *, after_s=10.0):
        """A line that becomes nothing: it is read when the next one is."""
        self.clock.elapsed += after_s
        before = self.driver.dropped.total
        await self.sender.say(text)
        waiting = asyncio.ensure_future(anext(self._deliveries))
        async with asyncio.timeout(10):
            while self.driver.dropped.total == before and not waiting.done():
                await asyncio.sleep(0.002)
        assert not waiting.done(), waiting.result()
        self._deliveries = _continued(waiting, self._deliveries)

    async def stop(self):
        with contextlib.suppress(LinkDownError):
            await self._deliveries.aclose()
        await self.driver.aclose()


async def _continued(first, rest):
    try:
        yield await first
        async for delivery in rest:
            yield delivery
    finally:
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await first
        await rest.aclose()


def counts(records):
    return [(r.metric, r.value, r.badge) for r in records if isinstance(r, Count)]


def events(records):
    return [(r.code, r.detail) for r in records if isinstance(r, DeviceEvent)]

"""What is new on one device from now on: each record once, none missed across a break.

Events of a device that keeps a log are hints only; the log is the source. It is read at the start,
after each hint, after each break, and now and then for a device that gives no hints.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from msgspec.structs import replace

from drivers.contract import Capability, Delivery, Driver, Mode
from drivers.errors import WrongDeviceError
from protocols.identity import event_id
from protocols.records import Quarantined, Record

# Some terminals announce a punch before its row is in the log.
_LATE_ROW_S = 1.0
_PART_OF_DEVICE = "/"  # a terminal's operation log is "SERIAL/operations"
_TOLD_BYTES = slice(8, 16)  # of an event id: enough to know a million records apart


class Follower:
    """Remembers what was there and what was told: some 80 bytes a record.

    `undecoded` rows were there at the beginning, among the others.
    """

    def __init__(self, driver: Driver, *, poll_s: float) -> None:
        self._driver = driver
        self._poll_s = poll_s
        self.undecoded = 0
        self._known: set[int | Quarantined] = set()
        self._serial = ""
        self._cursor: bytes | None = None
        self._talks = driver.manifest.mode is Mode.TALKS
        self._listens = Capability.LIVE in driver.manifest.capabilities

    async def begin(self) -> int:
        """Connects; how many records are there already, which are no news."""
        self._serial = (await self._driver.identity()).serial
        if not self._talks:
            async with aclosing(self.read()) as deliveries:
                async for delivery in deliveries:
                    self.undecoded += len(delivery.quarantined)
        return len(self._known)

    async def read(self) -> AsyncGenerator[Delivery, None]:
        """The records in the log that are new. Nothing for a device without one."""
        cursor = self._cursor
        async with aclosing(_closable(self._driver.fetch(cursor))) as pages:
            async for page in pages:
                cursor = page.cursor or cursor
                if (news := self._news(page)) is not None:
                    yield news
        self._cursor = cursor  # not before the end: a read that broke off is begun again

    async def listen(self) -> AsyncGenerator[Delivery, None]:
        """Endless; raises DriverError. What came before is left to `read`."""
        while True:
            hinted = False
            async with aclosing(self._heard()) as heard:
                async for delivery in heard:
                    hinted = hinted or _is_hint(delivery)
                    if (news := self._news(delivery)) is not None:
                        yield news
            new_rows = False
            for pause_s in (0.0, _LATE_ROW_S):
                if pause_s and (new_rows or not hinted):
                    break
                await asyncio.sleep(pause_s)
                async with aclosing(self.read()) as deliveries:
                    async for news in deliveries:
                        new_rows = True
                        yield news

    async def _heard(self) -> AsyncGenerator[Delivery, None]:
        """Endless where the device talks; else until it is time to read its log."""
        if not self._listens:
            await asyncio.sleep(self._poll_s)
            return
        async with aclosing(_closable(self._driver.live())) as live:
            while True:
                delivery = await self._next(live)
                if delivery is None:
                    return
                yield delivery
                if _is_hint(delivery) and not self._talks:
                    return

    async def _next(self, live: AsyncIterator[Delivery]) -> Delivery | None:
        try:
            async with asyncio.timeout(None if self._talks else self._poll_s):
                return await anext(live, None)
        except TimeoutError:
            return None

    def _news(self, delivery: Delivery) -> Delivery | None:
        """Raises WrongDeviceError when another device has taken the place of the first."""
        found = delivery.serial
        if found != self._serial and not found.startswith(f"{self._serial}{_PART_OF_DEVICE}"):
            raise WrongDeviceError(
                where="live",
                expected=self._serial,
                found=found,
                remedy="Another device answers there now, nothing of it was shown: start again to "
                "listen to it",
            )
        records = [record for record in delivery.every_record() if self._is_new(_told(record))]
        quarantined = [row for row in delivery.quarantined if self._is_new(row)]
        if not records and not quarantined:
            return None
        return replace(delivery, records=records, packed=None, quarantined=quarantined)

    def _is_new(self, what: int | Quarantined) -> bool:
        new = what not in self._known
        self._known.add(what)
        return new


def _told(record: Record) -> int:
    return int.from_bytes(event_id(record)[_TOLD_BYTES])


def _is_hint(delivery: Delivery) -> bool:
    return not delivery.every_record() and not delivery.quarantined


async def _closable(deliveries: AsyncIterator[Delivery]) -> AsyncGenerator[Delivery, None]:
    """A third party's iterator may lack `aclose`."""
    async for delivery in deliveries:
        yield delivery

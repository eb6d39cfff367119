"""Listens to one port: lines are stamped as they come, handed over in turn, and held until stored.

The device has no memory: while nobody listens, what it sends is gone. So a line waits here for the
spool, and never the port for a slow commit.
"""

import asyncio
import contextlib
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from typing_extensions import override

from drivers.contract import Delivery, DriverContext, Identity
from drivers.errors import BlockedError
from drivers.links.serial_port import SerialLink, open_serial
from drivers.serial_station.config import SerialStationConfig
from drivers.talking import TalkingDriver
from drivers.vitals import LineQuality, Vitals
from protocols.records import Count, DeviceEvent, Quarantined, Record
from protocols.serial_lines import Junk, Line, LineFramer

_QUEUE_LINES: Final = 1_000  # while the spool is slow; the kernel's buffer takes 4 KiB more
_MAX_UNSTORED: Final = 1_000  # more means that whoever takes the deliveries never acknowledges
# A line that is not connected picks up noise for ever; the spool must not fill with it.
_JUNK_PER_MINUTE: Final = 30
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A line, and when its last byte came."""

    line: Line | Junk
    at: datetime
    monotonic: float


class SerialStation(TalkingDriver):
    """`junk_removed` counts what came too fast to be kept as bytes."""

    MAX_LINE_BYTES: int

    def __init__(self, config: SerialStationConfig, context: DriverContext) -> None:
        self._settings = config
        self._serial = config.known_as
        self._clock = context.clock
        self._zone = ZoneInfo(context.zone)
        self._link: SerialLink | None = None
        self._unstored: deque[Delivery] = deque()
        self._junk_times: deque[float] = deque(maxlen=_JUNK_PER_MINUTE)
        self._junk_untold = 0
        self._seq = 0
        self._began = False
        self._lines = 0
        self._junk = 0
        self.junk_removed = 0

    @abstractmethod
    def opening(self, at: datetime) -> Iterable[Record]:
        """What stands before the first line of this driver's life."""

    @abstractmethod
    def records_of(self, text: str, heard: Heard) -> Sequence[Record]:
        """What a line becomes: one transaction."""

    @override
    async def identity(self) -> Identity:
        """Opens the port. The device itself cannot be asked anything."""
        await self._open()
        config = self._settings
        return Identity(serial=self._serial, facts={"port": config.port, "baud": str(config.baud)})

    @override
    async def live(self) -> AsyncIterator[Delivery]:
        """One delivery per line that says something, first those that were never acknowledged."""
        try:
            for delivery in [*self._unstored, *self._opening()]:
                yield delivery
            async with contextlib.aclosing(self._heard()) as deliveries:
                async for delivery in deliveries:
                    yield delivery
        finally:
            await self.aclose()

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        if delivery in self._unstored:
            self._unstored.remove(delivery)

    @override
    async def aclose(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.aclose()

    def vitals(self) -> Vitals:
        """Junk counts as packets with a wrong checksum: both say that the line is bad."""
        line = LineQuality(
            stream=False, packets=self._lines + self._junk, wrong_checksums=self._junk
        )
        return Vitals(line=line)

    def reading(
        self,
        metric: Literal["pieces", "rejects"],
        value: int,
        at: datetime,
        *,
        raw: bytes,
        boot_id: str,
        badge: str | None = None,
    ) -> Count:
        """Of the counter of this station; `next_seq` is called once for each instant before."""
        return Count(
            source=self._serial,
            tag=self._settings.tag,
            metric=metric,
            value=value,
            boot_id=boot_id,
            seq=self._seq,
            source_time=at,
            badge=badge,
            raw=raw,
        )

    def next_seq(self, at: datetime) -> int:
        """Grows with each call; begins at the milliseconds since 1970, so that it also grows over
        the lives of drivers.
        """
        self._seq = max(self._seq + 1, (at - _EPOCH) // timedelta(milliseconds=1))
        return self._seq

    def event(
        self, code: str, at: datetime, detail: dict[str, str | int], *, raw: bytes
    ) -> DeviceEvent:
        return DeviceEvent(
            serial=self._serial,
            code=code,
            device_time=self.wall(at),
            detail={"tag": self._settings.tag, **detail},
            raw=raw,
        )

    def wall(self, at: datetime) -> datetime:
        """The device has no clock: its time is the gateway's, in the site's zone."""
        return at.astimezone(self._zone).replace(tzinfo=None)

    def _opening(self) -> Iterable[Delivery]:
        if self._began:
            return ()
        self._began = True
        return [self._held((record,)) for record in self.opening(self._clock.now())]

    async def _heard(self) -> AsyncGenerator[Delivery, None]:
        heard: asyncio.Queue[Heard | Exception] = asyncio.Queue(_QUEUE_LINES)
        listener = asyncio.create_task(self._listen(await self._open(), heard))
        try:
            while not isinstance(item := await heard.get(), Exception):
                due = self._deliver(item)
                if due is not None:
                    yield due
            raise item
        finally:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener

    async def _open(self) -> SerialLink:
        if self._link is None:
            config = self._settings
            self._link = await open_serial(
                config.port, baud=config.baud, parity=config.parity, stop_bits=config.stop_bits
            )
        return self._link

    async def _listen(self, link: SerialLink, heard: "asyncio.Queue[Heard | Exception]") -> None:
        """Stamps lines as they come: a slow commit must not move the time of the next."""
        framer = LineFramer(self._settings.framing, max_bytes=self.MAX_LINE_BYTES)
        try:
            while True:
                try:
                    async with asyncio.timeout(self._settings.quiet_s):
                        data = await link.read()
                except TimeoutError:
                    items: Iterable[Line | Junk] = framer.silence()
                else:
                    items = framer.feed(data)
                for item in items:
                    await heard.put(self._stamped(item))
        except Exception as exc:  # noqa: BLE001 - `live` raises it, after what came before it
            for junk in framer.eof():
                await heard.put(self._stamped(junk))
            await heard.put(exc)

    def _stamped(self, line: Line | Junk) -> Heard:
        return Heard(line=line, at=self._clock.now(), monotonic=self._clock.monotonic())

    def _deliver(self, heard: Heard) -> Delivery | None:
        if isinstance(heard.line, Junk):
            self._junk += 1
            return self._quarantine(heard.line, heard.monotonic)
        self._lines += 1
        records = self.records_of(heard.line.text, heard)
        return self._held(records) if records else None

    def _held(self, records: Sequence[Record]) -> Delivery:
        if len(self._unstored) >= _MAX_UNSTORED:
            raise BlockedError(
                f"{_MAX_UNSTORED} lines were read and not stored",
                where=f"serial {self._settings.port}",
                remedy="The spool does not take them: see `edge-agent doctor`",
                code="lines_not_stored",
            )
        delivery = Delivery(serial=self._serial, records=tuple(records))
        self._unstored.append(delivery)
        return delivery

    def _quarantine(self, junk: Junk, now: float) -> Delivery | None:
        times = self._junk_times
        if len(times) == _JUNK_PER_MINUTE and now - times[0] < 60:
            self.junk_removed += 1
            self._junk_untold += 1
            return None
        times.append(now)
        removed, self._junk_untold = self._junk_untold, 0
        more = f" (after {removed} more that were not kept)" if removed else ""
        bad = Quarantined(
            source=self._serial,
            offset=junk.offset,
            reason=f"no line: {junk.reason}{more}",
            raw=junk.raw,
        )
        return Delivery(serial=self._serial, quarantined=(bad,))

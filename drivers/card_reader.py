"""Card readers that talk on a serial line and know nothing else: RDM6300 and its kin.

The reader has no memory and no clock, so this driver supplies both: the gateway's wall clock at
arrival is the time of the punch, and a card is held here until it is stored.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import Field
from typing_extensions import override

from drivers.contract import (
    Capability,
    Delivery,
    DeviceConfig,
    DriverContext,
    Identity,
    Manifest,
    Mode,
)
from drivers.errors import BlockedError, LinkDownError
from drivers.links.serial_port import SerialLink, open_serial
from drivers.talking import TalkingDriver
from protocols.rdm6300 import BadFrame, CardFrame, CardFramer
from protocols.records import Channel, Punch, Quarantined

STATE_NOT_ASKED: Final = 255
VERIFY_CARD: Final = 2

# A reader at 9600 baud sends 68 frames a second at most. While the spool is slow the queue holds
# 15 s of that; then the port is not read, and the kernel's buffer takes another 4 KiB.
_QUEUE_FRAMES: Final = 1_000
# Punches that were handed over and not stored. People do not queue this long at a dead reader:
# more means that whoever takes the deliveries never acknowledges.
_MAX_UNSTORED: Final = 1_000
# A line that is not connected picks up noise for ever; the spool must not fill with it.
_BAD_FRAMES_PER_MINUTE: Final = 30
# Ordinals must survive a clock that is set back a little, not a day.
_REMEMBERED_SECONDS: Final = 256


class CardReaderConfig(DeviceConfig):
    port: str
    """Path of the serial port; best under /dev/serial/by-id, which survives replugging."""
    baud: int = Field(default=9600, gt=0)
    """Speed of the line; these readers have 9600."""
    serial: str = ""
    """What the reader is known by: it has no serial number to ask for. Empty: the device's name."""
    debounce_s: float = Field(default=2.5, gt=0)
    """A card that lies on the coil is one punch until it was away for this long."""
    ack_byte: str = Field(default="", pattern=r"^([0-9A-Fa-f]{2}){0,8}$")
    """Hex bytes written to the reader once a punch is stored (lamp or beeper boards)."""

    @property
    def known_as(self) -> str:
        return self.serial or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    frame: CardFrame | BadFrame
    at: datetime
    monotonic: float


@dataclass(slots=True, kw_only=True)
class _Presence:
    """A card on the coil: its one punch, and when it was last seen."""

    delivery: Delivery
    last_seen: float


class CardReaderDriver(TalkingDriver):
    """`repeats_removed` counts what the debounce took away, `bad_frames_removed` what came too
    fast to be kept as bytes; both for the status page.
    """

    manifest: ClassVar[Manifest] = Manifest(
        kind="rdm6300",
        title="EM4100 card readers on a serial port (RDM6300, RDM630, ID-12, ID-20)",
        makes=("RDM6300", "RDM630", "ID-2", "ID-12", "ID-20"),
        mode=Mode.TALKS,
        capabilities=frozenset({Capability.LIVE}),
        simulator="rdm6300",
        config=CardReaderConfig,
    )

    def __init__(self, config: CardReaderConfig, context: DriverContext) -> None:
        self._config = config
        self._serial = config.known_as
        self._clock = context.clock
        self._zone = ZoneInfo(context.zone)
        self._ack = bytes.fromhex(config.ack_byte)
        self._link: SerialLink | None = None
        self._present: dict[str, _Presence] = {}
        self._unstored: deque[Delivery] = deque()
        self._ordinals: OrderedDict[tuple[datetime, str], int] = OrderedDict()
        self._bad_frame_times: deque[float] = deque(maxlen=_BAD_FRAMES_PER_MINUTE)
        self._removed_since_bad_frame = 0
        self.repeats_removed = 0
        self.bad_frames_removed = 0

    @override
    async def identity(self) -> Identity:
        """Opens the port. The reader itself cannot be asked anything."""
        await self._open()
        facts = {"port": self._config.port, "baud": str(self._config.baud)}
        return Identity(serial=self._serial, facts=facts)

    @override
    async def live(self) -> AsyncIterator[Delivery]:
        """One delivery per card that is presented, first those that were never acknowledged.

        A held card whose punch was not acknowledged is delivered again, as the same punch.
        """
        for delivery in list(self._unstored):
            yield delivery
        arrivals: asyncio.Queue[_Arrival | Exception] = asyncio.Queue(_QUEUE_FRAMES)
        listener = asyncio.create_task(self._listen(await self._open(), arrivals))
        try:
            while not isinstance(arrival := await arrivals.get(), Exception):
                delivery_due = self._deliver(arrival)
                if delivery_due is not None:
                    yield delivery_due
            raise arrival
        finally:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
            await self.aclose()

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        """The punch is stored: from now on the held card is only a repeat."""
        if delivery in self._unstored:
            self._unstored.remove(delivery)
        if delivery.records and self._ack and self._link is not None:
            with contextlib.suppress(LinkDownError):  # `live` reads the same port and tells it
                await self._link.write(self._ack)

    @override
    async def aclose(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.aclose()

    async def _open(self) -> SerialLink:
        if self._link is None:
            self._link = await open_serial(self._config.port, baud=self._config.baud)
        return self._link

    async def _listen(
        self, link: SerialLink, arrivals: "asyncio.Queue[_Arrival | Exception]"
    ) -> None:
        """Stamps frames as they arrive: a slow commit must not move the time of the next punch."""
        framer = CardFramer()
        try:
            while True:
                data = await link.read()
                for frame in framer.feed(data):
                    await arrivals.put(self._stamp(frame))
        except Exception as exc:  # noqa: BLE001 - `live` raises it, after what arrived before it
            for bad in framer.eof():
                await arrivals.put(self._stamp(bad))
            await arrivals.put(exc)

    def _stamp(self, frame: CardFrame | BadFrame) -> _Arrival:
        return _Arrival(frame=frame, at=self._clock.now(), monotonic=self._clock.monotonic())

    def _deliver(self, arrival: _Arrival) -> Delivery | None:
        frame = arrival.frame
        if isinstance(frame, BadFrame):
            return self._quarantine(frame, arrival.monotonic)
        presence = self._present.get(frame.card)
        if presence is None or arrival.monotonic - presence.last_seen >= self._config.debounce_s:
            return self._new_punch(frame, arrival)
        presence.last_seen = arrival.monotonic
        if presence.delivery in self._unstored:
            return presence.delivery
        self.repeats_removed += 1
        return None

    def _new_punch(self, frame: CardFrame, arrival: _Arrival) -> Delivery:
        if len(self._unstored) >= _MAX_UNSTORED:
            raise BlockedError(
                f"{_MAX_UNSTORED} punches were read and not stored",
                where=f"serial {self._config.port}",
                remedy="The spool does not take them: see `edge-agent doctor`",
                code="punches_not_stored",
            )
        self._forget_absent(arrival.monotonic)
        device_time = arrival.at.astimezone(self._zone).replace(tzinfo=None, microsecond=0)
        punch = Punch(
            serial=self._serial,
            user_id=frame.card,
            device_time=device_time,
            state=STATE_NOT_ASKED,
            verify=VERIFY_CARD,
            method="card",
            card=frame.card,
            channel=Channel.LIVE,
            ordinal=self._ordinal(device_time, frame.card),
            raw=frame.raw,
        )
        delivery = Delivery(serial=self._serial, records=(punch,))
        self._unstored.append(delivery)
        self._present[frame.card] = _Presence(delivery=delivery, last_seen=arrival.monotonic)
        return delivery

    def _forget_absent(self, now: float) -> None:
        """Cards that went away would otherwise stay in memory, every card that ever came."""
        self._present = {
            card: presence
            for card, presence in self._present.items()
            if now - presence.last_seen < self._config.debounce_s
        }

    def _ordinal(self, device_time: datetime, user_id: str) -> int:
        key = (device_time, user_id)
        ordinal = self._ordinals.get(key, -1) + 1
        self._ordinals[key] = ordinal
        self._ordinals.move_to_end(key)
        if len(self._ordinals) > _REMEMBERED_SECONDS:
            self._ordinals.popitem(last=False)
        return ordinal

    def _quarantine(self, frame: BadFrame, now: float) -> Delivery | None:
        times = self._bad_frame_times
        if len(times) == _BAD_FRAMES_PER_MINUTE and now - times[0] < 60:
            self.bad_frames_removed += 1
            self._removed_since_bad_frame += 1
            return None
        times.append(now)
        removed, self._removed_since_bad_frame = self._removed_since_bad_frame, 0
        reason = frame.reason + (f" (after {removed} more that were not kept)" if removed else "")
        bad = Quarantined(source=self._serial, offset=frame.offset, reason=reason, raw=frame.raw)
        return Delivery(serial=self._serial, quarantined=(bad,))

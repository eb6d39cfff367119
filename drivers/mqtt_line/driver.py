"""Boxes that publish their counts: a broker keeps them until the spool has them."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import ClassVar, Final

from typing_extensions import override

from drivers.broker_config import SESSION_EXPIRY_S
from drivers.contract import (
    Capability,
    Delivery,
    DriverContext,
    Identity,
    Manifest,
    Mode,
)
from drivers.links.mqtt import BrokerLink, Message
from drivers.mqtt_line.config import MqttLineConfig
from drivers.mqtt_line.translation import Arrival, Translator
from drivers.talking import TalkingDriver
from drivers.vitals import Alarm, Vitals
from protocols.errors import ProtocolError
from protocols.line_json import GW_V1_STATUS, RunningTotals
from protocols.records import Quarantined, Record

# One commit's worth. More waits at the broker, and comes while this is stored.
_MESSAGES: Final = 500


class MqttLineDriver(TalkingDriver):
    """A message is acknowledged when its reading is stored, and not before: what a crash of the agent
    interrupts, the broker sends again.
    """

    manifest: ClassVar[Manifest] = Manifest(
        kind="mqtt-line",
        title="Piece and reject counts as JSON over MQTT",
        makes=("any box or edge program that publishes JSON", "United Manufacturing Hub"),
        mode=Mode.TALKS,
        capabilities=frozenset({Capability.LIVE}),
        simulator="mqtt-line",
        config=MqttLineConfig,
    )

    def __init__(self, config: MqttLineConfig, context: DriverContext) -> None:
        self._config = config
        self._serial = config.known_as
        self._clock = context.clock
        self._mappings = config.mappings()
        self._place = config.place(session_expiry_s=SESSION_EXPIRY_S)
        self._link: BrokerLink | None = None
        self._cursor: bytes | None = None
        self._waiting_for_store: deque[tuple[Delivery, list[Message]]] = deque()
        self._zone = context.zone
        self._unreadable_cursor: tuple[Quarantined, ...] = ()
        self._translator = self._new_translator()

    @override
    async def identity(self) -> Identity:
        """Connects and subscribes: from now on nothing is missed. A broker has no serial."""
        link = await self._open()
        facts = {"broker": self._place.where, "mqtt": "5" if link.version == 5 else "3.1.1"}
        return Identity(serial=self._serial, facts=facts)

    def resume(self, cursor: bytes | None) -> None:
        """The sums of topics that say only what came since their last message."""
        self._cursor = cursor

    @override
    async def live(self) -> AsyncIterator[Delivery]:
        """A delivery is all that has come while the one before was stored."""
        self._translator = self._new_translator()
        self._waiting_for_store.clear()
        try:
            link = await self._open()
            while True:
                messages = await self._next_messages(link)
                delivery = self._delivery(messages)
                self._waiting_for_store.append((delivery, messages))
                yield delivery
        finally:
            await self.aclose()

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        """The readings are stored: now the broker may forget the messages."""
        while self._waiting_for_store:
            stored, messages = self._waiting_for_store.popleft()
            if stored.cursor is not None:
                self._cursor = stored.cursor
            if self._link is not None:
                self._link.acknowledge(messages)
            if stored is delivery:
                return

    @override
    async def aclose(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.aclose()

    def vitals(self) -> Vitals:
        """What was met that a person should look at."""
        counters = self._translator.counters
        alarms = [
            Alarm(code=code, what=f"{counters[code]} {what}", remedy=remedy)
            for code, (what, remedy) in _ALARMS.items()
            if counters[code]
        ]
        return Vitals(alarms=tuple(alarms))

    def _new_translator(self) -> Translator:
        started = self._clock.now()
        epoch = f"sum-{started:%Y%m%dT%H%M%S%f}"
        try:
            totals = RunningTotals(self._cursor, epoch=epoch)
        except ProtocolError as exc:
            raw, self._cursor = self._cursor or b"", None
            bad = Quarantined(source=self._serial, offset=0, reason=str(exc), raw=raw)
            self._unreadable_cursor = (bad,)
            totals = RunningTotals(None, epoch=epoch)
        return Translator(self._mappings, serial=self._serial, zone=self._zone, totals=totals)

    async def _open(self) -> BrokerLink:
        if self._link is not None and not self._link.alive:
            await self.aclose()
        if self._link is None:
            link = BrokerLink(self._place)
            topics = [mapping.filter.subscription for mapping in self._mappings]
            if "gw-v1" in self._config.shapes:
                topics.append(GW_V1_STATUS.subscription)
            await link.open(list(dict.fromkeys(topics)), qos=1)
            self._link = link
        return self._link

    async def _next_messages(self, link: BrokerLink) -> list[Message]:
        """Empty when it is time to tell a gap."""
        due_s = self._translator.next_due_s()
        if due_s is None:
            return await link.messages(_MESSAGES)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due_s - self._clock.monotonic())):
                return await link.messages(_MESSAGES)
        return []

    def _delivery(self, messages: list[Message]) -> Delivery:
        now, monotonic_s = self._clock.now(), self._clock.monotonic()
        translator = self._translator
        records: list[Record] = list(translator.due(now, monotonic_s))
        quarantined, self._unreadable_cursor = list(self._unreadable_cursor), ()
        summed = 0
        for message in messages:
            if message.retain and not self._config.receive_retained:
                translator.counters["retained"] += 1
                continue
            arrival = Arrival(
                topic=_topic_of(message),
                payload=bytes(message.payload),
                retain=message.retain,
                at=now,
                monotonic_s=monotonic_s,
            )
            became = translator.translate(arrival)
            records += became.records
            quarantined += became.quarantined
            summed += 1
        return Delivery(
            serial=self._serial,
            records=records,
            quarantined=quarantined,
            cursor=translator.totals.encode() if summed and translator.adds_up else None,
        )


def _topic_of(message: Message) -> str | None:
    try:
        return message.topic
    except UnicodeDecodeError:
        return None


_ALARMS: Final = {
    "refused": (
        "messages could not be read, and are in quarantine",
        "edge-agent spool peek shows them; correct the box or the mapping in the site file",
    ),
    "refused_not_kept": (
        "messages could not be read, and came too fast to be kept",
        "A box publishes something else on a topic of counts: correct it, or the filter",
    ),
    "clock_suspect": (
        "counts are dated before 2010",
        "The clock of a box is not set: give it a time service or a battery",
    ),
    "future": (
        "counts are dated more than a day ahead",
        "Set the clock of the box",
    ),
    "gaps": (
        "gaps in the numbers of a box",
        "Messages were lost before the gateway: ask edge-agent doctor about the broker",
    ),
    "increment_without_identity": (
        "increments came without time or number, so that a repeat cannot be told",
        "Let the box publish its counter, or put a time into the message",
    ),
}  # fmt: skip

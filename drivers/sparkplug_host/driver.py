"""A Sparkplug host application: hears edge nodes, asks them for births, says when it can store."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar, Final

from typing_extensions import override

from drivers.contract import (
    Capability,
    Delivery,
    DriverContext,
    Identity,
    Manifest,
    Mode,
)
from drivers.links.mqtt import BrokerLink, Message, Will
from drivers.sparkplug_host.config import USUAL, SparkplugHostConfig
from drivers.sparkplug_host.translation import SparkplugTranslator
from drivers.talking import TalkingDriver
from drivers.vitals import Alarm, Vitals
from protocols.errors import ProtocolError
from protocols.records import Quarantined, Record
from protocols.sparkplug import (
    NAMESPACE,
    HostState,
    MessageType,
    SparkplugHost,
    decode_payload,
    decode_state,
    encode_state,
    parse_topic,
    rebirth_request,
    rebirth_topic,
    state_topic,
)

_MESSAGES: Final = 500
_KEPT_BYTES: Final = 4 * 1024
_KEPT_A_MINUTE: Final = 600
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Deliveries that were handed over and not stored are kept: Sparkplug sends nothing twice.
_MOST_UNSTORED: Final = 50


class SparkplugHostDriver(TalkingDriver):
    """All of Sparkplug is QoS 0: what is sent while the gateway is away is gone, and a rebirth brings
    the present values. STATE is online only after something was stored in this session, so that edge
    nodes which keep their data for a primary host keep it while the spool cannot.
    """

    manifest: ClassVar[Manifest] = Manifest(
        kind="sparkplug-host",
        title="Piece and reject counts of Sparkplug B edge nodes",
        makes=("any Sparkplug B edge node: Ignition, Tahu, Cirrus Link, Neuron, HiveMQ Edge",),
        mode=Mode.TALKS,
        capabilities=frozenset({Capability.LIVE}),
        simulator="sparkplug",
        config=SparkplugHostConfig,
    )

    def __init__(self, config: SparkplugHostConfig, context: DriverContext) -> None:
        self._config = config
        self._serial = config.known_as
        self._clock = context.clock
        self._place = config.place(session_expiry_s=0)
        self._link: BrokerLink | None = None
        self._host = SparkplugHost(
            reorder_s=config.reorder_s, rebirth_every_s=config.rebirth_every_s
        )
        self._translator = SparkplugTranslator(config.metrics or USUAL, zone=context.zone)
        self._unstored: deque[Delivery] = deque()
        self._state: HostState | None = None
        self._announced = False
        self._kept: deque[float] = deque(maxlen=_KEPT_A_MINUTE)

    @override
    async def identity(self) -> Identity:
        """Connects and subscribes. A broker has no serial."""
        link = await self._open()
        facts = {"broker": self._place.where, "mqtt": "5" if link.version == 5 else "3.1.1"}
        return Identity(serial=self._serial, facts=facts)

    @override
    async def live(self) -> AsyncIterator[Delivery]:
        """First what was never acknowledged; then a delivery without rows, whose acknowledgement is
        the proof that the spool can be written.
        """
        try:
            link = await self._open()
            for delivery in list(self._unstored):
                yield delivery
            yield Delivery(serial=self._serial)
            while True:
                delivery = self._delivery(await self._next_messages(link), link)
                if delivery.records or delivery.quarantined:
                    self._keep(delivery)
                    yield delivery
        finally:
            await self.aclose()

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        """Stored: the spool takes rows, and edge nodes may send what they have kept."""
        if delivery in self._unstored:
            self._unstored.remove(delivery)
        if not self._announced and self._link is not None and self._state is not None:
            self._announced = True
            self._publish_state(self._link, online=True)

    @override
    async def aclose(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        if self._announced:
            self._announced = False
            self._publish_state(link, online=False)
        await link.aclose()

    def vitals(self) -> Vitals:
        """What was met that a person should look at."""
        counters = self._translator.counters
        alarms = [
            Alarm(code=code, what=f"{counters[code]} {what}", remedy=remedy)
            for code, (what, remedy) in _ALARMS.items()
            if counters[code]
        ]
        if counters["not_mapped"] and not counters["mapped"]:
            alarms.append(
                Alarm(
                    code="nothing_mapped",
                    what="metrics come, and none of them is a counter by the site file",
                    remedy="Name the counters in [[device.metrics]]; `edge-agent decode sparkplug` "
                    "lists the names in a capture",
                )
            )
        return Vitals(alarms=tuple(alarms))

    async def _open(self) -> BrokerLink:
        if self._link is not None and not self._link.alive:
            await self.aclose()
        if self._link is None:
            self._state, will = self._own_state()
            link = BrokerLink(self._place, will=will)
            topics = [f"{NAMESPACE}/{group}/#" for group in self._config.groups]
            if will is not None:
                topics.insert(0, will.topic)
            await link.open(topics, qos=1)
            self._link = link
        return self._link

    def _own_state(self) -> tuple[HostState | None, Will | None]:
        """The will says what the birth says, offline: of the same instant (3.0)."""
        if not self._config.host_id:
            return None, None
        state = HostState(online=True, timestamp=_milliseconds(self._clock.now()))
        old = self._config.state_version == "2"
        topic = state_topic(self._config.host_id, version_2=old)
        return state, Will(topic=topic, payload=self._state_text(state, online=False), retain=True)

    def _state_text(self, state: HostState, *, online: bool) -> bytes:
        if self._config.state_version == "2":
            return b"ONLINE" if online else b"OFFLINE"
        return encode_state(HostState(online=online, timestamp=state.timestamp))

    def _publish_state(self, link: BrokerLink, *, online: bool) -> None:
        state = self._state
        if state is None:
            return
        old = self._config.state_version == "2"
        topic = state_topic(self._config.host_id, version_2=old)
        link.publish(topic, self._state_text(state, online=online), qos=1, retain=True)

    async def _next_messages(self, link: BrokerLink) -> list[Message]:
        """Empty when time has made something due."""
        due_s = self._host.next_due_s()
        if due_s is None:
            return await link.messages(_MESSAGES)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due_s - self._clock.monotonic())):
                return await link.messages(_MESSAGES)
        return []

    def _keep(self, delivery: Delivery) -> None:
        self._unstored.append(delivery)
        while len(self._unstored) > _MOST_UNSTORED:
            self._unstored.popleft()  # whoever takes them never acknowledges: births say it again

    def _delivery(self, messages: list[Message], link: BrokerLink) -> Delivery:
        records: list[Record] = []
        quarantined: list[Quarantined] = []
        for message in messages:
            self._hear(message, records, quarantined)
        link.acknowledge(messages)  # all QoS 0 but for STATE, which is not stored
        now = self._clock.now()
        due = self._host.due(self._clock.monotonic())
        records += [self._translator.lost(lost, now) for lost in due.lost]
        for key in due.rebirths:
            self._translator.counters["rebirths_asked"] += 1
            request = rebirth_request(_milliseconds(now))
            link.publish(rebirth_topic(key), request, qos=0, retain=False)
        return Delivery(serial=self._serial, records=records, quarantined=quarantined)

    def _hear(
        self, message: Message, records: list[Record], quarantined: list[Quarantined]
    ) -> None:
        now, payload = self._clock.now(), bytes(message.payload)
        name = "(no text)"
        try:
            name = message.topic
            topic = parse_topic(name)
            if topic.type is MessageType.STATE:
                self._hear_state(topic.node, payload)
                return
            if topic.type.is_command:
                return  # of another host, or our own
            read = decode_payload(payload)
            heard = self._host.feed(
                topic, read, now_s=self._clock.monotonic(), retained=message.retain
            )
        except (ProtocolError, UnicodeDecodeError) as exc:
            self._refuse(name, payload, str(exc), quarantined)
            return
        new_records, bad = self._translator.translate(topic, read, heard, now)
        records += new_records
        quarantined += bad

    def _hear_state(self, host: str, payload: bytes) -> None:
        """Somebody's will said that we are gone: an older connection of ours, and we are here."""
        if host != self._config.host_id or not self._announced or self._link is None:
            return
        if not decode_state(payload).online:
            self._publish_state(self._link, online=True)

    def _refuse(
        self, topic: str, payload: bytes, reason: str, quarantined: list[Quarantined]
    ) -> None:
        counters, now_s = self._translator.counters, self._clock.monotonic()
        counters["refused"] += 1
        if len(self._kept) == _KEPT_A_MINUTE and now_s - self._kept[0] < 60:
            counters["refused_not_kept"] += 1
            return
        self._kept.append(now_s)
        size = len(payload)
        cut = f"; the first {_KEPT_BYTES} of {size} bytes are kept" if size > _KEPT_BYTES else ""
        quarantined.append(
            Quarantined(
                source=f"{self._serial} {topic[:512]}",
                offset=0,
                reason=f"{reason}{cut}",
                raw=payload[:_KEPT_BYTES],
            )
        )


def _milliseconds(at: datetime) -> int:
    return int((at - _EPOCH).total_seconds() * 1000)


_ALARMS: Final = {
    "refused": (
        "payloads or values could not be read, and are in quarantine",
        "edge-agent spool peek shows them; report them with the make of the box",
    ),
    "refused_not_kept": (
        "payloads could not be read, and came too fast to be kept",
        "Something else publishes on Sparkplug topics: find it in the broker's log",
    ),
    "clock_suspect": (
        "counts are dated before 2010",
        "The clock of a box is not set: give it a time service or a battery",
    ),
    "future": ("counts are dated more than a day ahead", "Set the clock of the box"),
    "messages_lost": (
        "messages of edge nodes were lost",
        "Check the line between box and broker; counters have their value after the rebirth",
    ),
}

"""One connection to a broker, which tells what aiomqtt keeps to itself: the broker's reasons.

aiomqtt takes every PUBACK for a success. A broker says in it that the gateway may not publish
there, that the message is too large, or that no core listens; without that all three would be
silence until a time-out.
"""

import contextlib
import socket
import ssl
from typing import Any

import aiomqtt
from msgspec import Struct
from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from typing_extensions import override

from protocols.mqtt_uplink import MAX_PACKET_BYTES, PACKET_ALLOWANCE_BYTES, BrokerAddress
from sync.core_replies import MAX_ANSWER_BYTES

KEEPALIVE_S = 30  # a half-open line is noticed within one and a half of these
_MAX_WAITING_ANSWERS = 8  # each up to MAX_ANSWER_BYTES; more than one is a core gone mad
_BESIDE_BODY_BYTES = 2 * 1024  # our topic and properties are under 1 kB
_PROBLEM = 0x80  # from here on a reason code is a refusal
NO_SUBSCRIBERS = 0x10
_UNSPECIFIED = 0x80  # also what paho makes of a line that broke
TOO_LARGE = 0x95
NOT_ALLOWED = frozenset({0x86, 0x87, 0x8A, 0x8C})  # bad password, not authorised, banned, method


class Credentials(Struct, frozen=True, kw_only=True):
    """How a gateway shows a broker who it is. `tls` carries a client certificate, if there is one;
    None for a broker on this machine without TLS.
    """

    user: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


class BrokerRefusalError(aiomqtt.MqttError):
    """`reason` is the MQTT 5 reason code."""

    def __init__(self, reason: int, what: str) -> None:
        super().__init__(what)
        self.reason = reason


class BrokerSession(aiomqtt.Client):
    """Clean at each start: an answer to a question of an earlier connection is asked for again."""

    def __init__(self, address: BrokerAddress, who: Credentials, *, timeout_s: float) -> None:
        properties = new_properties(PacketTypes.CONNECT)
        properties.MaximumPacketSize = MAX_ANSWER_BYTES + PACKET_ALLOWANCE_BYTES
        super().__init__(
            address.host,
            address.port,
            username=who.user,
            password=who.password,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=KEEPALIVE_S,
            timeout=timeout_s,
            max_queued_incoming_messages=_MAX_WAITING_ANSWERS,
            tls_context=who.tls,
            properties=properties,
            # A request is several small writes: with Nagle each waits 40 ms for the other side.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        self.largest_packet = MAX_PACKET_BYTES
        self._puback = 0

    async def hear(self, topic: str) -> None:
        """Subscribes. What was retained there was meant for somebody else.

        Raises BrokerRefusalError, aiomqtt.MqttError.
        """
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        for reason in await self.subscribe(topic, options=options):
            _check(reason, f"may not subscribe to {topic}")

    async def tell(self, topic: str, body: bytes, properties: Properties) -> None:
        """Publishes, and returns when a subscriber's broker has it.

        Raises BrokerRefusalError, aiomqtt.MqttError.
        """
        if len(body) + _BESIDE_BODY_BYTES > self.largest_packet:
            raise BrokerRefusalError(TOO_LARGE, f"takes no more than {self.largest_packet} bytes")
        self._puback = 0
        await self.publish(topic, body, qos=1, properties=properties)
        _check(self._puback, f"did not take a message of {len(body)} bytes to {topic}")
        if self._puback == NO_SUBSCRIBERS:
            raise BrokerRefusalError(NO_SUBSCRIBERS, "no core listens there")

    async def close(self) -> None:
        """In whatever state the connection is: aiomqtt leaves the socket of one that broke, or never
        was answered, to the garbage collector.
        """
        if self._connected.done() and not self._disconnected.done():
            with contextlib.suppress(aiomqtt.MqttError):
                await self.__aexit__(None, None, None)
        for future in (self._connected, self._disconnected):
            if future.done() and not future.cancelled():
                future.exception()  # seen: asyncio need not complain
        if self._misc_task is not None:
            self._misc_task.cancel()
        left = self._client.socket()
        if left is not None and left.fileno() >= 0:
            self._loop.remove_reader(left.fileno())
            self._loop.remove_writer(left.fileno())
            left.close()

    @override
    def _on_connect(
        self,
        client: Client,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        limit = getattr(properties, "MaximumPacketSize", None)
        if limit is not None:
            self.largest_packet = limit
        super()._on_connect(client, userdata, flags, reason_code, properties)

    @override
    def _on_publish(
        self,
        client: Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        self._puback = reason_code.value
        super()._on_publish(client, userdata, mid, reason_code, properties)


def new_properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types there


def reasons_of(error: BaseException) -> set[int]:
    """Every MQTT 5 reason that the broker gave, in the chain of errors."""
    found: set[int] = set()
    step: BaseException | None = error
    while step is not None:
        if isinstance(step, BrokerRefusalError):
            found.add(step.reason)
        elif isinstance(step, aiomqtt.MqttCodeError) and isinstance(step.rc, ReasonCode):
            found.add(step.rc.value)
        step = step.__cause__ or step.__context__
    return found - {_UNSPECIFIED}


def _check(reason: ReasonCode | int, what: str) -> None:
    value = reason.value if isinstance(reason, ReasonCode) else reason
    if value >= _PROBLEM:
        raise BrokerRefusalError(value, f"{what} (reason {value:#04x})")

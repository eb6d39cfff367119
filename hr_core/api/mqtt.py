"""The gateways' requests from an MQTT 5 broker: accept, durable, answer, and only then acknowledge.

paho and not aiomqtt, because aiomqtt acknowledges a message when it arrives: a core that is killed
after that has lost it at the broker. Here the broker keeps it until the answer is on its way, and
delivers it again to the next core; what was stored already is answered as such.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hr_core.api.batches import MAX_WAITING
from hr_core.api.body import MAX_BODY_BYTES
from hr_core.api.broker import Broker
from hr_core.api.errors import ApiError, sick
from hr_core.api.gateway_api import GatewayApi
from hr_core.api.incoming import Reply, error_reply
from hr_core.api.mqtt_incoming import MqttIncoming
from hr_core.store.errors import StorageError
from protocols.errors import ProtocolError
from protocols.mqtt_uplink import (
    BATCHES,
    CHAIN,
    CONTENT_TYPE,
    PACKET_ALLOWANCE_BYTES,
    RETRY_PROPERTY,
    ROOT,
    STATUS_PROPERTY,
)

CLIENT_ID = "clockline-core"
KEEPALIVE_S = 30
SESSION_S = 3600  # the broker keeps what was not acknowledged for a core that restarts
ANSWER_EXPIRES_S = 300  # no gateway waits longer for an answer (uplink.timeout_s)
_RETRY_FIRST_S, _RETRY_LONGEST_S = 1, 30
_STOP_S = 5.0  # a batch in the middle of its commit is answered
_MAX_ANSWERS_QUEUED = 4 * MAX_WAITING

_log = logging.getLogger(__name__)


class MqttConsumer:
    """`async with`: listens until the end. A broker that is away is tried for ever."""

    def __init__(self, broker: Broker, gateways: GatewayApi) -> None:
        self._broker = broker
        self._take = {
            BATCHES: gateways.receiver.take,
            CHAIN: gateways.questions.take_chain,
        }
        self._connection = 0  # packet ids mean something within one connection only
        self._told: str | None = None
        self.subscriptions = 0  # since the start; one more each time the broker came back
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client = self._new_client()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        address = self._broker.address
        self._client.connect_async(
            address.host,
            address.port,
            keepalive=KEEPALIVE_S,
            clean_start=False,
            properties=_connect_properties(),
        )
        self._client.loop_start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_S)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        left = self._client.socket()
        if left is not None:  # the farewell did not get through
            left.close()

    def _new_client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, CLIENT_ID, protocol=MQTTv5, manual_ack=True)
        client.reconnect_delay_set(_RETRY_FIRST_S, _RETRY_LONGEST_S)
        client.max_queued_messages_set(_MAX_ANSWERS_QUEUED)
        address = self._broker.address
        client.username_pw_set(address.user or CLIENT_ID, self._broker.password)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    # What follows until the next comment runs in paho's thread.

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _more: Any
    ) -> None:
        if reason.is_failure:
            self._tell(f"the broker refuses this core ({reason}): check its password and ACL")
            return
        self._connection += 1
        line = client.socket()
        if isinstance(line, socket.socket):  # answers are small writes: Nagle would hold each back
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        client.subscribe([(f"{ROOT}/+/{kind}", options) for kind in self._take])

    def _on_connect_fail(self, _client: Client, _data: Any) -> None:
        address = self._broker.address
        self._tell(
            f"the broker {address.host}:{address.port} cannot be reached, or its certificate is "
            "not trusted (SSL_CERT_FILE names a private CA); it is tried again by itself"
        )

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _more: Any
    ) -> None:
        if not self._closing:
            self._tell(f"the broker is gone ({reason}); it is tried again by itself")

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _more: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._tell("the broker does not let this core read: check its ACL (docs/mqtt.md)")
            return
        self._told = None
        self.subscriptions += 1
        address = self._broker.address
        _log.info("listening at the broker %s:%s", address.host, address.port)

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        connection = self._connection

        def acknowledge() -> None:
            # The broker that is connected now may mean another message by this id.
            if message.qos == 1 and connection == self._connection:
                client.ack(message.mid, message.qos)

        if self._loop is not None and not self._closing:
            self._loop.call_soon_threadsafe(self._start, message, acknowledge)

    def _tell(self, what: str) -> None:
        """Once, until something else is so."""
        if what != self._told:
            self._told = what
            _log.warning("MQTT: %s", what)

    # From here on everything runs in the event loop.

    def _start(self, message: MQTTMessage, acknowledge: Callable[[], None]) -> None:
        task = asyncio.create_task(self._serve(message, acknowledge))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, message: MQTTMessage, acknowledge: Callable[[], None]) -> None:
        try:
            incoming = MqttIncoming(message)
        except ProtocolError as exc:
            self._tell(str(exc))
            acknowledge()
            return
        if not message.retain:  # nobody waits for an answer to what lay there
            self._answer(incoming, await self._reply(incoming))
        acknowledge()

    async def _reply(self, incoming: MqttIncoming) -> Reply:
        try:
            return await self._take[incoming.kind](incoming)
        except ApiError as error:
            return error_reply(error)
        except StorageError as error:
            return error_reply(sick(error))
        except Exception:  # noqa: BLE001 - a fault of ours, see below; logged and answered
            # As the web server does. Left unacknowledged it would come back for ever and, sixteen
            # times, shut everybody else out; the gateway keeps the batch and sends it again.
            _log.exception("a request of %s failed", incoming.claimed)
            return Reply(status=HTTPStatus.INTERNAL_SERVER_ERROR, body=b"{}", headers={})

    def _answer(self, incoming: MqttIncoming, reply: Reply) -> None:
        """Under the gateway's own name, and not where a message says that it wants it."""
        if incoming.correlation is None:
            return
        properties = _new(PacketTypes.PUBLISH)
        properties.CorrelationData = incoming.correlation
        properties.ContentType = CONTENT_TYPE
        properties.MessageExpiryInterval = ANSWER_EXPIRES_S
        properties.UserProperty = [
            (STATUS_PROPERTY, str(int(reply.status))),
            *((_PROPERTY_OF.get(name, name), value) for name, value in reply.headers.items()),
        ]
        self._client.publish(incoming.answers, reply.body, qos=1, properties=properties)


_PROPERTY_OF = {"Retry-After": RETRY_PROPERTY}


def _connect_properties() -> Properties:
    properties = _new(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_S
    # The broker sends no more than these before we acknowledge: the queue is bounded there.
    properties.ReceiveMaximum = MAX_WAITING
    properties.MaximumPacketSize = MAX_BODY_BYTES + PACKET_ALLOWANCE_BYTES
    return properties


def _new(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types there

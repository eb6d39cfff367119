"""A link to an MQTT broker that says "I have it" only when told to.

QoS 1 and never 2: paho answers PUBREC by itself, so a QoS 2 message is lost with the process
(specs/line/protocols.md 1). All runs on the event loop; nothing is acknowledged but by `acknowledge`.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal

from msgspec import Struct
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from drivers.errors import BlockedError, DriverError, LinkDownError
from drivers.links.mqtt_client import BufferedClient
from drivers.links.mqtt_place import BrokerPlace, password_of, trust_of
from drivers.links.mqtt_troubles import (
    cannot_open,
    closed_by_us,
    lost,
    refused,
    taken_over,
    taken_over_again,
    wrong_version,
)

# What a broker may send without an answer: enough to fill commits while a disk is slow (Mosquitto
# writes its whole queue to its own disk for each message beyond), few enough to hold in memory.
RECEIVE_MAXIMUM: Final = 2_000
# Brokers of 3.1.1 know no receive maximum: beyond this the socket is not read.
_MOST_WAITING: Final = 2 * RECEIVE_MAXIMUM
_MOST_WAITING_BYTES: Final = 32 * 1024 * 1024
# Told to the broker (MQTT 5), which then sends nothing larger. Counts have 200 bytes, births 1 MB.
MAX_PACKET_BYTES: Final = 16 * 1024 * 1024
_TICK_S: Final = 1.0
_PROBLEM: Final = 0x80
_WRONG_VERSION: Final = frozenset({0x01, 0x84})
_TAKEN_OVER: Final = 0x8E
_AGAIN_WITHIN_S: Final = 120.0

Message = MQTTMessage


class Will(Struct, frozen=True, kw_only=True):
    """What the broker tells the others when this connection breaks."""

    topic: str
    payload: bytes
    qos: Literal[0, 1] = 1
    retain: bool = False


class _OtherVersionError(Exception):
    """The broker does not speak MQTT 5."""


class BrokerLink:
    """One connection. `open` connects and subscribes; whatever ends the connection is raised by
    `messages`. `session_present`: the broker has kept what was not acknowledged.
    """

    # A driver is built anew for each connection: who hangs up again and again shows only from here.
    _ends: ClassVar[dict[tuple[str, str], deque[float]]] = {}

    def __init__(self, place: BrokerPlace, *, will: Will | None = None) -> None:
        self._place = place
        self._will = will
        self._client: BufferedClient | None = None
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[Message] = deque()
        self._inbox_bytes = 0
        self._arrived = asyncio.Event()
        self._connected: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._subscribed: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._ended: DriverError | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._watched: socket.socket | None = None
        self._reading = False
        self._writing = False
        self._greeted = False
        self.session_present = False
        self.version = 5

    @property
    def alive(self) -> bool:
        return self._client is not None and self._ended is None

    @property
    def waiting(self) -> int:
        """Messages that have come and were not taken yet."""
        return len(self._inbox)

    async def open(self, topics: Sequence[str], *, qos: Literal[0, 1]) -> None:
        """Raises DriverError."""
        try:
            await self._connect(topics, qos)
        except BaseException:
            await self.aclose()
            raise

    async def messages(self, most: int) -> list[Message]:
        """What has come, at least one, in order. Raises DriverError when the connection has ended
        and all that came before was handed out.
        """
        while not self._inbox:
            if self._ended is not None:
                raise self._ended
            self._arrived.clear()
            await self._arrived.wait()
        found = [self._inbox.popleft() for _ in range(min(most, len(self._inbox)))]
        self._inbox_bytes -= sum(len(message.payload) for message in found)
        self._read_again()
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """They are stored. The broker of a connection that has ended sends them again."""
        client = self._client
        if client is None or self._ended is not None:
            return
        for message in messages:
            if message.qos:
                client.ack(message.mid, message.qos)
        self._write()

    def publish(self, topic: str, payload: bytes, *, qos: Literal[0, 1], retain: bool) -> None:
        """Queues it; whether it arrives, the connection's life decides."""
        if self._client is not None and self._ended is None:
            self._client.publish(topic, payload, qos=qos, retain=retain)
            self._write()

    async def aclose(self) -> None:
        """Says goodbye where somebody listens. Never raises; safe to call twice."""
        client, self._client = self._client, None
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        if client is None:
            return
        self._end(closed_by_us(self._place.where))
        with contextlib.suppress(OSError, ValueError):
            client.disconnect()
            client.write_packets()
        self._unwatch()
        left = client.socket()
        if left is not None:
            left.close()
        self._connected.cancel()

    async def _connect(self, topics: Sequence[str], qos: Literal[0, 1]) -> None:
        wanted = self._place.version
        try:
            await self._shake_hands(5 if wanted != "3.1.1" else 4)
        except _OtherVersionError:
            if wanted == "5":
                raise wrong_version(self._place.where) from None
            await self._forget_connection()
            await self._shake_hands(4)
        self._ticker = self._loop.create_task(self._tick())
        await self._subscribe(topics, qos)

    async def _forget_connection(self) -> None:
        await self.aclose()
        self._ended = None
        self._connected = self._loop.create_future()

    async def _shake_hands(self, version: int) -> None:
        place = self._place
        self.version = version
        client = self._client = self._new_client(version)
        try:
            async with asyncio.timeout(place.timeout_s):
                await self._open_socket(client, version)
                self._watch(client)
                reason = await self._connected
        except TimeoutError as exc:
            raise LinkDownError(
                f"no answer within {place.timeout_s:g} s",
                where=place.where,
                remedy="Check that the broker runs, and the address in the site file",
                code="link_timeout",
            ) from exc
        except OSError as exc:
            raise cannot_open(place.where, exc) from exc
        if reason.value in _WRONG_VERSION and version == 5:
            raise _OtherVersionError
        if reason.value >= _PROBLEM or reason.is_failure:
            raise refused(place.where, reason)

    def _new_client(self, version: int) -> BufferedClient:
        place = self._place
        five = version == 5
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=place.client_id,
            clean_session=None if five else place.session_expiry_s == 0,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = place.timeout_s
        if place.user is not None:
            client.username_pw_set(place.user, password_of(place))
        if place.tls:
            client.tls_set_context(trust_of(place))
        if self._will is not None:
            client.will_set(
                self._will.topic, self._will.payload, qos=self._will.qos, retain=self._will.retain
            )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_write_wanted
        return client

    async def _open_socket(self, client: Client, version: int) -> None:
        """Paho resolves, connects and shakes hands with TLS without yielding: in a thread."""
        place = self._place
        properties: Properties | None = None
        clean: Any = 3  # paho's default, which 3.1.1 does not look at
        if version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            properties.MaximumPacketSize = MAX_PACKET_BYTES
            if place.session_expiry_s:
                properties.SessionExpiryInterval = place.session_expiry_s
            clean = place.session_expiry_s == 0
        opening = self._loop.run_in_executor(
            None,
            lambda: client.connect(
                place.host, place.port, place.keepalive_s, clean_start=clean, properties=properties
            ),
        )
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda done: _drop(client, done))
            raise

    async def _subscribe(self, topics: Sequence[str], qos: Literal[0, 1]) -> None:
        client = self._client
        assert client is not None  # noqa: S101 - connected one line before
        if self.version == 5:
            # A retained count was there when the session began; each reconnect would repeat it.
            options = SubscribeOptions(
                qos=qos, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
            )
            _, mid = client.subscribe([(topic, options) for topic in topics])
        else:
            _, mid = client.subscribe([(topic, int(qos)) for topic in topics])
        if mid is None:
            raise self._ended or lost(self._place.where, "before it subscribed")
        answered: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._subscribed[mid] = answered
        self._write()
        try:
            async with asyncio.timeout(self._place.timeout_s):
                reasons = await answered
        except TimeoutError as exc:
            raise LinkDownError(
                f"the broker did not confirm the subscription within {self._place.timeout_s:g} s",
                where=self._place.where,
                remedy="It is tried again by itself; look into the broker's log if it repeats",
                code="broker_silent",
            ) from exc
        for topic, reason in zip(topics, reasons, strict=False):
            if reason.value >= _PROBLEM:
                raise BlockedError(
                    f"the broker does not let us subscribe to {topic} ({reason})",
                    where=self._place.where,
                    remedy=f"Allow {self._place.client_id} to read it in the broker's ACL",
                    code="broker_forbids",
                )

    def _watch(self, client: BufferedClient) -> None:
        sock = client.socket()
        if not isinstance(sock, socket.socket):
            raise lost(self._place.where, "before it was greeted")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watched = sock
        self._loop.add_reader(sock, self._read)
        self._reading = True
        self._write()

    def _unwatch(self) -> None:
        sock, self._watched = self._watched, None
        self._reading = self._writing = False
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _read(self) -> None:
        client = self._client
        if client is None or not self._reading:
            return
        more = client.read_packets()
        sock = self._watched  # None: the connection ended in what was read
        if sock is None:
            return
        if len(self._inbox) >= _MOST_WAITING or self._inbox_bytes >= _MOST_WAITING_BYTES:
            self._loop.remove_reader(sock)
            self._reading = False
        elif more:
            self._loop.call_soon(self._read)

    def _read_again(self) -> None:
        if self._reading or self._watched is None:
            return
        if len(self._inbox) < RECEIVE_MAXIMUM and self._inbox_bytes < _MOST_WAITING_BYTES // 2:
            self._loop.add_reader(self._watched, self._read)
            self._reading = True
            self._loop.call_soon(self._read)  # bytes may wait inside TLS

    def _write(self) -> None:
        client = self._client
        if client is None or self._watched is None:
            return
        try:
            more = client.write_packets()
        except OSError as exc:
            self._end(lost(self._place.where, exc.strerror or str(exc)))
            return
        self._await_room(more)

    def _await_room(self, wanted: bool) -> None:  # noqa: FBT001 - the socket's state, set or not
        sock = self._watched
        if sock is None:
            return
        if wanted and not self._writing:
            self._loop.add_writer(sock, self._write)
        elif not wanted and self._writing:
            self._loop.remove_writer(sock)
        self._writing = wanted

    async def _tick(self) -> None:
        """Keep-alive: a line that is dead without a word ends within one and a half of it."""
        while self._client is not None:
            await asyncio.sleep(_TICK_S)
            if self._client is not None:
                self._client.loop_misc()
                self._write()

    def _end(self, error: DriverError) -> None:
        if self._ended is None:
            self._ended = error
        self._arrived.set()
        waiting: list[asyncio.Future[Any]] = [self._connected, *self._subscribed.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # seen: who waits hears it, and nobody may wait

    def _on_connect(
        self, _client: Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self.session_present = flags.session_present
        self._greeted = not reason.is_failure
        if not self._connected.done():
            self._connected.set_result(reason)

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if not self._connected.done() and self.version == 5 and self._place.version == "auto":
            # Some brokers of 3.1.1 hang up on what they do not know.
            self._connected.set_exception(_OtherVersionError())
            return
        if flags.is_disconnect_packet_from_server and reason.value == _TAKEN_OVER:
            self._end(taken_over(self._place))
        else:
            ended = lost(self._place.where, str(reason))
            again = self._hung_up_again(self._loop.time())
            self._end(taken_over_again(self._place) if again else ended)

    def _hung_up_again(self, now_s: float) -> bool:
        """Whether the broker hangs up on this client id again and again, though it lets it in.

        Mosquitto 2.0.11 ends the connection without the reason that MQTT 5 has for it.
        """
        if not self._greeted:
            return False
        ends = self._ends.setdefault((self._place.where, self._place.client_id), deque(maxlen=3))
        ends.append(now_s)
        return len(ends) == ends.maxlen and now_s - ends[0] < _AGAIN_WITHIN_S

    def _on_subscribe(
        self, _client: Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        answered = self._subscribed.pop(mid, None)
        if answered is not None and not answered.done():
            answered.set_result(reasons)

    def _on_message(self, _client: Client, _data: Any, message: Message) -> None:
        self._inbox.append(message)
        self._inbox_bytes += len(message.payload)
        self._arrived.set()

    def _on_socket_close(self, _client: Client, _data: Any, _sock: Any) -> None:
        self._unwatch()

    def _on_write_wanted(self, _client: Client, _data: Any, _sock: Any) -> None:
        """Also from the thread that connects. What we send ourselves is written at once."""
        if self._watched is not None:
            self._loop.call_soon_threadsafe(self._write)


def _drop(client: Client, done: "asyncio.Future[Any]") -> None:
    """A connection that came when nobody wanted it any more."""
    if not done.cancelled():
        done.exception()
    left = client.socket()
    if left is not None:
        left.close()

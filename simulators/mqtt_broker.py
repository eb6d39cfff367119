"""A small MQTT broker on a real socket, so that simulated boxes need no other program.

MQTT 3.1.1 and 5, QoS 0 and 1, retained messages, wills, sessions that outlive their connection (in
memory). Not for production: nothing is on a disk, nobody is asked for a password.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from protocols.errors import ProtocolError
from protocols.mqtt_packets import (
    Packet,
    PacketFramer,
    Published,
    PublishReader,
    encode_packet,
    read_length,
)

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
_VERSION_5: Final = 5
_READ_BYTES: Final = 64 * 1024
_IN_FLIGHT: Final = 500
_MOST_WAITING: Final = 100_000  # of one session; a simulated night is less


@dataclass(slots=True)
class _Session:
    filters: dict[str, int] = field(default_factory=dict)
    waiting: deque[Published] = field(default_factory=deque)
    in_flight: dict[int, Published] = field(default_factory=dict)
    next_id: int = 0


@dataclass(slots=True)
class _Client:
    writer: asyncio.StreamWriter
    id: str
    version: int
    clean: bool
    session: _Session
    will: Published | None


class SimulatedBroker:
    """`heard` is called with every message that a client publishes."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._sessions: dict[str, _Session] = {}
        self._clients: dict[str, _Client] = {}
        self._retained: dict[str, Published] = {}
        self._handlers: set[asyncio.Task[None]] = set()
        self.heard: Callable[[Published], None] | None = None

    @property
    def host(self) -> str:
        return self._host

    @property
    def port(self) -> int:
        """The port that is served; after `start` also when 0 was asked for."""
        return self._port

    @property
    def clients(self) -> int:
        return len(self._clients)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As a power cut, but that sessions and retained messages stay for the next `start`."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for client in list(self._clients.values()):
            client.writer.transport.abort()
        await asyncio.gather(*self._handlers)
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """As a client would."""
        message = Published(topic=topic, payload=payload, qos=qos, retain=False)
        if retain:
            self._retained.pop(topic, None)
            if payload:
                self._retained[topic] = Published(
                    topic=topic, payload=payload, qos=qos, retain=True
                )
        for name, session in self._sessions.items():
            granted = [q for wanted, q in session.filters.items() if topic_fits(wanted, topic)]
            if granted:
                self._queue(name, session, message, min(qos, max(granted)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio starts this coroutine as a task
        self._handlers.add(task)
        connection = _Connection(self, writer)
        framer = PacketFramer()
        try:
            while data := await reader.read(_READ_BYTES):
                for packet in framer.feed(data):
                    connection.take(packet)
                await writer.drain()
        except (OSError, ProtocolError, EOFError):
            pass  # the client went away, or speaks something else: a broker hangs up
        finally:
            self._leave(connection.client)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._handlers.discard(task)

    def enter(self, client: _Client) -> bool:
        """True when a session was kept for it. One that is connected by the same id is thrown out."""
        earlier = self._clients.pop(client.id, None)
        if earlier is not None:
            earlier.writer.transport.abort()
        kept = self._sessions.get(client.id)
        if kept is None or client.clean:
            self._sessions[client.id] = client.session
        else:
            client.session = kept
            kept.waiting.extendleft(reversed(kept.in_flight.values()))
            kept.in_flight.clear()
        self._clients[client.id] = client
        return kept is not None and not client.clean

    def subscribe(self, client: _Client, wanted: str, qos: int) -> None:
        client.session.filters[wanted] = qos
        for topic, message in self._retained.items():
            if topic_fits(wanted, topic):
                self._queue(client.id, client.session, message, min(qos, message.qos))

    def send_waiting(self, client: _Client) -> None:
        session = client.session
        while session.waiting and len(session.in_flight) < _IN_FLIGHT:
            message = session.waiting.popleft()
            mid = 0
            if message.qos:
                session.next_id = mid = session.next_id % 0xFFFF + 1
                session.in_flight[mid] = message
            client.writer.write(encode_publish(message, mid, version=client.version))

    def _queue(self, name: str, session: _Session, message: Published, qos: int) -> None:
        client = self._clients.get(name)
        if (client is None and qos == 0) or len(session.waiting) >= _MOST_WAITING:
            return
        session.waiting.append(
            Published(topic=message.topic, payload=message.payload, qos=qos, retain=message.retain)
        )
        if client is not None:
            self.send_waiting(client)

    def _leave(self, client: _Client | None) -> None:
        if client is None or self._clients.get(client.id) is not client:
            return
        del self._clients[client.id]
        if client.clean:
            self._sessions.pop(client.id, None)
        if client.will is not None:
            will = client.will
            self.publish(will.topic, will.payload, qos=will.qos, retain=will.retain)


class _Connection:
    """What one client says, packet by packet."""

    def __init__(self, broker: SimulatedBroker, writer: asyncio.StreamWriter) -> None:
        self._broker = broker
        self._writer = writer
        self._reader = PublishReader()
        self.client: _Client | None = None

    def take(self, packet: Packet) -> None:
        """Raises ProtocolError for what a broker hangs up on, EOFError after a goodbye."""
        if packet.type == CONNECT:
            self._connect(packet)
            return
        client = self.client
        if client is None:
            raise ProtocolError("the first packet is no CONNECT")
        match packet.type:
            case 3:
                self._publish(packet)
            case 4:
                mid = int.from_bytes(packet.body[:2], "big")
                client.session.in_flight.pop(mid, None)
                self._broker.send_waiting(client)
            case 8:
                self._subscribe(client, packet.body)
            case 12:
                self._writer.write(encode_packet(PINGRESP, 0, b""))
            case 14:
                client.will = None
                raise EOFError
            case _:
                raise ProtocolError(f"packet type {packet.type} is not for a broker")

    def _connect(self, packet: Packet) -> None:
        will = self._reader.read(packet)
        body = packet.body
        size = int.from_bytes(body[:2], "big")
        version, flags = body[2 + size], body[3 + size]
        offset = 6 + size
        if version == _VERSION_5:
            length, start = read_length(body, offset)
            offset = start + length
        length = int.from_bytes(body[offset : offset + 2], "big")
        name = body[offset + 2 : offset + 2 + length].decode()
        client = _Client(
            self._writer,
            name or f"anonymous-{id(self)}",
            version,
            bool(flags & 2),
            _Session(),
            will,
        )
        self.client = client
        present = self._broker.enter(client)
        extra = b"\0" if version == _VERSION_5 else b""
        self._writer.write(encode_packet(CONNACK, 0, bytes([present, 0]) + extra))
        self._broker.send_waiting(client)

    def _publish(self, packet: Packet) -> None:
        message = self._reader.read(packet)
        if message is None:
            return
        if message.qos:
            size = int.from_bytes(packet.body[:2], "big")
            self._writer.write(encode_packet(PUBACK, 0, packet.body[2 + size : 4 + size]))
        if self._broker.heard is not None:
            self._broker.heard(message)
        self._broker.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)

    def _subscribe(self, client: _Client, body: bytes) -> None:
        offset, extra = 2, b""
        if client.version == _VERSION_5:
            length, start = read_length(body, 2)
            offset, extra = start + length, b"\0"
        wanted: list[tuple[str, int]] = []
        while offset < len(body):
            size = int.from_bytes(body[offset : offset + 2], "big")
            text = body[offset + 2 : offset + 2 + size].decode()
            wanted.append((text, min(body[offset + 2 + size] & 3, 1)))
            offset += 3 + size
        answer = body[:2] + extra + bytes(qos for _, qos in wanted)
        self._writer.write(encode_packet(SUBACK, 0, answer))
        for text, qos in wanted:
            self._broker.subscribe(client, text, qos)


def encode_publish(message: Published, mid: int, *, version: int) -> bytes:
    topic = message.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic
    if message.qos:
        body += mid.to_bytes(2, "big")
    if version == _VERSION_5:
        body += b"\0"
    return encode_packet(PUBLISH, message.qos << 1 | message.retain, body + message.payload)


def topic_fits(wanted: str, topic: str) -> bool:
    """MQTT's wildcards."""
    filters, levels = wanted.split("/"), topic.split("/")
    for place, level in enumerate(filters):
        if level == "#":
            return True
        if place >= len(levels) or level not in {"+", levels[place]}:
            return False
    return len(filters) == len(levels)

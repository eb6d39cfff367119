"""A recorded terminal that listens, over the transport that was recorded."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Final, Self

from typing_extensions import override

from protocols.errors import ProtocolError
from protocols.zk.commands import Command
from protocols.zk.datagrams import decode_datagram
from protocols.zk.framing import Packet, TcpFramer, encode_packet, encode_tcp
from simulators.zk_replay.recorded_terminal import RecordedTerminal, ReplayedConversation

_READ_BYTES: Final = 64 * 1024
_MAX_HOSTS: Final = 64  # whoever sends datagrams from everywhere pushes out who came first
_BURST_PACKETS: Final = 32  # as many as a host's socket buffer surely holds
_BURST_PAUSE_S: Final = 0.001

Address = tuple[str, int]


class ZkReplay:
    """`async with ZkReplay(terminal) as replay:` listens on `replay.address`.

    event_delay_s  seconds after which a host that asked for events gets the first recorded one,
                   and between one and the next
    refused        told of each request that the recording does not hold
    """

    def __init__(
        self,
        terminal: RecordedTerminal,
        *,
        listen: Address = ("127.0.0.1", 0),
        event_delay_s: float = 1.0,
        refused: Callable[[Packet], None] | None = None,
    ) -> None:
        self.address = listen
        self.not_recorded: list[Packet] = []
        self._terminal = terminal
        self._event_delay_s = event_delay_s
        self._refused = refused
        self._server: asyncio.Server | None = None
        self._datagrams: _Datagrams | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Address:
        """Listens; the address that was bound (port 0 picks a free one)."""
        host, port = self.address
        if self._terminal.transport == "udp":
            self._datagrams = _Datagrams(self)
            self.address = await self._datagrams.start(host, port)
        else:
            self._server = await asyncio.start_server(self._serve, host, port)
            bound = self._server.sockets[0].getsockname()
            self.address = bound[0], bound[1]
        return self.address

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        if self._datagrams is not None:
            await self._datagrams.stop()
        self._server = self._datagrams = None

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

    def conversation(self) -> ReplayedConversation:
        return ReplayedConversation(self._terminal)

    def answers(self, conversation: ReplayedConversation, request: Packet) -> tuple[Packet, ...]:
        known = len(conversation.not_recorded)
        answers = conversation.answers(request)
        for packet in conversation.not_recorded[known:]:
            self.not_recorded.append(packet)
            if self._refused is not None:
                self._refused(packet)
        return answers

    def play_events(self, send: Callable[[Packet], None]) -> None:
        """Once for a host that has just asked for events."""
        self._start(self._play_events(send))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play_events(self, send: Callable[[Packet], None]) -> None:
        for event in self._terminal.events:
            await asyncio.sleep(self._event_delay_s)
            send(event)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs every stream callback in a task
        self._tasks.add(task)
        try:
            with contextlib.suppress(ProtocolError, ConnectionError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = self.conversation()
        framer = TcpFramer()

        def send(event: Packet) -> None:
            if not writer.is_closing():
                writer.write(encode_tcp(event))

        while not conversation.ended and (data := await reader.read(_READ_BYTES)):
            for request in framer.feed(data):
                for answer in self.answers(conversation, request):
                    writer.write(encode_tcp(answer))
                await writer.drain()
                if request.command == Command.REG_EVENT:
                    self.play_events(send)


class _Datagrams(asyncio.DatagramProtocol):
    """Hosts are told apart by their address; a CONNECT that is no copy begins anew."""

    _transport: asyncio.DatagramTransport

    def __init__(self, replay: ZkReplay) -> None:
        self._replay = replay
        self._hosts: dict[Address, ReplayedConversation] = {}
        self._inbox: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue(maxsize=1024)
        self._closed = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> Address:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(host, port)
        )
        self._worker = asyncio.create_task(self._serve())
        bound = self._transport.get_extra_info("sockname")
        return bound[0], bound[1]

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        self._transport.close()
        await self._closed.wait()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        host, port = addr[:2]
        with contextlib.suppress(asyncio.QueueFull):  # lost, as on any network
            self._inbox.put_nowait((data, (str(host), port)))

    async def _serve(self) -> None:
        while True:
            datagram, address = await self._inbox.get()
            with contextlib.suppress(ProtocolError):  # a damaged datagram gets no answer
                await self._answer(decode_datagram(datagram), address)

    async def _answer(self, request: Packet, address: Address) -> None:
        conversation = self._hosts.get(address)
        if conversation is None or conversation.ended:
            conversation = self._hosts[address] = self._replay.conversation()
            if len(self._hosts) > _MAX_HOSTS:
                del self._hosts[next(iter(self._hosts))]
        asked_before = conversation.wants_events
        for number, answer in enumerate(self._replay.answers(conversation, request), start=1):
            self._transport.sendto(encode_packet(answer), address)
            if number % _BURST_PACKETS == 0:
                await asyncio.sleep(_BURST_PAUSE_S)
        if conversation.wants_events and not asked_before:
            self._replay.play_events(
                lambda event: self._transport.sendto(encode_packet(event), address)
            )

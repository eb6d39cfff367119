"""A bare host for simulator tests: sends packets, collects what comes. No driver in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from protocols.zk.auth import auth_token
from protocols.zk.commands import Command, Reply
from protocols.zk.framing import Packet, TcpFramer, encode_tcp
from simulators.zk_terminal import ZkTerminal

PATIENCE_S = 10.0  # a loaded test machine is slow; nothing here waits this long when all is well


class ZkHost:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.segments: list[bytes] = []
        self.session = 0
        self._reader = reader
        self._writer = writer
        self._framer = TcpFramer()
        self._arrived: list[Packet] = []
        self._reply_id = 0

    async def send(self, command: int, data: bytes = b"") -> int:
        reply_id, self._reply_id = self._reply_id, self._reply_id + 1
        packet = Packet(command=command, session=self.session, reply_id=reply_id, data=data)
        self._writer.write(encode_tcp(packet))
        await self._writer.drain()
        return reply_id

    async def packet(self) -> Packet | None:
        """The next packet; None when the terminal closes."""
        while not self._arrived:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    data = await self._reader.read(65_536)
            except ConnectionError:
                return None
            if not data:
                return None
            self.segments.append(data)
            self._arrived.extend(self._framer.feed(data))
        return self._arrived.pop(0)

    async def ask(self, command: int, data: bytes = b"") -> Packet | None:
        await self.send(command, data)
        return await self.packet()

    async def login(self, key: int | None = None) -> Packet | None:
        answer = await self.ask(Command.CONNECT)
        self.session = answer.session if answer else 0
        if answer and answer.command == Reply.ACK_UNAUTH and key is not None:
            answer = await self.ask(Command.AUTH, auth_token(key, self.session))
        return answer

    async def rest(self) -> list[Packet]:
        """Everything that was sent until now, known by the answer to one question more."""
        marker = self._reply_id
        with contextlib.suppress(ConnectionError):
            await self.send(Command.GET_VERSION)
        packets = []
        while (packet := await self.packet()) is not None and packet.reply_id != marker:
            packets.append(packet)
        return packets

    def cut_bytes(self) -> bytes:
        """What arrived of a frame that never became whole."""
        return bytes(self._framer._buffer)

    def close(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def zk_host(terminal: ZkTerminal) -> AsyncIterator[ZkHost]:
    reader, writer = await asyncio.open_connection(*terminal.address)
    host = ZkHost(reader, writer)
    try:
        yield host
    finally:
        host.close()

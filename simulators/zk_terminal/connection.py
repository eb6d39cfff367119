"""One TCP connection of the simulated terminal: frames, and the faults that concern bytes."""

import asyncio
import contextlib
from typing import Final

from protocols.errors import ProtocolError
from protocols.zk.commands import Reply
from protocols.zk.framing import Packet, TcpFramer, encode_tcp
from simulators.zk_terminal.conversation import Conversation
from simulators.zk_terminal.memory import TerminalMemory

_READ_BYTES: Final = 64 * 1024
_PREFIX_BYTES: Final = 8  # of a frame, before the packet


class _CutError(Exception):
    """A fault has cut the connection."""


class Connection:
    """One host: frames in, frames out, and the faults that concern bytes rather than meaning."""

    def __init__(
        self, memory: TerminalMemory, writer: asyncio.StreamWriter, session_id: int
    ) -> None:
        self.conversation = Conversation(memory, session_id)
        self._memory = memory
        self._writer = writer
        self._bulk_bytes = 0
        self._joined: list[bytes] = []
        self._writing = asyncio.Lock()  # a punch must not come between the pieces of a frame

    async def talk(self, reader: asyncio.StreamReader) -> None:
        """Until the host leaves, says EXIT, or speaks something else than ZK."""
        framer = TcpFramer()
        with contextlib.suppress(ProtocolError, _CutError):
            while not self.conversation.ended and (data := await reader.read(_READ_BYTES)):
                for packet in framer.feed(data):
                    await self._answer(packet)
        if self.conversation.ended:
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()

    async def send(self, packet: Packet) -> None:
        """At once, not joined with the frames of an answer."""
        await self._queue(packet)
        await self._flush()

    async def _answer(self, packet: Packet) -> None:
        faults = self._memory.faults
        if faults.opening is not None:
            await self._write(faults.opening)
            return
        if self._memory.stays_silent(packet.command):
            return
        if faults.latency_s:
            await asyncio.sleep(faults.latency_s)
        for answer in self.conversation.answers(packet):
            if packet.command in faults.cut_on:
                raise _CutError
            await self._queue(answer)
        await self._flush()

    async def _queue(self, packet: Packet) -> None:
        """Puts a frame to those that leave in one write; the last bytes of a cut connection."""
        frame = self._memory.summed(encode_tcp(packet), header_at=_PREFIX_BYTES)
        surplus = self._surplus(packet)
        self._joined.append(frame[: len(frame) - surplus])
        if surplus:
            await self._flush()
            raise _CutError
        if len(self._joined) >= self._memory.faults.join_frames:
            await self._flush()

    def _surplus(self, packet: Packet) -> int:
        """How many bytes of `packet` lie beyond those after which the connection breaks."""
        limit = self._memory.faults.close_after
        if packet.command != Reply.DATA:
            return 0
        self._bulk_bytes += len(packet.data)
        return 0 if limit is None else max(0, self._bulk_bytes - limit)

    async def _flush(self) -> None:
        joined, self._joined = b"".join(self._joined), []
        if joined:
            async with self._writing:
                await self._write(joined)

    async def _write(self, data: bytes) -> None:
        widest = self._memory.faults.segment_bytes
        if widest is None:
            self._writer.write(data)
            await self._writer.drain()
            return
        start = 0
        while start < len(data):
            end = start + self._memory.random.randint(1, widest)
            self._writer.write(data[start:end])
            start = end
            await asyncio.sleep(0)  # the host gets a turn, so that it reads what was cut
        await self._writer.drain()

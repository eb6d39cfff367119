"""A fake ZK terminal on a real socket; of its connections, the TCP ones."""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from protocols.errors import ProtocolError
from protocols.zk.attendance import AttendanceRow, encode_attendance
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.framing import Packet, TcpFramer, encode_tcp
from protocols.zk.oplog import Operation
from protocols.zk.users import User
from simulators.zk_terminal.config import Faults, TerminalConfig
from simulators.zk_terminal.conversation import Conversation
from simulators.zk_terminal.datagram_server import DatagramServer
from simulators.zk_terminal.memory import TerminalMemory

_READ_BYTES = 64 * 1024
_FIRST_SESSION = 0x4E01
_ATTENDANCE_EVENT = 1
_EVENT_PAYLOAD = struct.Struct("<24sBB6B")


class TerminalDisabledError(Exception):
    """The terminal shows "Working…" and takes no punch."""


class ZkTerminal:
    """Serves `log` and `users`; both may grow while it runs, `faults` may be replaced.

    `async with ZkTerminal(...) as terminal:` listens on `terminal.address`.
    """

    def __init__(
        self,
        config: TerminalConfig,
        log: list[AttendanceRow],
        users: list[User],
        faults: Faults | None = None,
        *,
        listen: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.connections = 0
        self.address = listen
        self._memory = TerminalMemory(config, log, users, faults or Faults())
        self._server: asyncio.Server | None = None
        self._datagrams: DatagramServer | None = None
        self._open: dict[asyncio.Task[None], _Connection] = {}

    @property
    def log(self) -> list[AttendanceRow]:
        return self._memory.log

    @property
    def users(self) -> list[User]:
        return self._memory.users

    @property
    def operations(self) -> list[Operation]:
        """The operation log: what was done to this terminal; may be added to."""
        return self._memory.operations

    @property
    def passwords(self) -> dict[int, str]:
        """By uid; what was written, or set here."""
        return self._memory.passwords

    @property
    def disabled(self) -> bool:
        """Whether it shows "Working…": nobody can punch."""
        return self._memory.disabled

    @property
    def door_tenths(self) -> list[int]:
        """Each order to open the door, in the number that came."""
        return self._memory.door_tenths

    @property
    def local_time(self) -> datetime:
        """What its clock shows."""
        return self._memory.local_time()

    @property
    def faults(self) -> Faults:
        return self._memory.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        """Takes effect from the next packet on."""
        self._memory.faults = faults

    def set_clock(self, offset_s: int) -> None:
        """The terminal's clock runs `offset_s` seconds ahead of the place's from now on."""
        self._memory.set_clock_offset(offset_s)

    async def punch(self, row: AttendanceRow) -> None:
        """Someone punches: a row in the log, and an event to the hosts that asked for events.

        Raises ValueError for a row that the configured layout cannot hold, and
        TerminalDisabledError while nobody can punch.
        """
        if self._memory.disabled:
            raise TerminalDisabledError
        encode_attendance([row], self._memory.config.layout)
        self._memory.log.append(row)
        event = Packet(
            command=EVENT, session=_ATTENDANCE_EVENT, reply_id=0, data=_event_payload(row)
        )
        for connection in self._open.values():
            if connection.conversation.wants_events:
                await connection.send(event)
        if self._datagrams is not None:
            self._datagrams.send_event(event)

    async def start(self) -> tuple[str, int]:
        """Listens; the address that was bound (port 0 picks a free one).

        Raises ValueError for a log or users that the configured layouts cannot hold.
        """
        for command in (Command.ATTLOG_RRQ, Command.USERTEMP_RRQ):
            self._memory.table(command)
        host, port = self.address
        if self._memory.config.transport == "udp":
            self._datagrams = DatagramServer(self._memory, self._new_session)
            self.address = await self._datagrams.start(host, port)
            return self.address
        self._server = await asyncio.start_server(self._serve, host, port)
        bound = self._server.sockets[0].getsockname()
        self.address = (bound[0], bound[1])
        return self.address

    async def stop(self) -> None:
        """Stops listening and drops every connection, as pulling the plug does."""
        if self._datagrams is not None:
            await self._datagrams.stop()
            self._datagrams = None
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _new_session(self) -> int:
        self.connections += 1
        return (_FIRST_SESSION + self.connections) & 0xFFFF

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self._memory, writer, self._new_session())
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs every stream callback in a task
        self._open[task] = connection
        try:
            if self.connections > self._memory.faults.drop_connections:
                await connection.talk(reader)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the host left, or `stop` pulled the plug
        finally:
            del self._open[task]
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _CutError(Exception):
    """A fault has cut the connection."""


class _Connection:
    """One host: frames in, frames out, and the faults that concern bytes rather than meaning."""

    def __init__(
        self, memory: TerminalMemory, writer: asyncio.StreamWriter, session_id: int
    ) -> None:
        self.conversation = Conversation(memory, session_id)
        self._memory = memory
        self._writer = writer
        self._bulk_bytes = 0

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

    async def _answer(self, packet: Packet) -> None:
        faults = self._memory.faults
        if faults.opening is not None:
            await self._write(faults.opening)
            return
        if self._memory.stays_silent(packet.command):
            return
        for answer in self.conversation.answers(packet):
            if packet.command in faults.cut_on:
                raise _CutError
            await self.send(answer)

    async def send(self, packet: Packet) -> None:
        frame = encode_tcp(packet)
        limit = self._memory.faults.close_after
        if packet.command == Reply.DATA:
            self._bulk_bytes += len(packet.data)
            if limit is not None and self._bulk_bytes > limit:
                surplus = self._bulk_bytes - limit
                await self._write(frame[: len(frame) - surplus])
                raise _CutError
        await self._write(frame)

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


async def serve(
    host: str,
    port: int,
    terminal: ZkTerminal,
    *,
    ready: Callable[[str, int], None] | None = None,
) -> None:
    """Runs `terminal` at this address until cancelled; tells `ready` the bound address."""
    terminal.address = (host, port)
    bound = await terminal.start()
    if ready is not None:
        ready(*bound)
    try:
        await asyncio.Event().wait()
    finally:
        await terminal.stop()


def _event_payload(row: AttendanceRow) -> bytes:
    """The 32-byte form of EF_ATTLOG (protocol.md 10)."""
    time = row.time
    stamp: Sequence[int] = (
        time.year % 100,
        time.month,
        time.day,
        time.hour,
        time.minute,
        time.second,
    )
    return _EVENT_PAYLOAD.pack(row.user_id.encode(), row.verify, row.state, *stamp)

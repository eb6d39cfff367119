"""A fake ZK terminal on a real socket; of its connections, the TCP ones."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.commands import Command
from protocols.zk.oplog import Operation
from protocols.zk.users import User
from simulators.zk_terminal.config import Faults, TerminalConfig
from simulators.zk_terminal.connection import Connection
from simulators.zk_terminal.datagram_server import DatagramServer
from simulators.zk_terminal.memory import TerminalMemory
from simulators.zk_terminal.punch_events import punch_event

_FIRST_SESSION = 0x4E01


class TerminalDisabledError(Exception):
    """The terminal shows "Working…" and takes no punch."""


class ZkTerminal:
    """Serves `log` and `users`; both may grow while it runs, `faults` may be replaced.

    worn    by row number, what its flash gives in place of that row (see `worn_log`)

    `async with ZkTerminal(...) as terminal:` listens on `terminal.address`.
    """

    def __init__(
        self,
        config: TerminalConfig,
        log: list[AttendanceRow],
        users: list[User],
        faults: Faults | None = None,
        *,
        worn: Mapping[int, bytes] | None = None,
        listen: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.connections = 0
        self.address = listen
        self._memory = TerminalMemory(config, log, users, faults or Faults())
        self._memory.worn.update(worn or {})
        self._server: asyncio.Server | None = None
        self._datagrams: DatagramServer | None = None
        self._open: dict[asyncio.Task[None], Connection] = {}

    @property
    def log(self) -> list[AttendanceRow]:
        return self._memory.log

    @property
    def users(self) -> list[User]:
        return self._memory.users

    @property
    def layout(self) -> Layout:
        """Of the records of its log."""
        return self._memory.config.layout

    @property
    def worn(self) -> dict[int, bytes]:
        """By row number, what is read in place of that row; may be added to."""
        return self._memory.worn

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

    async def punch(self, *rows: AttendanceRow) -> None:
        """Someone punches: a row in the log, and an event to the hosts that asked for events.
        Several at once are told in one event.

        Raises ValueError for a row that the configured layout or event cannot hold, and
        TerminalDisabledError while nobody can punch.
        """
        if self._memory.disabled:
            raise TerminalDisabledError
        encode_attendance(rows, self._memory.config.layout)
        event = punch_event(rows, self._memory.config.event_bytes)
        self._memory.log.extend(rows)
        for connection in self._listening():
            with contextlib.suppress(ConnectionError):  # the host left
                await connection.send(event)
        if self._datagrams is not None:
            self._datagrams.send_event(event)

    def _listening(self) -> list[Connection]:
        asked = {
            connection.conversation.events_from: connection
            for connection in self._open.values()
            if connection.conversation.events_from is not None
        }
        if asked and self._memory.faults.newest_hears_events:
            return [asked[max(asked)]]
        return list(asked.values())

    def check(self) -> None:
        """Raises ValueError for a log or users that the configured layouts cannot hold."""
        for command in (Command.ATTLOG_RRQ, Command.USERTEMP_RRQ):
            self._memory.table(command)

    async def start(self) -> tuple[str, int]:
        """Listens; the address that was bound (port 0 picks a free one).

        Raises ValueError for a log or users that the configured layouts cannot hold.
        """
        self.check()
        self._memory.power_on()
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
        self._memory.connected()
        return (_FIRST_SESSION + self.connections) & 0xFFFF

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._memory, writer, self._new_session())
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

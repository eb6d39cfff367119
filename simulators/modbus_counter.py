"""A Modbus TCP box with piece counters, on a real socket, with the faults that real boxes have.

The counters are plain attributes: `box.units[1].pieces += 5` while clients read.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from protocols.errors import ProtocolError
from protocols.modbus.mbap import TcpFramer, TcpMessage, encode_tcp
from protocols.modbus.pdu import encode_pdu
from simulators.modbus_units import CounterUnit, ServedUnits

_READ_BYTES: Final = 4096

__all__ = ["CounterUnit", "Faults", "ModbusCounterBox"]


@dataclass(slots=True, kw_only=True)
class Faults:
    """Switched at run time. The counting ones are used up by the answers they spoil."""

    delay_s: float = 0.0
    slice_bytes: int | None = None
    """Answers leave in segments of this many bytes."""
    wrong_transactions: int = 0
    """So many answers carry another transaction number."""
    late_answers: int = 0
    """So many answers are kept back, and leave just before the next one."""
    close_mid_frame: int = 0
    """So many answers stop in the middle, and the connection with them."""
    close_on_units: set[int] = field(default_factory=set)
    """A question to one of these ends the connection."""


class ModbusCounterBox:
    """Serves `units`. `unknown_unit`: the exception for a unit that is not there, None = silence.

    `asked` counts the functions that clients used, so that a test can prove that nobody wrote.
    """

    def __init__(
        self,
        units: dict[int, CounterUnit],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        unknown_unit: int | None = None,
    ) -> None:
        self.units = units
        self.faults = Faults()
        self._served = ServedUnits(units, unknown_unit=unknown_unit)
        self.asked = self._served.asked
        self.connections = 0
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._stopping = asyncio.Event()
        self._kept_back = b""
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def host(self) -> str:
        return self._host

    @property
    def port(self) -> int:
        """The port that is served; after `start` also when 0 was asked for."""
        return self._port

    async def start(self) -> None:
        self._stopping.clear()
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port and every connection; the counters keep their values."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self.drop_connections()
        self._stopping.set()
        # Not cancelled: Python 3.11 logs every cancelled handler as an error.
        await asyncio.gather(*self._clients)
        await server.wait_closed()

    def drop_connections(self) -> None:
        """What a box does that is switched off: connections end, without a word."""
        for writer in self._clients.values():
            writer.transport.abort()

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio starts this coroutine as a task
        self._clients[task] = writer
        self.connections += 1
        framer = TcpFramer()
        try:
            while data := await reader.read(_READ_BYTES):
                for message in framer.feed(data):
                    await self._answer(message, writer)
        except (OSError, ProtocolError):
            pass  # the client went away, or speaks something else: a box hangs up
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            del self._clients[task]

    async def _answer(self, message: TcpMessage, writer: asyncio.StreamWriter) -> None:
        faults = self.faults
        if message.unit in faults.close_on_units:
            raise ConnectionAbortedError
        response = self._served.respond(message.unit, message.pdu)
        if response is None:
            return
        if faults.delay_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(faults.delay_s):
                    await self._stopping.wait()
        transaction = message.transaction
        if faults.wrong_transactions:
            faults.wrong_transactions -= 1
            transaction = (transaction + 1000) % 0x10000
        wire = encode_tcp(
            TcpMessage(transaction=transaction, unit=message.unit, pdu=encode_pdu(response))
        )
        wire, self._kept_back = self._kept_back + wire, b""
        if faults.late_answers:
            faults.late_answers -= 1
            self._kept_back = wire
            return
        if faults.close_mid_frame:
            faults.close_mid_frame -= 1
            writer.write(wire[: len(wire) // 2])
            await writer.drain()
            raise ConnectionAbortedError
        for piece in _slices(wire, faults.slice_bytes):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)


def _slices(data: bytes, size: int | None) -> Iterator[bytes]:
    size = size or len(data)
    for start in range(0, len(data), size):
        yield data[start : start + size]

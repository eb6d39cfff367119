"""A TCP link to one device."""

import asyncio
import errno
import socket

from typing_extensions import override

from drivers.errors import LinkDownError
from drivers.ports import Link

_READ_BYTES = 256 * 1024
_CLOSE_S = 2.0  # a peer that never finishes closing must not hold the supervisor

# A device that lost its power says nothing, and an idle link to it looks healthy for ever. Asked
# after 30 s of silence and every 10 s, it is known to be gone after a minute.
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class TcpLink(Link):
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._where = where
        self._closed = False

    @override
    async def read(self) -> bytes:
        try:
            return await self._reader.read(_READ_BYTES)
        except OSError as exc:
            raise _lost(self._where, exc) from exc

    @override
    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as exc:
            raise _lost(self._where, exc) from exc

    @override
    async def aclose(self) -> None:
        if self._closed:  # asking twice raises: a time-out cancels the future that both would share
            return
        self._closed = True
        self._writer.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.wait_closed()
        except OSError:  # also the time-out: what was not sent by now is not worth waiting for
            self._writer.transport.abort()

    @override
    def describe(self) -> str:
        return self._where


async def open_tcp(host: str, port: int, *, timeout_s: float) -> TcpLink:
    """Connects. Raises LinkDownError that names the cause and what to check."""
    where = f"tcp {host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError as exc:
        raise LinkDownError(
            f"no answer within {timeout_s:g} s",
            where=where,
            remedy="Check that the device is powered, the cable, and the address in the site file",
            code="link_timeout",
        ) from exc
    except OSError as exc:
        raise _cannot_open(where, exc) from exc
    for level, option, value in _KEEP_ALIVE:
        writer.get_extra_info("socket").setsockopt(level, option, value)
    return TcpLink(reader, writer, where)


def _cannot_open(where: str, exc: OSError) -> LinkDownError:
    if isinstance(exc, socket.gaierror):
        return LinkDownError(
            f"the name cannot be resolved ({exc.strerror})",
            where=where,
            remedy="Write the device's IP address in the site file, or check the gateway's DNS",
            code="link_name",
        )
    if exc.errno == errno.ECONNREFUSED:
        return LinkDownError(
            "connection refused",
            where=where,
            remedy="The host is up but nothing listens there: check the port and the device's "
            "network menu",
            code="link_refused",
        )
    return LinkDownError(
        f"cannot connect ({exc.strerror or exc})",
        where=where,
        remedy="Check the address in the site file and the route from this gateway",
        code="link_unreachable",
    )


def _lost(where: str, exc: OSError) -> LinkDownError:
    return LinkDownError(
        f"connection lost ({exc.strerror or exc})",
        where=where,
        remedy="It is tried again by itself; if it repeats, check cable and power of the device",
        code="link_lost",
    )

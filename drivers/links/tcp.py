"""A TCP link to one device."""

import asyncio
import contextlib
import errno

from typing_extensions import override

from drivers.errors import LinkDownError
from drivers.ports import Link

_READ_BYTES = 256 * 1024
_CLOSE_S = 2.0  # a peer that never finishes closing must not hold the supervisor


class TcpLink(Link):
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._where = where

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
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.wait_closed()

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
    return TcpLink(reader, writer, where)


def _cannot_open(where: str, exc: OSError) -> LinkDownError:
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

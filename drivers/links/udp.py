"""A UDP link to one device: every `read` is one datagram, every `write` sends one."""

import asyncio
import errno
import socket
from collections import deque

from typing_extensions import override

from drivers.errors import LinkDownError
from drivers.ports import Link

# More than the kernel's own buffer holds by default: whoever sends faster than this loses datagrams
# here as it would there, and they are asked for again.
_MAX_WAITING = 256


class UdpLink(Link):
    def __init__(
        self, transport: asyncio.DatagramTransport, endpoint: "_Endpoint", where: str
    ) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._where = where

    @override
    async def read(self) -> bytes:
        """One datagram. UDP has no end: a device that is gone is silent, or its host refuses."""
        endpoint = self._endpoint
        while not endpoint.waiting:
            if endpoint.error is not None:
                raise _lost(self._where, endpoint.error)
            endpoint.wake.clear()
            await endpoint.wake.wait()
        return endpoint.waiting.popleft()

    @override
    async def write(self, data: bytes) -> None:
        if self._endpoint.error is not None:
            raise _lost(self._where, self._endpoint.error)
        self._transport.sendto(data)

    @override
    async def aclose(self) -> None:
        self._transport.close()
        await self._endpoint.closed.wait()

    @override
    def describe(self) -> str:
        return self._where


async def open_udp(host: str, port: int) -> UdpLink:
    """A socket that hears only this device. Nothing is sent, so nothing proves that it is there.

    Raises LinkDownError when the address cannot be one.
    """
    where = f"udp {host}:{port}"
    loop = asyncio.get_running_loop()
    try:
        transport, endpoint = await loop.create_datagram_endpoint(
            _Endpoint, remote_addr=(host, port)
        )
    except OSError as exc:
        raise _cannot_open(where, exc) from exc
    return UdpLink(transport, endpoint, where)


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.waiting: deque[bytes] = deque()
        self.error: OSError | None = None
        self.wake = asyncio.Event()
        self.closed = asyncio.Event()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if data and len(self.waiting) < _MAX_WAITING:
            self.waiting.append(data)
            self.wake.set()

    @override
    def error_received(self, exc: Exception) -> None:
        self._fail(exc if isinstance(exc, OSError) else OSError(str(exc)))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(OSError(errno.ENOTCONN, "closed"))
        self.closed.set()

    def _fail(self, error: OSError) -> None:
        if self.error is None:
            self.error = error
        self.wake.set()


def _cannot_open(where: str, exc: OSError) -> LinkDownError:
    if isinstance(exc, socket.gaierror):
        return LinkDownError(
            f"the name cannot be resolved ({exc.strerror})",
            where=where,
            remedy="Write the device's IP address in the site file, or check the gateway's DNS",
            code="link_name",
        )
    return LinkDownError(
        f"cannot be reached ({exc.strerror or exc})",
        where=where,
        remedy="Check the address in the site file and the route from this gateway",
        code="link_unreachable",
    )


def _lost(where: str, exc: OSError) -> LinkDownError:
    if exc.errno == errno.ECONNREFUSED:  # ICMP: the host is up, the port is closed
        return LinkDownError(
            "connection refused",
            where=where,
            remedy="The host is up but nothing listens there on UDP: check the port and the "
            "device's network menu; most terminals are asked over TCP",
            code="link_refused",
        )
    return LinkDownError(
        f"connection lost ({exc.strerror or exc})",
        where=where,
        remedy="It is tried again by itself; if it repeats, check cable and power of the device",
        code="link_lost",
    )

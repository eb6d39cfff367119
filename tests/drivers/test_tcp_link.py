"""The TCP link on real sockets."""

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from drivers.errors import LinkDownError
from drivers.links import tcp
from drivers.links.tcp import TcpLink, open_tcp


@asynccontextmanager
async def peer() -> AsyncIterator[tuple[TcpLink, socket.socket]]:
    """A link, and the plain socket at its other end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = await open_tcp(*server.getsockname(), timeout_s=1)
        other, _ = server.accept()
    with other:
        try:
            yield link, other
        finally:
            await link.aclose()


async def test_carries_bytes_both_ways_and_tells_the_end() -> None:
    async with peer() as (link, other):
        await link.write(b"ask")
        assert other.recv(100) == b"ask"
        other.sendall(b"answer")
        assert await link.read() == b"answer"
        other.shutdown(socket.SHUT_WR)
        assert await link.read() == b""
        assert link.describe().startswith("tcp 127.0.0.1:")


async def test_a_reset_is_a_link_down_with_a_remedy() -> None:
    async with peer() as (link, other):
        reset = struct.pack("ii", 1, 0)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        other.close()
        with pytest.raises(LinkDownError) as caught:
            await link.read()
        assert caught.value.code == "link_lost"
        assert caught.value.remedy


async def test_a_dead_peer_is_noticed_by_keep_alive() -> None:
    async with peer() as (link, _):
        used = link._writer.get_extra_info("socket")
        assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, interval, count = (
            used.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + interval * count == 60


async def test_closing_twice_and_with_unsent_bytes_does_not_wait(monkeypatch) -> None:
    monkeypatch.setattr(tcp, "_CLOSE_S", 0.1)
    async with peer() as (link, _):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await link.write(b"x" * 50_000_000)  # the peer reads nothing
        async with asyncio.timeout(1):
            await link.aclose()
            await link.aclose()


async def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(LinkDownError) as caught:
        await open_tcp(*address, timeout_s=1)
    assert caught.value.code == "link_refused"
    assert f"tcp 127.0.0.1:{address[1]}" in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "link_name"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "link_unreachable"),
        (TimeoutError(), "link_timeout"),
    ],
)
async def test_each_way_of_not_connecting_has_its_code(monkeypatch, raised, code: str) -> None:
    async def fails(host: str, port: int) -> None:
        raise raised

    monkeypatch.setattr(asyncio, "open_connection", fails)
    with pytest.raises(LinkDownError) as caught:
        await open_tcp("clock.example", 4370, timeout_s=1)
    assert caught.value.code == code
    assert caught.value.remedy

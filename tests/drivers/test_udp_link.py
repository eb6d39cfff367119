"""The UDP link on real sockets."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from drivers.errors import LinkDownError
from drivers.links import udp
from drivers.links.udp import UdpLink, open_udp


@asynccontextmanager
async def peer() -> AsyncIterator[tuple[UdpLink, socket.socket]]:
    """A link, and the plain socket at its other end, which knows the link's address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(5)
        link = await open_udp(*other.getsockname())
        try:
            await link.write(b"hello")
            _, address = other.recvfrom(100)
            other.connect(address)
            yield link, other
        finally:
            await link.aclose()


async def test_every_read_is_one_datagram() -> None:
    async with peer() as (link, other):
        for datagram in (b"one", b"", b"two"):
            other.send(datagram)
        assert [await link.read(), await link.read()] == [b"one", b"two"]
        await link.write(b"three")
        assert other.recv(100) == b"three"
        assert link.describe().startswith("udp 127.0.0.1:")


async def test_a_stranger_is_not_heard() -> None:
    async with peer() as (link, other):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"lie", other.getpeername())
        other.send(b"truth")
        assert await link.read() == b"truth"


async def test_a_flood_is_capped(monkeypatch) -> None:
    monkeypatch.setattr(udp, "_MAX_WAITING", 3)
    async with peer() as (link, other):
        for number in range(9):
            other.send(b"%d" % number)
        for _ in range(50):  # each turn of the loop reads one
            await asyncio.sleep(0)
        assert [await link.read() for _ in range(3)] == [b"0", b"1", b"2"]
        other.send(b"next")
        assert await link.read() == b"next"


async def test_a_closed_port_refuses_whoever_reads_and_writes() -> None:
    async with peer() as (link, other):
        other.close()
        await link.write(b"ask")
        with pytest.raises(LinkDownError) as caught:
            await link.read()
        assert (caught.value.code, bool(caught.value.remedy)) == ("link_refused", True)
        with pytest.raises(LinkDownError):
            await link.write(b"again")


async def test_closing_twice_and_using_it_afterwards() -> None:
    async with peer() as (link, _):
        await link.aclose()
        await link.aclose()
        with pytest.raises(LinkDownError) as caught:
            await link.read()
        assert caught.value.code == "link_lost"


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "link_name"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "link_unreachable"),
    ],
)
async def test_an_address_that_is_none(monkeypatch, raised, code: str) -> None:
    async def fails(*_args, **_kwargs) -> None:
        raise raised

    monkeypatch.setattr(asyncio.get_running_loop(), "create_datagram_endpoint", fails)
    with pytest.raises(LinkDownError) as caught:
        await open_udp("clock.example", 4370)
    assert (caught.value.code, bool(caught.value.remedy)) == (code, True)

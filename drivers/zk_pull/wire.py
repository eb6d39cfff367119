"""Packets over a link, the same for the runner whichever link it is."""

from collections import deque
from typing import Protocol

from typing_extensions import override

from drivers.errors import LinkDownError
from drivers.ports import Link
from protocols.errors import ProtocolError, TruncatedError
from protocols.zk.datagrams import decode_datagram
from protocols.zk.framing import (
    Packet,
    PanelError,
    SecureChannelError,
    TcpFramer,
    encode_packet,
    encode_tcp,
)


class Wire(Protocol):
    """Raises ProtocolError for what is no ZK, and LinkDownError."""

    async def send(self, packet: Packet) -> None: ...

    async def packet(self) -> Packet: ...

    @property
    def wrong_checksums(self) -> int:
        """Packets whose checksum was not that of their bytes."""
        ...

    def remarks(self) -> str:
        """What a message about silence should add; "" when there is nothing to say."""
        ...


class TcpWire(Wire):
    """A wrong checksum is counted and the packet used: TCP has its own, some firmware computes this
    one wrong, and a table is proven by its size word (protocol.md 1.2).
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._framer = TcpFramer(verify=False)
        self._arrived: deque[Packet] = deque()

    @override
    async def send(self, packet: Packet) -> None:
        await self._link.write(encode_tcp(packet))

    @override
    async def packet(self) -> Packet:
        while not self._arrived:
            data = await self._link.read()
            if not data:
                raise self._closed()
            self._arrived.extend(self._framer.feed(data))
        return self._arrived.popleft()

    @property
    @override
    def wrong_checksums(self) -> int:
        return self._framer.wrong_checksums

    @override
    def remarks(self) -> str:
        return ""

    def _closed(self) -> LinkDownError:
        try:
            self._framer.eof()
        except TruncatedError as exc:
            what, code = f"closed the connection in the middle of a frame ({exc})", "link_cut"
        else:
            what, code = "closed the connection", "link_closed"
        return LinkDownError(
            f"the terminal {what}",
            where=self._link.describe(),
            remedy="It is tried again by itself; if it repeats, look for a second program that "
            "polls this terminal, and at its network cable and power",
            code=code,
        )


class UdpWire(Wire):
    """A damaged datagram is as good as lost: it is dropped and counted."""

    def __init__(self, link: Link) -> None:
        self.dropped = 0
        self._link = link

    @override
    async def send(self, packet: Packet) -> None:
        await self._link.write(encode_packet(packet))

    @override
    async def packet(self) -> Packet:
        while True:
            datagram = await self._link.read()
            try:
                return decode_datagram(datagram)
            except (PanelError, SecureChannelError):
                raise
            except ProtocolError:
                self.dropped += 1

    @property
    @override
    def wrong_checksums(self) -> int:
        return self.dropped

    @override
    def remarks(self) -> str:
        return f", {self.dropped} damaged datagrams were dropped" if self.dropped else ""

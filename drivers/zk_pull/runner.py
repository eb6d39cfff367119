"""Runs a dialogue over a link: the only place of this driver that waits for a terminal."""

import asyncio
from collections import deque
from typing import TypeVar, assert_never

from drivers.errors import LinkDownError
from drivers.ports import Link
from protocols.errors import TruncatedError
from protocols.zk.exchange import Dialogue, Request, SilenceError
from protocols.zk.framing import Packet, TcpFramer, encode_tcp
from protocols.zk.session import Answer, Event, Session, Stale

T = TypeVar("T")


class Runner:
    """One connection. After any error but a refusal its state is unknown: close the link."""

    def __init__(self, link: Link, *, timeout_s: float) -> None:
        self._link = link
        self._timeout_s = timeout_s
        # A wrong checksum is counted and the packet used: TCP has its own, some firmware computes
        # this one wrong, and a table is proven by its size word (protocol.md 1.2).
        self._framer = TcpFramer(verify=False)
        self._session = Session()
        self._arrived: deque[Packet] = deque()

    @property
    def wrong_checksums(self) -> int:
        """Packets of this connection whose checksum was not that of their bytes."""
        return self._framer.wrong_checksums

    async def run(self, dialogue: Dialogue[T]) -> T:
        """What the dialogue returns. Raises what it raises, and LinkDownError."""
        try:
            step = next(dialogue)
            while True:
                if isinstance(step, Request):
                    await self._send(self._session.outgoing(step))
                try:
                    packet = await self._answer()
                except SilenceError as silence:
                    step = dialogue.throw(silence)
                else:
                    step = dialogue.send(packet)
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            dialogue.close()

    async def _answer(self) -> Packet:
        """The next packet of the request in flight. One deadline for all that comes before it, so
        that a chatty device cannot hold us either.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    routed = self._session.incoming(await self._packet())
                    match routed:
                        case Answer(packet=packet):
                            return packet
                        case Event():
                            await self._send(self._session.event_ack())
                        case Stale():
                            pass
                        case _:
                            assert_never(routed)
        except TimeoutError as exc:
            raise SilenceError(f"no answer within {self._timeout_s:g} s") from exc

    async def _packet(self) -> Packet:
        while not self._arrived:
            data = await self._link.read()
            if not data:
                raise self._closed()
            self._arrived.extend(self._framer.feed(data))
        return self._arrived.popleft()

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

    async def _send(self, packet: Packet) -> None:
        await self._link.write(encode_tcp(packet))

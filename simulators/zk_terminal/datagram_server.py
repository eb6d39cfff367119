"""The terminal's UDP side: sessions by their id, each packet in a datagram of its own."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from typing_extensions import override

from protocols.errors import ProtocolError
from protocols.zk.commands import Command, Reply
from protocols.zk.datagrams import decode_datagram
from protocols.zk.framing import Packet, encode_packet
from simulators.zk_terminal.conversation import Conversation
from simulators.zk_terminal.memory import TerminalMemory
from simulators.zk_terminal.network import Address, Way

# Each copy of a CONNECT opens a session; real terminals forget old ones as well.
_MAX_SESSIONS: Final = 64

# A terminal is slower than the host's socket buffer is deep; an unpaced burst would be lost whole.
_BURST_PACKETS: Final = 32
_BURST_PAUSE_S: Final = 0.001


class DatagramServer(asyncio.DatagramProtocol):
    """`new_session` gives the id of each session that a CONNECT opens."""

    _transport: asyncio.DatagramTransport

    def __init__(self, memory: TerminalMemory, new_session: Callable[[], int]) -> None:
        self._memory = memory
        self._new_session = new_session
        self._sessions: dict[int, tuple[Conversation, Address]] = {}
        self._inbox: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self._closed = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        seed = memory.faults.seed
        self._inwards = Way(
            lambda datagram, address: self._inbox.put_nowait((datagram, address)),
            lambda: memory.faults.to_terminal,
            seed=f"{seed} to terminal",
        )
        self._outwards = Way(
            self._deliver,
            lambda: memory.faults.from_terminal,
            seed=f"{seed} from terminal",
        )

    async def start(self, host: str, port: int) -> Address:
        """Listens; the address that was bound."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(host, port)
        )
        self._worker = asyncio.create_task(self._serve())
        bound = self._transport.get_extra_info("sockname")
        return bound[0], bound[1]

    async def stop(self) -> None:
        if self._worker is None:
            return
        self._worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._worker
        self._inwards.close()
        self._outwards.close()
        self._transport.close()
        await self._closed.wait()

    def send_event(self, event: Packet) -> None:
        """To every session that asked for events."""
        asked = {
            conversation.events_from: address
            for conversation, address in self._sessions.values()
            if conversation.events_from is not None
        }
        newest_alone = asked and self._memory.faults.newest_hears_events
        for turn in [max(asked)] if newest_alone else asked:
            self._send(event, asked[turn])

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        host, port = addr[:2]
        self._inwards.carry(data, (str(host), port))

    async def _serve(self) -> None:
        while True:
            datagram, address = await self._inbox.get()
            with contextlib.suppress(ProtocolError):  # a damaged datagram gets no answer
                await self._answer(decode_datagram(datagram), address)

    async def _answer(self, packet: Packet, address: Address) -> None:
        faults = self._memory.faults
        if faults.opening is not None:
            self._outwards.carry(faults.opening, address)
            return
        conversation = self._conversation(packet, address)
        if self._memory.stays_silent(packet.command):
            return
        if faults.latency_s:
            await asyncio.sleep(faults.latency_s)
        if conversation is None:
            self._send(
                Packet(command=Reply.ACK_UNAUTH, session=0, reply_id=packet.reply_id), address
            )
            return
        for number, answer in enumerate(conversation.answers(packet), start=1):
            if packet.command not in faults.cut_on:
                self._send(answer, address)
            if number % _BURST_PACKETS == 0:
                await asyncio.sleep(_BURST_PAUSE_S)
        if conversation.ended:
            del self._sessions[packet.session]

    def _conversation(self, packet: Packet, address: Address) -> Conversation | None:
        if packet.command != Command.CONNECT:
            known = self._sessions.get(packet.session)
            return known[0] if known else None
        session_id = self._new_session()
        conversation = Conversation(self._memory, session_id)
        self._sessions[session_id] = (conversation, address)
        if len(self._sessions) > _MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return conversation

    def _send(self, packet: Packet, address: Address) -> None:
        self._outwards.carry(self._memory.summed(encode_packet(packet)), address)

    def _deliver(self, datagram: bytes, address: Address) -> None:
        self._transport.sendto(datagram, address)

"""Runs a dialogue over a link: the only place of this driver that waits for a terminal."""

import asyncio
from collections import deque
from typing import TypeVar, assert_never

from drivers.zk_pull.line_tally import LineTally
from drivers.zk_pull.wire import Wire
from protocols.zk.exchange import Dialogue, Request, SilenceError
from protocols.zk.framing import Packet
from protocols.zk.retransmission import Retransmission
from protocols.zk.session import Answer, Event, Session, Stale

T = TypeVar("T")

# Events are hints: of those that came during a download, some are as good as all.
MAX_WAITING_EVENTS = 100

# Packets of a bulk transfer follow each other within milliseconds. After the first pause asking
# goes on at the slow pace, in case the terminal really takes its time.
_PAUSE_IN_FLOW_S = 0.1


class Runner:
    """One connection. After any error but a refusal its state is unknown: close the link.

    Without anything new for `timeout_s` the terminal counts as gone. On a link that loses packets
    the request is sent `asks` times within that time, but for an order that says `once`.
    """

    def __init__(
        self, wire: Wire, *, timeout_s: float, asks: int = 1, line: LineTally | None = None
    ) -> None:
        self._wire = wire
        self._line = line or LineTally()
        self._wrong_told = 0
        self._timeout_s = timeout_s
        self._session = Session()
        self._retransmission = Retransmission(asks)
        self._events: deque[Packet] = deque(maxlen=MAX_WAITING_EVENTS)

    @property
    def wrong_checksums(self) -> int:
        """Packets of this connection whose checksum was not that of their bytes."""
        return self._wire.wrong_checksums

    async def run(self, dialogue: Dialogue[T]) -> T:
        """What the dialogue returns. Raises what it raises, and LinkDownError."""
        try:
            step = next(dialogue)
            while True:
                if isinstance(step, Request):
                    await self._ask(step)
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

    async def _ask(self, request: Request) -> None:
        packet = self._session.outgoing(request)
        self._retransmission.begin(packet, once=request.once)
        self._line.requests += 1
        await self._wire.send(packet)

    async def _answer(self) -> Packet:
        """The next packet of the request in flight, asking again after each silence."""
        while True:
            try:
                async with asyncio.timeout(self._silence_s()):
                    return await self._new_answer()
            except TimeoutError as exc:
                self._tell_wrong_checksums()
                again = self._retransmission.again()
                if again is None:
                    self._line.timeouts += 1
                    raise self._silence() from exc
            self._line.repeats += 1
            await self._wire.send(again)

    async def _new_answer(self) -> Packet:
        """One deadline for all that comes before it, so that a chatty device cannot hold us either."""
        while True:
            routed = self._session.incoming(await self._packet())
            match routed:
                case Answer(packet=packet):
                    if self._retransmission.is_new(packet):
                        return packet
                case Event(packet=packet):
                    await self._note(packet)
                case Stale():
                    pass
                case _:
                    assert_never(routed)

    async def events(self, *, timeout_s: float) -> tuple[Packet, ...]:
        """At least one event, also one that came between answers; () after that long a silence.

        Safe to cancel: what has arrived by then is kept. Raises LinkDownError and ProtocolError.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not self._events:
                    routed = self._session.incoming(await self._packet())
                    if isinstance(routed, Event):
                        await self._note(routed.packet)
        except TimeoutError:
            return ()
        return self.take_events()

    def take_events(self) -> tuple[Packet, ...]:
        """The events that have come so far, which are forgotten here."""
        taken = tuple(self._events)
        self._events.clear()
        return taken

    async def _packet(self) -> Packet:
        packet = await self._wire.packet()
        self._line.packets += 1
        self._tell_wrong_checksums()
        return packet

    def _tell_wrong_checksums(self) -> None:
        wrong = self._wire.wrong_checksums
        self._line.wrong_checksums += wrong - self._wrong_told
        self._wrong_told = wrong

    async def _note(self, event: Packet) -> None:
        self._events.append(event)
        await self._wire.send(self._session.event_ack())

    def _silence_s(self) -> float:
        share = self._timeout_s / self._retransmission.limit
        return min(share, _PAUSE_IN_FLOW_S) if self._retransmission.in_flow else share

    def _silence(self) -> SilenceError:
        asks = self._retransmission.limit
        times = f", asked {asks} times" if asks > 1 else ""
        return SilenceError(f"no answer within {self._timeout_s:g} s{times}{self._wire.remarks()}")

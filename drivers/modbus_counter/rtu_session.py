"""Modbus RTU on one line, which all its units share: one question at a time, told by silence.

RTU has no transaction number. So a question is asked into silence only, what came before it is
thrown away, and an answer must come from the unit that was asked, with the function and the size
that were asked for. Whatever else comes is counted and not believed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from typing_extensions import override

from drivers.errors import BlockedError, LinkDownError
from drivers.modbus_counter.session import NoAnswerError, Session
from drivers.ports import Link
from protocols.errors import ProtocolError
from protocols.modbus.pdu import (
    ExceptionResponse,
    ReadRequest,
    ReadResponse,
    decode_read_answer,
    encode_pdu,
)
from protocols.modbus.rtu import LineNoise, RtuFrame, RtuFramer, Side, encode_rtu

# Adapters hand over what they got every 16 ms; a pause longer than this ends a frame for us.
_PAUSE_IN_FRAME_S: Final = 0.1


class RtuBus:
    """One line and whoever asks on it. Open while anybody uses it."""

    def __init__(
        self, open_link: Callable[[], Awaitable[Link]], settings: object, silence_s: float
    ) -> None:
        self.settings = settings
        self.silence_s = silence_s
        self.turn = asyncio.Lock()
        self.strays = 0
        """Frames that answer no question of ours, or came too late."""
        self.noise_bytes = 0
        self.unanswered: dict[int, ReadRequest] = {}
        """By unit: what it was last asked and has not answered."""
        self._open_link = open_link
        self._link: Link | None = None
        self._users = 0

    async def joined(self) -> Link:
        """The open link, for one more user."""
        async with self.turn:
            if self._link is None:
                self._link = await self._open_link()
            self._users += 1
            return self._link

    async def left(self, link: Link, *, broken: bool) -> None:
        """One user less. A broken link is closed under the others, who open the next one."""
        if link is not self._link:
            return  # it broke for another user before
        self._users -= 1
        if self._users == 0 or broken:
            self._link, self._users = None, 0
            await link.aclose()

    def is_current(self, link: Link) -> bool:
        return link is self._link


@dataclass(frozen=True, slots=True)
class _Place:
    """Loops do not share links (tests and the command line run one after the other)."""

    loop: int
    where: str


_buses: WeakValueDictionary[_Place, RtuBus] = WeakValueDictionary()


def bus_at(
    where: str,
    open_link: Callable[[], Awaitable[Link]],
    *,
    settings: object,
    silence_s: float,
) -> RtuBus:
    """The bus of this process at `where`: the same for every device that names it.

    Raises BlockedError when another device names it with other settings of the line.
    """
    place = _Place(id(asyncio.get_running_loop()), where)
    bus = _buses.get(place)
    if bus is None:
        bus = _buses[place] = RtuBus(open_link, settings, silence_s)
    if bus.settings != settings:
        raise BlockedError(
            f"another device uses this line with {bus.settings}, this one with {settings}",
            where=where,
            remedy="All units of a line have one speed and parity: write the same in each [[device]]",
            code="line_settings_differ",
        )
    return bus


class RtuSession(Session):
    """One device's way to its units on a bus."""

    def __init__(self, bus: RtuBus, link: Link, *, timeout_s: float) -> None:
        self._bus = bus
        self._link = link
        self._timeout_s = timeout_s
        self._broken = False
        self._closed = False

    @override
    async def read(
        self, unit: int, request: ReadRequest
    ) -> tuple[ReadResponse | ExceptionResponse, bytes]:
        async with self._bus.turn:  # waiting for others is no part of the unit's time
            if not self._bus.is_current(self._link):
                raise self._lost("another device found the line broken")
            try:
                return await self._exchange(unit, request)
            except NoAnswerError:
                raise
            except LinkDownError:
                self._broken = True
                raise

    @override
    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._bus.left(self._link, broken=self._broken)

    async def _exchange(
        self, unit: int, request: ReadRequest
    ) -> tuple[ReadResponse | ExceptionResponse, bytes]:
        await self._await_silence(self._bus.silence_s)
        if self._bus.unanswered.get(unit, request) != request:
            # Its late answer would look like one to this question: give it time to come.
            await self._await_silence(self._timeout_s, at_most_s=2 * self._timeout_s)
        self._bus.unanswered[unit] = request  # also when whoever asks is stopped meanwhile
        await self._link.write(encode_rtu(unit, encode_pdu(request)))
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._answer(unit, request)
        except TimeoutError as exc:
            raise NoAnswerError.of(f"{self._link.describe()} unit {unit}", self._timeout_s) from exc
        del self._bus.unanswered[unit]
        return answer

    async def _await_silence(self, silence_s: float, *, at_most_s: float = 0.0) -> None:
        """Throws away what comes (late answers, noise) until the line was silent for so long."""
        at_most_s = at_most_s or max(self._timeout_s, 2 * silence_s)
        try:
            async with asyncio.timeout(at_most_s):
                while data := await self._read_within(silence_s):
                    self._bus.noise_bytes += len(data)
        except TimeoutError as exc:
            raise LinkDownError(
                f"the line was never silent within {at_most_s:g} s",
                where=self._link.describe(),
                remedy="Somebody else talks on it: Modbus RTU has room for one master. Disconnect "
                "the other, or check speed and parity if there is none",
                code="line_never_silent",
            ) from exc

    async def _answer(
        self, unit: int, request: ReadRequest
    ) -> tuple[ReadResponse | ExceptionResponse, bytes]:
        framer = RtuFramer(Side.RESPONSES)
        while True:
            data = await self._read_within(_PAUSE_IN_FRAME_S)
            # After a pause: a false start may hold back the frame behind it.
            items = list(framer.feed(data) if data else framer.eof())
            for item in items:
                answer = self._believed(item, unit, request)
                if answer is not None:
                    return answer

    def _believed(
        self, item: RtuFrame | LineNoise, unit: int, request: ReadRequest
    ) -> tuple[ReadResponse | ExceptionResponse, bytes] | None:
        if isinstance(item, LineNoise):
            self._bus.noise_bytes += len(item.raw)
            return None
        if item.unit == unit:
            try:
                return decode_read_answer(request, item.pdu), item.pdu
            except ProtocolError:
                pass  # to an earlier question
        self._bus.strays += 1
        return None

    async def _read_within(self, seconds: float) -> bytes:
        """What comes next, b"" when nothing did."""
        try:
            async with asyncio.timeout(seconds):
                data = await self._link.read()
        except TimeoutError:
            return b""
        if not data:
            raise self._lost("the other end closed it")
        return data

    def _lost(self, cause: str) -> LinkDownError:
        return LinkDownError(
            f"connection lost ({cause})",
            where=self._link.describe(),
            remedy="It is opened again by itself; if it repeats, check plug and cable",
            code="link_lost",
        )

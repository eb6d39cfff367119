"""Ask for registers, and take the answer that belongs to the question: over Modbus TCP."""

import asyncio
from typing import Protocol, Self

from typing_extensions import override

from drivers.errors import DeviceMisbehavedError, LinkDownError
from drivers.ports import Link
from protocols.errors import ProtocolError
from protocols.modbus.mbap import TcpFramer, TcpMessage, encode_tcp
from protocols.modbus.pdu import (
    ExceptionResponse,
    ReadRequest,
    ReadResponse,
    decode_read_answer,
    encode_pdu,
)

_TRANSACTIONS = 0x10000


class NoAnswerError(LinkDownError):
    """The unit stayed silent. The connection itself is as good as before."""

    @classmethod
    def of(cls, where: str, timeout_s: float) -> Self:
        return cls(
            f"no answer within {timeout_s:g} s",
            where=where,
            remedy="Check that the box is powered, and its unit number in the site file",
            code="unit_silent",
        )


class Session(Protocol):
    """A way to some units. It can read registers, and nothing else."""

    async def read(
        self, unit: int, request: ReadRequest
    ) -> tuple[ReadResponse | ExceptionResponse, bytes]:
        """The answer to `request`, an exception included, and its PDU.

        Raises NoAnswerError; LinkDownError when the connection is gone; DeviceMisbehavedError
        when the answer is not Modbus or not to this request. After the last two: close.
        """
        ...

    async def aclose(self) -> None:
        """Never raises; safe to call twice."""
        ...


class TcpSession(Session):
    """Matches answers to requests by transaction number, so that an answer that comes after its
    time-out is never taken for the next unit's value.
    """

    def __init__(self, link: Link, *, timeout_s: float) -> None:
        self._link = link
        self._timeout_s = timeout_s
        self._framer = TcpFramer()
        self._transaction = 0
        self.strays = 0  # answers to no question of ours, or too late

    @override
    async def read(
        self, unit: int, request: ReadRequest
    ) -> tuple[ReadResponse | ExceptionResponse, bytes]:
        self._transaction = (self._transaction + 1) % _TRANSACTIONS
        asked = TcpMessage(transaction=self._transaction, unit=unit, pdu=encode_pdu(request))
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._link.write(encode_tcp(asked))
                answer = await self._answer_to(asked)
            response = decode_read_answer(request, answer.pdu)
        except TimeoutError as exc:
            raise NoAnswerError.of(self._where(unit), self._timeout_s) from exc
        except ProtocolError as exc:
            raise self._misbehaved(unit, exc) from exc
        return response, answer.pdu

    @override
    async def aclose(self) -> None:
        await self._link.aclose()

    async def _answer_to(self, asked: TcpMessage) -> TcpMessage:
        while True:
            data = await self._link.read()
            if not data:
                raise LinkDownError(
                    "the box closed the connection",
                    where=self._link.describe(),
                    remedy="It is tried again by itself; many boxes allow one client only: stop "
                    "other programs that read it",
                    code="link_closed",
                )
            for message in self._framer.feed(data):
                if message.transaction != asked.transaction:
                    self.strays += 1
                elif message.unit != asked.unit:
                    raise ProtocolError(f"asked unit {asked.unit}, unit {message.unit} answered")
                else:
                    return message

    def _where(self, unit: int) -> str:
        return f"{self._link.describe()} unit {unit}"

    def _misbehaved(self, unit: int, exc: ProtocolError) -> DeviceMisbehavedError:
        return DeviceMisbehavedError(
            str(exc),
            where=self._where(unit),
            remedy="Check that port and unit in the site file belong to a Modbus TCP box, and that "
            "no serial converter in between mixes up answers",
            code="not_modbus",
        )

"""Modbus requests and answers, without addressing and checksum (the PDU).

Reads (functions 3 and 4) and the write of one register (6) are decoded; what else a capture may
hold passes through as `OtherPdu`, never guessed at.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from protocols.errors import LimitExceededError, ProtocolError

MAX_PDU_BYTES: Final = 253  # the serial line's 256 less address and CRC; TCP keeps the same limit
MAX_REGISTERS: Final = 125  # what fits into one answer: 253 less function and byte count, in words
ADDRESS_SPACE: Final = 0x10000
ILLEGAL_DATA_ADDRESS: Final = 2
_EXCEPTION_BIT: Final = 0x80

_EXCEPTION_MEANINGS: Final = {
    1: "illegal function",
    ILLEGAL_DATA_ADDRESS: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge, still working",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}


class Function(IntEnum):
    READ_HOLDING_REGISTERS = 3
    READ_INPUT_REGISTERS = 4
    WRITE_SINGLE_REGISTER = 6


READS: Final = frozenset({Function.READ_HOLDING_REGISTERS, Function.READ_INPUT_REGISTERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """`count` registers from `address`, counted from 0 as on the wire."""

    function: int
    address: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResponse:
    function: int
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRegister:
    """Function 6. The answer repeats the request. We decode it and never send it."""

    address: int
    value: int
    function: int = Function.WRITE_SINGLE_REGISTER


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionResponse:
    """The server's no. `function` is the one that was asked for, without the exception bit."""

    function: int
    code: int

    @property
    def meaning(self) -> str:
        return _EXCEPTION_MEANINGS.get(self.code, "unknown exception")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPdu:
    """A function that we do not decode; `data` is everything after the function byte."""

    function: int
    data: bytes


Request = ReadRequest | WriteRegister | OtherPdu
Response = ReadResponse | WriteRegister | ExceptionResponse | OtherPdu


def encode_pdu(pdu: Request | Response) -> bytes:
    """The bytes of a request or an answer. Raises ValueError for what no PDU can hold."""
    match pdu:
        case ReadRequest(function=function, address=address, count=count):
            if not 1 <= count <= MAX_REGISTERS or address + count > ADDRESS_SPACE:
                raise ValueError(f"cannot ask for {count} registers from {address}")
            return struct.pack(">BHH", function, address, count)
        case ReadResponse(function=function, registers=registers):
            if not 1 <= len(registers) <= MAX_REGISTERS:
                raise ValueError(f"cannot answer {len(registers)} registers")
            return struct.pack(f">BB{len(registers)}H", function, 2 * len(registers), *registers)
        case WriteRegister(function=function, address=address, value=value):
            return struct.pack(">BHH", function, address, value)
        case ExceptionResponse(function=function, code=code):
            return bytes([function | _EXCEPTION_BIT, code])
        case OtherPdu(function=function, data=data):
            return bytes([function]) + data


def decode_request(data: bytes) -> Request:
    """Raises ProtocolError when the length or a count is not what the function allows."""
    function = _function(data)
    if function in READS:
        address, count = _two_words(data)
        if not 1 <= count <= MAX_REGISTERS:
            raise LimitExceededError(f"{count} registers asked for", limit=MAX_REGISTERS)
        return ReadRequest(function=function, address=address, count=count)
    if function == Function.WRITE_SINGLE_REGISTER:
        address, value = _two_words(data)
        return WriteRegister(address=address, value=value)
    return OtherPdu(function=function, data=data[1:])


def decode_response(data: bytes) -> Response:
    """Raises ProtocolError when the length is not what the function allows."""
    function = _function(data)
    if function & _EXCEPTION_BIT:
        if len(data) != 2:
            raise ProtocolError(f"exception answer of {len(data)} bytes instead of 2")
        return ExceptionResponse(function=function & ~_EXCEPTION_BIT, code=data[1])
    if function in READS:
        return _decode_read_response(function, data)
    if function == Function.WRITE_SINGLE_REGISTER:
        address, value = _two_words(data)
        return WriteRegister(address=address, value=value)
    return OtherPdu(function=function, data=data[1:])


def decode_read_answer(request: ReadRequest, data: bytes) -> ReadResponse | ExceptionResponse:
    """Raises ProtocolError unless `data` can be the answer to `request`."""
    response = decode_response(data)
    check_answers(request, response)
    if isinstance(response, ReadResponse | ExceptionResponse):
        return response
    raise ProtocolError(f"function {request.function} does not read registers")


def check_answers(request: Request, response: Response) -> None:
    """Raises ProtocolError unless `response` can be the answer to `request`."""
    if response.function != request.function:
        raise ProtocolError(
            f"asked with function {request.function}, answered with function {response.function}"
        )
    match request, response:
        case ReadRequest(count=asked), ReadResponse(registers=registers):
            if len(registers) != asked:
                raise ProtocolError(f"asked for {asked} registers, got {len(registers)}")
        case WriteRegister(), WriteRegister():
            if response != request:
                raise ProtocolError(f"the answer does not repeat the write: {response}")
        case _:
            pass  # exceptions answer any request; other functions are not decoded


def _function(data: bytes) -> int:
    if not data:
        raise ProtocolError("PDU without a function byte")
    if len(data) > MAX_PDU_BYTES:
        raise LimitExceededError(f"PDU of {len(data)} bytes", limit=MAX_PDU_BYTES)
    return data[0]


def _two_words(data: bytes) -> tuple[int, int]:
    if len(data) != 5:
        raise ProtocolError(f"PDU of function {data[0]} has {len(data)} bytes instead of 5")
    first, second = struct.unpack(">HH", data[1:])
    return first, second


def _decode_read_response(function: int, data: bytes) -> ReadResponse:
    size = data[1] if len(data) > 1 else 0
    if size == 0 or size % 2 or len(data) != 2 + size:
        raise ProtocolError(f"read answer of {len(data)} bytes says that it holds {size}")
    return ReadResponse(function=function, registers=struct.unpack(f">{size // 2}H", data[2:]))

"""What a simulated Modbus box holds, and how it answers, whatever line leads to it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

from protocols.errors import ProtocolError
from protocols.modbus.pdu import (
    ILLEGAL_DATA_ADDRESS,
    ExceptionResponse,
    OtherPdu,
    ReadRequest,
    ReadResponse,
    Response,
    WriteRegister,
    decode_request,
)
from protocols.modbus.registers import WORD_BITS, ByteOrder, WordOrder, to_words

_ILLEGAL_FUNCTION: Final = 1
_ILLEGAL_DATA_VALUE: Final = 3


@dataclass(slots=True, kw_only=True)
class CounterUnit:
    """One unit of the box. Registers: pieces at 0, rejects at 2, badge at 4, boot at 6; with
    counters of 64 bits at 0, 4, 8 and 12.

    A counter of `width` bits wraps as the real one does: assign any number, the low bits show.
    `extra` holds further registers by address. `torn` makes reads show the low word of pieces
    after a carry beside the high word from before it, `torn_reads` so many of them. `exception`
    answers every read with that code, `silent` answers nothing. `empties` is the register that
    nobody should use: pieces are 0 after each read.
    """

    pieces: int = 0
    rejects: int = 0
    badge: int = 0
    boot: int = 1
    width: Literal[16, 32, 64] = 32
    word_order: WordOrder = "big"
    byte_order: ByteOrder = "big"
    extra: dict[int, int] = field(default_factory=dict)
    torn: bool = False
    torn_reads: int = 0
    silent: bool = False
    exception: int | None = None
    empties: bool = False

    def reset(self) -> None:
        """Power off and on, with counters that do not keep their values."""
        self.pieces = self.rejects = self.badge = 0
        self.boot += 1

    def registers(self) -> dict[int, int]:
        """By address, as they stand."""
        step = max(2, self.width // WORD_BITS)
        words = dict.fromkeys(range(3 * step + 1), 0)
        torn = self.torn or self.torn_reads > 0
        pieces = self.pieces - 0x10000 if torn else self.pieces
        for place, value in enumerate((pieces, self.rejects, self.badge)):
            shown = to_words(value, self.width, self.word_order, self.byte_order)
            words.update(enumerate(shown, start=place * step))
        words[3 * step] = self.boot & 0xFFFF
        return words | self.extra

    def read(self) -> dict[int, int]:
        """As a client reads them, with what that does to the unit."""
        registers = self.registers()
        self.torn_reads = max(0, self.torn_reads - 1)
        if self.empties:
            self.pieces = 0
        return registers


class ServedUnits:
    """Answers for `units`. `unknown_unit`: the exception for one that is not there, None = silence.

    `asked` counts the functions that clients used, so that a test can prove that nobody wrote.
    """

    def __init__(self, units: dict[int, CounterUnit], *, unknown_unit: int | None = None) -> None:
        self.units = units
        self.asked: Counter[int] = Counter()
        self._unknown_unit = unknown_unit

    def respond(self, number: int, pdu: bytes) -> Response | None:
        function = pdu[0]
        self.asked[function] += 1
        unit = self.units.get(number)
        refusal = self._unknown_unit if unit is None else unit.exception
        if unit is None or unit.silent or refusal is not None:
            if refusal is None or (unit is not None and unit.silent):
                return None
            return ExceptionResponse(function=function, code=refusal)
        try:
            request = decode_request(pdu)
        except ProtocolError:
            return ExceptionResponse(function=function, code=_ILLEGAL_DATA_VALUE)
        match request:
            case ReadRequest():
                return _read(unit, request)
            case WriteRegister() | OtherPdu():
                return ExceptionResponse(function=function, code=_ILLEGAL_FUNCTION)


def _read(unit: CounterUnit, request: ReadRequest) -> Response:
    registers = unit.read()
    asked = range(request.address, request.address + request.count)
    if any(address not in registers for address in asked):
        return ExceptionResponse(function=request.function, code=ILLEGAL_DATA_ADDRESS)
    return ReadResponse(
        function=request.function, registers=tuple(registers[address] for address in asked)
    )

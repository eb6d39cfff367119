"""Which registers one counter needs, in how few requests, and what their words mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from drivers.modbus_counter.config import CounterConfig
from protocols.modbus.pdu import MAX_REGISTERS, ReadRequest
from protocols.modbus.registers import signed, unsigned

Metric = Literal["pieces", "rejects"]
_SIGNED: Final = frozenset({"pieces", "rejects"})  # a badge number has no sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What one counter showed, in pieces. `rejects` is None where the line does not count them."""

    pieces: int
    rejects: int | None
    badge: str | None
    boot: str

    @property
    def amounts(self) -> dict[Metric, int]:
        """What is counted, by its name."""
        amounts: dict[Metric, int] = {"pieces": self.pieces}
        if self.rejects is not None:
            amounts["rejects"] = self.rejects
        return amounts


class RegisterMap:
    """The registers of one counter.

    A number is never split over two requests: its words could come from before and after a carry.
    The whole counter is one request where it fits, so that pieces, rejects and badge belong to
    the same instant.
    """

    def __init__(self, counter: CounterConfig, function: int) -> None:
        self._counter = counter
        self._function = function
        self._fields = counter.fields

    def together(self) -> ReadRequest | None:
        """One request for all values; None where they lie too far apart."""
        first = min(field.start for field in self._fields.values())
        end = max(field.stop for field in self._fields.values())
        if end - first > MAX_REGISTERS:
            return None
        return ReadRequest(function=self._function, address=first, count=end - first)

    def apart(self) -> list[ReadRequest]:
        """One request per value."""
        return [
            ReadRequest(function=self._function, address=field.start, count=len(field))
            for field in self._fields.values()
        ]

    @property
    def has_holes(self) -> bool:
        """Reading all values together also reads registers that no value needs."""
        together = self.together()
        needed = {address for field in self._fields.values() for address in field}
        return together is not None and together.count > len(needed)

    def decode(self, answers: Sequence[tuple[ReadRequest, Sequence[int]]]) -> Values:
        """The values in the registers that answered the requests of `together` or `apart`."""
        words: dict[int, int] = {}
        for request, registers in answers:
            words.update(enumerate(registers, start=request.address))
        numbers = {name: self._number(name, words) for name in self._fields}
        badge = numbers.get("badge", 0)
        rejects = numbers.get("rejects")
        return Values(
            pieces=self._counter.in_pieces(numbers["pieces"]),
            rejects=None if rejects is None else self._counter.in_pieces(rejects),
            badge=str(badge) if badge else None,
            boot=str(numbers.get("boot", 0)),
        )

    def _number(self, name: str, words: Mapping[int, int]) -> int:
        counter = self._counter
        decode = signed if counter.signed and name in _SIGNED else unsigned
        registers = [words[address] for address in self._fields[name]]
        return decode(registers, counter.word_order, counter.byte_order)

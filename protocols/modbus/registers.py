"""Registers (16 bits each) to whole numbers and back.

Modbus does not say which word of a 32-bit number comes first; both orders are in the field
(captured registers 0 to 3). It is configured, and checked at commissioning against the HMI.
"""

from collections.abc import Sequence
from typing import Literal

WordOrder = Literal["big", "little"]

_WORD_BITS = 16


def unsigned(words: Sequence[int], order: WordOrder = "big") -> int:
    """u16 or u32 (any number of words). `big`: the word at the lowest address is the highest."""
    value = 0
    for word in words if order == "big" else reversed(words):
        value = value << _WORD_BITS | word
    return value


def signed(words: Sequence[int], order: WordOrder = "big") -> int:
    """s16 or s32, two's complement."""
    value = unsigned(words, order)
    bits = _WORD_BITS * len(words)
    return value - (1 << bits) if value >> (bits - 1) else value


def to_words(value: int, width: int, order: WordOrder = "big") -> tuple[int, ...]:
    """The registers that hold `value` modulo 2**width, as a counter of that width shows it."""
    wrapped = value % (1 << width)
    words = tuple(wrapped >> shift & 0xFFFF for shift in range(0, width, _WORD_BITS))
    return words[::-1] if order == "big" else words

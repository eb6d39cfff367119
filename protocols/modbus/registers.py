"""Registers (16 bits each) to whole numbers and back.

Modbus does not say which word of a longer number comes first, and some boxes swap the two bytes of
each word as well; all orders are in the field (captured registers 0 to 3 hold two of them). Both
are configured, and checked at commissioning against the HMI.
"""

from collections.abc import Sequence
from typing import Literal

WordOrder = Literal["big", "little"]
ByteOrder = Literal["big", "little"]

WORD_BITS = 16


def unsigned(words: Sequence[int], order: WordOrder = "big", byte_order: ByteOrder = "big") -> int:
    """u16, u32 or u64 (any number of words). `big`: the word at the lowest address is the highest,
    the first byte of a word its higher one.
    """
    value = 0
    for word in words if order == "big" else reversed(words):
        value = value << WORD_BITS | (word if byte_order == "big" else _swapped(word))
    return value


def signed(words: Sequence[int], order: WordOrder = "big", byte_order: ByteOrder = "big") -> int:
    """s16, s32 or s64, two's complement."""
    value = unsigned(words, order, byte_order)
    bits = WORD_BITS * len(words)
    return value - (1 << bits) if value >> (bits - 1) else value


def to_words(
    value: int, width: int, order: WordOrder = "big", byte_order: ByteOrder = "big"
) -> tuple[int, ...]:
    """The registers that hold `value` modulo 2**width, as a counter of that width shows it."""
    wrapped = value % (1 << width)
    words = tuple(wrapped >> shift & 0xFFFF for shift in range(0, width, WORD_BITS))
    if byte_order == "little":
        words = tuple(map(_swapped, words))
    return words[::-1] if order == "big" else words


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8

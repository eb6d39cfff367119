"""Whether a reading can follow the one before it, and what a second look at it proves.

A number of several registers can be torn: a box that writes it word by word shows, at a carry, the
new half beside the old one (65535, 0, 65537). One reading cannot tell that from a reset. The next
one can: so a strange reading is read again at once, and both are stored as what they proved to be.
"""

from typing import Final, Literal

from drivers.modbus_counter.config import CounterConfig

Quality = Literal["good", "uncertain", "bad"]

# What a torn word is off by, less what a line makes between two reads.
_HALF_A_WORD: Final = 0x8000


def is_strange(counter: CounterConfig, before: int, value: int, elapsed_s: float) -> bool:
    """Whether `value` pieces, so long after `before`, want a second look.

    A counter without `max_rate_per_s` may rise by half a word: more is what a torn word looks like.
    A turn over the top is not strange.
    """
    rise = value - before
    if rise < 0:
        rise %= counter.in_pieces(counter.steps_to_wrap)
    return rise > _most_possible(counter, elapsed_s)


def judged(
    counter: CounterConfig, before: int, first: int, second: int, elapsed_s: float
) -> tuple[Quality, Quality]:
    """What `first`, which is strange after `before`, and `second`, read at once behind it, are.

    When the second goes on from the old value, the first was never on the counter: bad. When it
    goes on from the first, the counter really jumped or was reset, which is the core's to judge.
    """
    if not is_strange(counter, before, second, elapsed_s):
        return "bad", "good"
    if not is_strange(counter, first, second, 0.0):
        return "good", "good"
    return "uncertain", "uncertain"


def empties_itself(before: int, first: int, second: int) -> bool:
    """Two falls in a row, the second within the time of one answer: it was the reading that did it."""
    return before > first > second


def _most_possible(counter: CounterConfig, elapsed_s: float) -> float:
    if counter.max_rate_per_s is None:
        return min(_HALF_A_WORD, counter.in_pieces(counter.steps_to_wrap) // 2)
    # A second is added: the box counts between its own cycle and our question.
    return counter.max_rate_per_s * (max(0.0, elapsed_s) + 1)

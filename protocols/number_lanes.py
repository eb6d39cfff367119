"""Many numbers at once: lanes of one large integer, added and compared by the processor's own width,
where a Python object per number would take five to ten times as long.
"""

from functools import lru_cache
from typing import Final

LANE_BYTES: Final = 8
LANE_BITS: Final = 8 * LANE_BYTES
_GUARD: Final = 1 << LANE_BITS - 1


@lru_cache(maxsize=16)  # 40 kB each for a whole page
def lanes_of(number: int, count: int) -> int:
    """`number` in each of `count` lanes."""
    return int.from_bytes(number.to_bytes(LANE_BYTES, "little") * count, "little")


def are_natural(lanes: int, count: int) -> bool:
    """Whether none of the signed numbers in `count` lanes is negative."""
    return lanes & lanes_of(_GUARD, count) == 0


def are_growing(lanes: int, count: int) -> bool:
    """Whether each of `count` natural numbers is greater than the one before."""
    # A guard stays where "this one minus the one before minus one" need not borrow it.
    kept = _almost(count) + lanes - (lanes << LANE_BITS)
    return kept & (guards := lanes_of(_GUARD, count)) == guards


def steps_of(lanes: int, count: int) -> bytes:
    """The first of `count` natural numbers and each one's signed distance from the one before, as
    lanes in little-endian bytes.
    """
    guards = lanes_of(_GUARD, count + 1)  # one more, for what is shifted out of the last lane
    steps = (guards + lanes - (lanes << LANE_BITS)) ^ guards
    return steps.to_bytes(LANE_BYTES * (count + 1), "little")[: LANE_BYTES * count]


@lru_cache(maxsize=4)
def _almost(count: int) -> int:
    """A guard in the first lane, one less than a guard in the others, and a lane more."""
    return (lanes_of(_GUARD - 1, count - 1) << LANE_BITS) + _GUARD * (1 + (1 << LANE_BITS * count))

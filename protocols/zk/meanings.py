"""What state and verify numbers mean when no firmware profile says otherwise (protocol.md 8.6, 8.7).

The numbers always travel beside the meaning: one Solution X100-C has in and out swapped.
"""

from collections.abc import Mapping
from types import MappingProxyType

from protocols.records import Direction

UNDEFINED_STATE = 255  # the function keys are off: the terminal does not ask for a direction

STATES: Mapping[int, Direction] = MappingProxyType(
    {
        0: Direction.IN,
        1: Direction.OUT,
        2: Direction.BREAK_OUT,
        3: Direction.BREAK_IN,
        4: Direction.OVERTIME_IN,
        5: Direction.OVERTIME_OUT,
        UNDEFINED_STATE: Direction.UNKNOWN,
    }
)

UNKNOWN_METHOD = "unknown"

# 1 and 15 are certain; 0 and 2 come from older tables, 3 and 4 from newer ones.
METHODS: Mapping[int, str] = MappingProxyType(
    {
        0: "password",
        1: "fingerprint",
        2: "card",
        3: "password",
        4: "card",
        15: "face",
        25: "palm",
    }
)

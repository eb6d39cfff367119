"""The numbers 0 to 255 by which an edge node counts its messages, as a receiver sees them."""

from enum import Enum
from typing import Final

SEQ_SPACE: Final = 256
# A jump of more than this is no late message: the node went on without us, or began anew.
_LARGEST_GAP: Final = 128


class Place(Enum):
    """Where a number stands among those before it."""

    NEXT = "next"
    LATE = "late"  # one that was missed
    AHEAD = "ahead"  # others are missing now
    REPEATED = "repeated"
    IMPOSSIBLE = "impossible"


class Sequence:
    """Nothing is expected before the first number. `missing_since` is monotonic seconds."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self._missing: set[int] = set()
        self.missing_since: float | None = None

    def restart(self, seq: int | None) -> int:
        """A birth: any number may come first (3.0). How many messages before it are lost."""
        lost = self.give_up()
        self._expected = None if seq is None else (seq + 1) % SEQ_SPACE
        return lost

    def take(self, seq: int, now_s: float) -> Place:
        if not 0 <= seq < SEQ_SPACE:
            return Place.IMPOSSIBLE
        if self._expected is None:
            self._expected = (seq + 1) % SEQ_SPACE
            return Place.NEXT
        if seq in self._missing:
            self._missing.discard(seq)
            if not self._missing:
                self.missing_since = None
            return Place.LATE
        ahead = (seq - self._expected) % SEQ_SPACE
        if ahead == SEQ_SPACE - 1:
            return Place.REPEATED
        if ahead:
            if self.missing_since is None:
                self.missing_since = now_s
            skipped = ahead if ahead <= _LARGEST_GAP else 1
            self._missing |= {(self._expected + step) % SEQ_SPACE for step in range(skipped)}
        self._expected = (seq + 1) % SEQ_SPACE
        return Place.AHEAD if ahead else Place.NEXT

    def give_up(self) -> int:
        """How many messages are lost. From now on nobody waits for them."""
        lost = len(self._missing)
        self._missing.clear()
        self.missing_since = None
        return lost

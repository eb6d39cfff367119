"""What a debounce takes away: counted, its bytes kept, told with the next record that stands."""

from typing import Final

# Bytes of what was dropped between two records; a bouncing contact sends the same line again.
_MAX_KEPT_BYTES: Final = 4_096


class Dropped:
    """`total` is since the driver was built, for the status page."""

    def __init__(self) -> None:
        self.total = 0
        self._raw = bytearray()
        self._untold = 0

    def add(self, raw: bytes) -> None:
        self.total += 1
        self._untold += 1
        self._raw += raw[: _MAX_KEPT_BYTES - len(self._raw)]

    def take(self) -> tuple[int, bytes]:
        """How many were dropped since the last call, and their bytes."""
        taken = self._untold, bytes(self._raw)
        self._untold = 0
        self._raw.clear()
        return taken

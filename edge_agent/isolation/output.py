"""What a driver's process prints: into our log, line by line, and never so much that it floods it."""

import asyncio
from typing import Any, Final

from drivers.ports import Clock

LINES_A_MINUTE: Final = 30  # a traceback, or a warning each other second
_MAX_LINE: Final = 500
_READ_BYTES: Final = 4_096
_MINUTE_S: Final = 60.0


class OutputLog:
    """`log` is bound to the device."""

    def __init__(self, log: Any, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._minute_began_s = clock.monotonic()
        self._lines = 0
        self._silenced = 0

    async def drain(self, stream: asyncio.StreamReader) -> None:
        """Until the stream ends. It is always read on, or the process would wait for us."""
        rest = b""
        while piece := await stream.read(_READ_BYTES):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _READ_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.take(line)
        if rest:
            self.take(rest)
        self._tell_silenced()

    def take(self, line: bytes) -> None:
        if self._clock.monotonic() - self._minute_began_s >= _MINUTE_S:
            self._tell_silenced()
            self._minute_began_s = self._clock.monotonic()
            self._lines = 0
        if self._lines >= LINES_A_MINUTE:
            self._silenced += 1
            return
        self._lines += 1
        self._log.warning("driver_said", line=line.decode("utf-8", "replace").rstrip()[:_MAX_LINE])

    def _tell_silenced(self) -> None:
        if self._silenced:
            self._log.warning("driver_said_more", lines=self._silenced)
        self._silenced = 0

"""A station that sends lines of text on a serial port, behind a pseudo terminal."""

from pathlib import Path

from simulators.serial_plug import SerialPlug


class LineSender(SerialPlug):
    """A pulse counter or a scanner: `say` sends one line, `end` is how it ends one."""

    def __init__(
        self, *, link: Path | None = None, begin: bytes = b"", end: bytes = b"\r\n"
    ) -> None:
        super().__init__(link=link)
        self._begin = begin
        self._end = end

    async def say(self, text: str, *, slice_bytes: int | None = None) -> None:
        await self.send(self._begin + text.encode() + self._end, slice_bytes=slice_bytes)

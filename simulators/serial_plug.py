"""A device behind a pseudo terminal, which can be unplugged: the driver opens a real port."""

import asyncio
import contextlib
import os
import pty
import tty
from pathlib import Path
from types import TracebackType
from typing import Self

_READ_BYTES = 4096


class SerialPlug:
    """`port` is the path for the driver; it stays the same over unplug and plug when `link` names
    a symbolic link, as /dev/serial/by-id does. What the driver writes comes to `hear`.
    """

    def __init__(self, *, link: Path | None = None) -> None:
        self._link = link
        self._ends: tuple[int, int] | None = None  # ours and the driver's side of the pty

    @property
    def port(self) -> str:
        if self._link is not None:
            return str(self._link)
        _, slave = self._plugged()
        return os.ttyname(slave)

    async def plug(self) -> None:
        """A fresh port, as after plugging the adapter in."""
        master, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._ends = master, slave
        asyncio.get_running_loop().add_reader(master, self._readable, master)
        if self._link is not None:
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(os.ttyname(slave))

    async def unplug(self) -> None:
        """The port goes away under whoever has it open."""
        ends, self._ends = self._ends, None
        if ends is None:
            return
        asyncio.get_running_loop().remove_reader(ends[0])
        for end in ends:
            os.close(end)
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    async def send(self, data: bytes, *, slice_bytes: int | None = None) -> None:
        """Any bytes: noise, halves of lines; in writes of `slice_bytes`, apart from each other.

        Raises BlockingIOError when nobody reads the port and its buffer is full.
        """
        master, _ = self._plugged()
        size = slice_bytes or max(len(data), 1)
        for start in range(0, len(data), size):
            os.write(master, data[start : start + size])
            await asyncio.sleep(0)

    def hear(self, data: bytes) -> None:
        """What the driver wrote; devices that answer override this."""

    async def __aenter__(self) -> Self:
        await self.plug()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.unplug()

    def _plugged(self) -> tuple[int, int]:
        if self._ends is None:
            raise RuntimeError("the simulated device is not plugged in: call plug first")
        return self._ends

    def _readable(self, master: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self.hear(os.read(master, _READ_BYTES))

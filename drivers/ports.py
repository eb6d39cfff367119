"""What a driver needs from outside: a clock and links. Tests and the demo pass their own."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, a monotonic counter and a way to wait; the only source of time in drivers."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; differences are meaningful, the value is not."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Link(Protocol):
    """A byte stream to one device. All methods raise `LinkDownError` when the device is gone."""

    async def read(self) -> bytes:
        """At least one byte; b"" when the peer closed."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def aclose(self) -> None:
        """Never raises; safe to call twice."""
        ...

    def describe(self) -> str:
        """For messages: 'tcp 10.0.0.7:4370'."""
        ...


LinkOpener = Callable[[], Awaitable[Link]]

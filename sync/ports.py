"""What the uplink needs from outside: a source of batches, a way to the core, a clock."""

from datetime import datetime
from typing import Protocol

from protocols.uplink import Answer, Batch, Observation


class Clock(Protocol):
    """Wall time, a monotonic counter and a way to wait; the only source of time in sync."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; differences are meaningful, the value is not."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class PendingBatch(Protocol):
    """A batch that an outbox has put in flight: it keeps number and records until it is settled."""

    @property
    def number(self) -> int: ...

    @property
    def observations(self) -> tuple[Observation, ...]: ...


class Outbox(Protocol):
    """Records on their way to one or more sinks, each sink with its own position."""

    async def next_batch(self, sink: str, *, limit: int) -> PendingBatch | None:
        """The batch in flight, unchanged, else a new one of at most `limit` records, else None."""
        ...

    async def settle(self, sink: str, answer: Answer) -> object:
        """Acts on every verdict durably: delivered, dead letter, or kept to be sent again."""
        ...


class Transport(Protocol):
    """One way to a core."""

    async def send(self, batch: Batch) -> Answer:
        """The core's answer, checked against `batch`. Raises UplinkError."""
        ...

    async def aclose(self) -> None:
        """Safe to call twice."""
        ...

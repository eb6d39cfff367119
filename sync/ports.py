"""What the uplink needs from outside: a source of batches, a way to the core, a clock."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from protocols.batch_chain import ChainHead
from protocols.uplink import Answer, Observation, Watermark

if TYPE_CHECKING:
    from sync.sealing import SealedBatch


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
    """A batch that an outbox has put in flight: number, records, salt and the hash of the batch
    before stay as they are until it is settled.
    """

    @property
    def number(self) -> int: ...

    @property
    def previous(self) -> bytes: ...

    @property
    def salt(self) -> bytes: ...

    @property
    def observations(self) -> tuple[Observation, ...]: ...

    @property
    def watermarks(self) -> tuple[Watermark, ...]: ...


class Rewound(Protocol):
    """What is sent again."""

    @property
    def batches(self) -> int: ...

    @property
    def rows(self) -> int: ...


class Outbox(Protocol):
    """Records on their way to one or more sinks, each sink with its own position and chain."""

    async def next_batch(self, sink: str, *, limit: int) -> PendingBatch | None:
        """The batch in flight, unchanged, else a new one of at most `limit` records, else None."""
        ...

    async def settle(self, sink: str, answer: Answer, *, batch_hash: bytes) -> object:
        """Acts on every verdict durably: delivered, dead letter, or kept to be sent again.

        `batch_hash`: what the next batch names as the one before.
        """
        ...

    async def chain_head(self, sink: str) -> ChainHead:
        """The last batch that `sink` has answered."""
        ...

    async def rewind(self, sink: str, head: ChainHead) -> Rewound:
        """Goes back to `head`: what came after is sent again. Raises ChainForkError when `head` is
        none of this chain.
        """
        ...

    async def join(self, sink: str, head: ChainHead) -> bool:
        """An outbox that never made a batch for `sink` goes on behind `head`; any other: False."""
        ...


class Transport(Protocol):
    """One way to a core, which it knows by its public key."""

    async def send(self, sealed: "SealedBatch") -> Answer:
        """The core's answer, its signature checked, and checked against the batch.

        Raises UplinkError.
        """
        ...

    async def chain_head(self, ours: ChainHead) -> ChainHead:
        """The last batch of this gateway that the core holds, which is told ours. Raises
        UplinkError.
        """
        ...

    @property
    def takes(self) -> frozenset[str]:
        """Content types that the core reads beside JSON, as its last `chain_head` said."""
        return frozenset()

    async def aclose(self) -> None:
        """Safe to call twice."""
        ...

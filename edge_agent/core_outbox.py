"""The spool as the uplink to our own core sees it, and what is said when the core went back."""

from zoneinfo import ZoneInfo

import structlog
from typing_extensions import override

from drivers.ports import Clock
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.results import PendingBatch, Settled
from edge_agent.spool.store import Rewound, Spool
from protocols.batch_chain import ChainHead
from protocols.records import DeviceEvent
from protocols.uplink import Answer
from sync.errors import ChainForkError
from sync.ports import Outbox

log = structlog.get_logger()


class CoreOutbox(Outbox):
    """`gateway` and `zone`: of the events in which the gateway tells the core what it did."""

    def __init__(self, spool: Spool, *, gateway: str, zone: str, clock: Clock) -> None:
        self._spool = spool
        self._gateway = gateway
        self._zone = zone
        self._clock = clock

    @override
    async def next_batch(self, sink: str, *, limit: int) -> PendingBatch | None:
        return await self._spool.next_batch(sink, limit=limit)

    @override
    async def settle(self, sink: str, answer: Answer, *, batch_hash: bytes) -> Settled:
        return await self._spool.settle(sink, answer, batch_hash=batch_hash)

    @override
    async def chain_head(self, sink: str) -> ChainHead:
        return await self._spool.chain_head(sink)

    @override
    async def rewind(self, sink: str, head: ChainHead) -> Rewound:
        def announce(rewound: Rewound) -> DeviceEvent:
            return self._event(
                "core_restored",
                {"last_batch": head.number, "batches": rewound.batches, "rows": rewound.rows},
            )

        try:
            rewound = await self._spool.rewind(sink, head, announce=announce, zone=self._zone)
        except SpoolError as error:
            if error.code != "chain_unknown":
                raise
            return await self._adopt(sink, head)
        log.warning(
            "core_restored", last_batch=head.number, batches=rewound.batches, rows=rewound.rows
        )
        return rewound

    async def _adopt(self, sink: str, head: ChainHead) -> Rewound:
        """A spool that was salvaged may have lost its chain: then it goes on behind the core's head,
        once, and sends again what it is not sure of. Raises ChainForkError for any other.
        """
        try:
            await self._spool.adopt_head(sink, head)
        except SpoolError as error:
            if error.code != "chain_unknown":
                raise
            raise ChainForkError(
                error.what, where=error.where, remedy=error.remedy, code="chain_fork"
            ) from error
        log.warning("chain_adopted", last_batch=head.number)
        return Rewound(batches=0, rows=0)

    @override
    async def join(self, sink: str, head: ChainHead) -> bool:
        event = self._event("spool_restarted", {"last_batch": head.number})
        joined = await self._spool.join(sink, head, announce=event, zone=self._zone)
        if joined:
            log.warning("spool_restarted", last_batch=head.number)
        return joined

    def _event(self, code: str, detail: dict[str, str | int]) -> DeviceEvent:
        now = self._clock.now().astimezone(ZoneInfo(self._zone)).replace(tzinfo=None)
        return DeviceEvent(serial=self._gateway, code=code, device_time=now, detail=detail)

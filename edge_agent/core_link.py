"""The uplink to the core as a part of the agent that can be started anew, with another site file."""

import random
from typing import Any

import msgspec
import structlog

from drivers.ports import Clock
from edge_agent.config.models import SiteConfig
from edge_agent.core_outbox import CoreOutbox
from edge_agent.enrolment.live import LiveIdentity, LiveSealer, LiveTransport
from edge_agent.footsteps import Footsteps
from edge_agent.spool.store import Spool, SpoolCorruptError, SpoolError
from sync.ports import Transport
from sync.uplink import Uplink, UplinkSettings

STORAGE_RETRY_S = 5.0  # a full disk or a pulled card is looked at again this often
CORE_SINK = "core"

# A request has up to 300 s each to connect, to send and to be answered (`timeout_s`).
ATTEMPT_LIMIT_S = 1_000.0

log = structlog.get_logger()


class CoreLink:
    """`site` may be replaced while `run` does not run; the next `run` goes by it."""

    def __init__(
        self,
        site: SiteConfig,
        spool: Spool,
        clock: Clock,
        randomness: random.Random,
        *,
        idle_s: float,
    ) -> None:
        self.site = site
        self._spool = spool
        self._clock = clock
        self._steps = Footsteps(clock, limit_s=ATTEMPT_LIMIT_S)
        self._randomness = randomness
        self._idle_s = idle_s
        self._opened = self._open()

    @property
    def uplink(self) -> Uplink | None:
        return None if self._opened is None else self._opened[0]

    async def run(self) -> None:
        """One life: ends by being cancelled, by a bug, or at once without a core. It survives a
        storage failure, its batch in flight meanwhile; raises SpoolCorruptError.
        """
        opened = self._opened = self._opened or self._open()
        if opened is None:
            return
        uplink, transport = opened
        self._steps.begin()
        try:
            while True:
                try:
                    await uplink.run()
                except SpoolCorruptError:
                    raise
                except SpoolError as error:
                    log.error(
                        "uplink_paused", what=error.what, remedy=error.remedy, code=error.code
                    )
                    await self._steps.sleep(STORAGE_RETRY_S)
        finally:
            self._opened = None
            self._steps.end()
            await transport.aclose()

    def stuck(self) -> bool:
        """Neither an attempt that ends nor a wait that is due."""
        return self._steps.overdue()

    def facts(self) -> dict[str, Any]:
        """For the snapshot, {} while there is no uplink."""
        if self.uplink is None:
            return {}
        facts: dict[str, Any] = msgspec.to_builtins(self.uplink.state)
        return facts

    def _open(self) -> tuple[Uplink, Transport] | None:
        site = self.site
        if site.uplink is None:
            return None
        identity = LiveIdentity(site)
        transport = LiveTransport(site, site.uplink, identity)
        gateway, zone = site.gateway.name, site.site.zone
        uplink = Uplink(
            CoreOutbox(self._spool, gateway=gateway, zone=zone, clock=self._clock),
            transport,
            UplinkSettings(
                sink=CORE_SINK, batch_records=site.uplink.batch_records, idle_s=self._idle_s
            ),
            sealer=LiveSealer(identity, site=site.site.name),
            clock=self._steps,
            random=self._randomness.random,
        )
        return uplink, transport

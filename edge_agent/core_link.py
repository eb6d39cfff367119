"""The uplink to the core as a part of the agent that can be started anew, with another site file."""

import random
from typing import Any

import msgspec
import structlog

from drivers.ports import Clock
from edge_agent.config.models import SiteConfig, UplinkSection
from edge_agent.core_outbox import CoreOutbox
from edge_agent.footsteps import Footsteps
from edge_agent.identity_file import read_identity
from edge_agent.spool.store import Spool, SpoolError
from sync.identity import GatewayIdentity
from sync.ports import Transport
from sync.sealing import Sealer
from sync.uplink import Uplink, UplinkProblem, UplinkSettings, UplinkState

STORAGE_RETRY_S = 10.0  # a full disk or a pulled card is looked at again this often
CORE_SINK = "core"

# A request has up to 300 s each to connect, to send and to be answered (`timeout_s`).
ATTEMPT_LIMIT_S = 1_000.0

log = structlog.get_logger()


class CoreLink:
    """`site` may be replaced while `run` does not run; the next `run` goes by it, and by the key that
    the gateway has then.
    """

    def __init__(
        self,
        site: SiteConfig,
        spool: Spool,
        clock: Clock,
        randomness: random.Random,
        *,
        idle_s: float,
    ) -> None:
        """Raises OSError and ValueError for a key file that is damaged."""
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
        """One life: ends by being cancelled, by a bug, or at once for a gateway that has no core or
        has not enrolled. It survives a storage failure; its batch stays in flight meanwhile.
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
        """For the snapshot, {} without a core."""
        if self.site.uplink is None:
            return {}
        state = self.uplink.state if self.uplink else UplinkState(last_error=self._not_enrolled())
        facts: dict[str, Any] = msgspec.to_builtins(state)
        return facts

    def _open(self) -> tuple[Uplink, Transport] | None:
        gateway = self.site.gateway
        section = self.site.uplink
        identity = read_identity(gateway.state_dir, gateway.name)
        if section is None or identity is None:
            return None
        transport = _open_transport(section, identity)
        zone = self.site.site.zone
        uplink = Uplink(
            CoreOutbox(self._spool, gateway=identity.gateway, zone=zone, clock=self._clock),
            transport,
            UplinkSettings(
                sink=CORE_SINK, batch_records=section.batch_records, idle_s=self._idle_s
            ),
            sealer=Sealer(identity, site=self.site.site.name),
            clock=self._steps,
            random=self._randomness.random,
        )
        return uplink, transport

    def _not_enrolled(self) -> UplinkProblem:
        return UplinkProblem(
            at=self._clock.now(),
            what="this gateway has no key of its own yet, so nothing is delivered",
            where=f"gateway {self.site.gateway.name}",
            remedy="edge-agent enroll with a token of hr-core token; records are kept here",
            code="not_enrolled",
        )


def _open_transport(section: UplinkSection, identity: GatewayIdentity) -> Transport:
    from sync.http import HttpTransport  # noqa: PLC0415 - costs memory; only with a core

    return HttpTransport(section.url, identity, timeout_s=section.timeout_s)
